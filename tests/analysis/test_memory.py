"""A batch that does not fit into free memory is refused before anything is measured."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from resnet_studio.analysis import memory
from resnet_studio.analysis.memory import forward_bytes, gradient_bytes
from resnet_studio.analysis.registry import MEASURES
from resnet_studio.analysis.subjects import Subject
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.rows import find_analysis
from resnet_studio.domain.analyses.shattered import ShatteredSettings
from resnet_studio.domain.blueprint import training_bytes
from resnet_studio.domain.errors import UserError

WHOLE = ("signal", "paths", "cam", "activations", "shattered")


@pytest.mark.parametrize("key", WHOLE)
def test_what_does_not_fit_is_refused_with_what_would(
    subject: Callable[..., Subject], images: DrawnImages, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    settings = ShatteredSettings(lines=1) if key == "shattered" else find_analysis(key).settings()

    def look(images: DrawnImages) -> object:
        return MEASURES[key]([subject()], images, settings, lambda _done, _total: None, lambda: False)

    monkeypatch.setattr(memory, "available_bytes", lambda: 800_000)
    with pytest.raises(UserError, match=r"40 images go through ResNet-8 as one batch.*Choose at most \d+ images") as no:
        look(images)
    most = int(re.search(r"at most (\d+)", str(no.value))[1])  # type: ignore[index]
    assert 2 <= most < 40
    fewer = {size: part[:most] for size, part in images.pixels.items()}
    assert look(DrawnImages.of(fewer, images.labels[:most].tolist(), images.names[:most], images.class_names))


def test_estimates_grow_with_the_network_and_gradients(subject: Callable[..., Subject]) -> None:
    small, large = subject("resnet-8").blueprint, subject("resnet-20").blueprint
    assert gradient_bytes(large) > 2 * gradient_bytes(small) > 2 * forward_bytes(small)
    for plan in (small, large):  # what training counts from below
        assert gradient_bytes(plan) > training_bytes(plan, 2) - training_bytes(plan, 1)
