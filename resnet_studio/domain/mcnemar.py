"""Two classifiers on the same images: what can be said of the difference of their errors.

The images that both get right or both get wrong say nothing of the difference; the others do (McNemar 1947, Note on the
sampling error of the difference between correlated proportions, Psychometrika 12:153).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from resnet_studio.domain.statistics import fair_coin_tail

Z_95 = 1.959963984540054  # the normal distribution's 97.5 % point


@dataclass(frozen=True, slots=True)
class PairedErrors:
    """Counts of one set of images, each seen by both.

    Attributes:
        images: All of them, at least 1.
        only_first: Those that the first alone gets wrong.
        only_second: Those that the second alone gets wrong.
    """

    images: int
    only_first: int
    only_second: int

    def __post_init__(self) -> None:
        if self.images < 1 or min(self.only_first, self.only_second) < 0 or self.discordant > self.images:
            raise ValueError(f"{self.only_first} + {self.only_second} of {self.images} images make no sense")

    @property
    def discordant(self) -> int:
        return self.only_first + self.only_second

    @property
    def difference(self) -> float:
        """Error of the second minus that of the first, percentage points."""
        return 100.0 * (self.only_second - self.only_first) / self.images

    def interval(self, z: float = Z_95) -> tuple[float, float]:
        """Confidence interval of the difference, percentage points, within -100..100.

        McNemar's standard error, with half an image added to each of the four cells: Agresti and Min 2005, Simple
        improved confidence intervals for comparing matched proportions, Statistics in Medicine 24:729. So it has a
        width even where the two agree on every image.
        """
        images = self.images + 2
        gap = self.only_second - self.only_first
        centre = gap / images
        width = z * math.sqrt(self.discordant + 1 - gap * gap / images) / images
        return 100.0 * max(-1.0, centre - width), 100.0 * min(1.0, centre + width)

    @property
    def p_value(self) -> float:
        """McNemar's exact test of equal errors, two-sided: the images on which they differ as tosses of a fair coin."""
        return fair_coin_tail(self.only_first, self.only_second)
