"""How a trained network is tested: which views of each image it sees, and how its answers are put together."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from resnet_studio.domain.spec import ReadWhen, Spec, spec_field
from resnet_studio.text import N_, _

PAPER_SCALES = (224, 256, 384, 480, 640)  # He et al. 2015, section 3.4
Scale = Annotated[int, Field(ge=8, le=4096)]


class ProtocolKind(StrEnum):
    """single: the view that training tests on. The others: section 3.4."""

    SINGLE = "single"
    CENTRE_CROP = "centre-crop"
    TEN_CROP = "ten-crop"
    MULTI_SCALE = "multi-scale"


_MULTI_SCALE = ReadWhen("kind", (ProtocolKind.MULTI_SCALE,))
_MULTI_SCALE_REFUSAL = _("scales and flip are read only by multi-scale, not by {kind}; leave them out")


class Protocol(Spec):
    """Views of an image; the softmax outputs of all views are averaged.

    single: the shorter side resized to the network's image size, the centre square. centre-crop: the shorter side
    resized to ``resize``, the centre square of the image size. ten-crop: four corners and the centre of the same
    resized image, and their mirror images. multi-scale: the whole image, its shorter side resized to each scale,
    through the network as a fully convolutional one.
    """

    kind: ProtocolKind = spec_field(
        N_("Protocol"),
        N_(
            "single: the view that training tests on. centre-crop: one square of the resized image. ten-crop: corners, "
            "centre, and their mirror images. multi-scale: the whole image at several sizes."
        ),
        simple=True,
        default=ProtocolKind.SINGLE,
    )
    resize: int = spec_field(
        N_("Shorter side"),
        N_("centre-crop, ten-crop: before cropping; 0: 256 for each 224 of the image size, as on ImageNet."),
        unit=N_("pixels"),
        default=0,
        ge=0,
        le=4096,
        read_when=ReadWhen("kind", (ProtocolKind.CENTRE_CROP, ProtocolKind.TEN_CROP)),
        refusal=N_("resize is read only by centre-crop and ten-crop, not by {kind}; leave it out"),
    )
    scales: tuple[Scale, ...] = spec_field(
        N_("Scales"),
        N_("multi-scale: shorter sides; empty: the paper's 224, 256, 384, 480, 640."),
        unit=N_("pixels"),
        default=(),
        max_length=20,
        read_when=_MULTI_SCALE,
        refusal=_MULTI_SCALE_REFUSAL,
    )
    flip: bool = spec_field(
        N_("Mirror images"),
        N_("multi-scale: each size is also seen mirrored."),
        default=False,
        read_when=_MULTI_SCALE,
        refusal=_MULTI_SCALE_REFUSAL,
    )

    @field_validator("scales")
    @classmethod
    def _scales_rise(cls, scales: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(scales)) != len(scales):
            raise ValueError(_("no scale may come twice"))
        return tuple(sorted(scales))

    @model_validator(mode="after")
    def _choices_are_read(self) -> Self:
        if fault := self.unread_fault():
            raise ValueError(fault)
        return self

    def resize_for(self, image_size: int) -> int:
        """Shorter side before cropping, in pixels, never less than ``image_size``."""
        return max(image_size, self.resize or round(image_size * 256 / 224))

    def canonical(self, image_sizes: Sequence[int]) -> Protocol:
        """Without a resize that equals the usual one: one way to test has one key.

        ``image_sizes`` are those of the networks that are tested.
        """
        usual = Protocol(kind=self.kind) if self.resize else self
        fits = all(usual.resize_for(size) == self.resize for size in image_sizes)
        return usual if self.resize and fits else self

    @property
    def sizes(self) -> tuple[int, ...]:
        """Shorter sides of multi-scale testing, rising; empty for the other kinds."""
        return (self.scales or PAPER_SCALES) if self.kind is ProtocolKind.MULTI_SCALE else ()

    @property
    def views(self) -> int:
        """How many times each image is looked at."""
        if self.kind is ProtocolKind.MULTI_SCALE:
            return len(self.sizes) * (2 if self.flip else 1)
        return 10 if self.kind is ProtocolKind.TEN_CROP else 1

    @property
    def key(self) -> str:
        """The same for equal protocols and for no others: results under different keys are never mixed."""
        words = [str(self.kind)]
        if self.resize:
            words.append(f"resize={self.resize}")
        if self.kind is ProtocolKind.MULTI_SCALE:
            words.append("scales=" + ",".join(map(str, self.sizes)))
        if self.flip:
            words.append("flip")
        return " ".join(words)

    @property
    def label(self) -> str:
        """For people: ``10-crop``, ``multi-scale 224, 256, 384, 480, 640``."""
        names = {
            ProtocolKind.SINGLE: _("single view"),
            ProtocolKind.CENTRE_CROP: _("centre crop"),
            ProtocolKind.TEN_CROP: "10-crop",
            ProtocolKind.MULTI_SCALE: "multi-scale",
        }
        words = names[self.kind]
        if self.resize:
            words += _(" of {resize}", resize=self.resize)
        if self.sizes:
            words += " " + ", ".join(map(str, self.sizes))
        return words + (_(" mirrored too") if self.flip else "")


SINGLE = Protocol()
