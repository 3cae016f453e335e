"""Maps, activations, similarity, surface and sharpness as analyses: of subjects, into results that can be stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from torch.nn import functional as F  # noqa: N812

from resnet_studio.analysis import activations, cam, sharpness, similarity, surface
from resnet_studio.analysis.registry import MEASURES
from resnet_studio.analysis.subjects import Subject
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.activations import ActivationsSettings, filters_drawn, maps_drawn
from resnet_studio.domain.analyses.cam import Cam, CamSettings, MapOf, drawn
from resnet_studio.domain.analyses.result import AnalysisResult
from resnet_studio.domain.analyses.sharpness import SharpnessSettings
from resnet_studio.domain.analyses.similarity import SimilaritySettings
from resnet_studio.domain.analyses.surface import Side, SurfaceSettings
from resnet_studio.domain.errors import Stopped, StoreError, UserError
from resnet_studio.domain.spec import replace

from .conftest import assert_untouched, state

Make = Callable[..., Subject]
QUICK = {
    "cam": CamSettings(images=4),
    "activations": ActivationsSettings(images=4),
    "similarity": SimilaritySettings(images=16, batch=8),
    "surface": SurfaceSettings(images=16, side=Side.FIVE),
    "sharpness": SharpnessSettings(images=16, tolerance=0.3),
}


@pytest.fixture
def few(images: DrawnImages) -> DrawnImages:
    """The first sixteen."""
    pixels = {size: part[:16] for size, part in images.pixels.items()}
    return DrawnImages.of(pixels, images.labels[:16].tolist(), images.names[:16], images.class_names)


def look(key: str, subjects: Sequence[Subject], images: DrawnImages, settings: Any = None, **more: Any) -> Any:
    return MEASURES[key](subjects, images, settings or QUICK[key], *more.values() or (lambda d, t: None, lambda: False))


@pytest.mark.parametrize("key", QUICK)
def test_stored_and_read_again_it_is_the_same(subject: Make, few: DrawnImages, key: str) -> None:
    """Through JSON, as the history and ``--json`` have it; tables and figures hold every network."""
    subjects = [subject("plain-8"), subject("resnet-8")]
    before = [state(each) for each in subjects]
    found = look(key, subjects, few)
    for each, kept in zip(subjects, before, strict=True):
        assert_untouched(each, kept)
    kind: type[AnalysisResult] = type(found[0])
    again = [kind.from_json(json.loads(json.dumps(one.to_json()))) for one in found]
    same = [json.dumps(one.to_json()) == json.dumps(other.to_json()) for one, other in zip(found, again, strict=True)]
    assert all(same)
    assert [[net.title for net in one.nets] for one in again] == [[net.title for net in one.nets] for one in found]
    tables_agree = repr(kind.table(again).rows) == repr(kind.table(found).rows)
    assert tables_agree
    figure = kind.figure(again)
    assert all(each.net.title in figure.title for each in subjects)
    for results in (found, found[:1]):
        table = kind.table(results)
        assert {len(row) for row in table.rows} == {len(table.columns)}
        assert kind.summary(results).rows
    with pytest.raises(StoreError):
        kind.from_json({**found[0].to_json(), "net": 1, "network": None, "depth": "x"})


@pytest.mark.parametrize("key", QUICK)
def test_progress_has_one_total_and_a_stop_is_heard(subject: Make, few: DrawnImages, key: str) -> None:
    subjects, steps = [subject("plain-8"), subject("resnet-8")], []
    look(key, subjects, few, progress=lambda done, total: steps.append((done, total)), stop=lambda: False)
    assert len({total for _done, total in steps}) == 1
    assert [done for done, _total in steps] == sorted(done for done, _total in steps)
    assert steps[-1][0] == steps[-1][1]
    before = state(subjects[0])
    for at in (1, 7):
        left = iter(range(at))
        with pytest.raises(Stopped):
            look(key, subjects, few, progress=lambda d, t: None, stop=lambda left=left: next(left, None) is None)
        assert_untouched(subjects[0], before)


def test_cam_of_prediction_and_label(subject: Make, few: DrawnImages) -> None:
    net = subject()
    logits = _logits(net, few)
    predicted = cam.measure(net, few, QUICK["cam"])
    labelled = cam.measure(net, few, replace(QUICK["cam"], map_of=MapOf.LABEL))
    for place, (first, second) in enumerate(zip(predicted.images, labelled.images, strict=True)):
        assert first.map_of == few.class_names[int(logits[place].argmax())]
        assert second.map_of == second.label == few.class_names[int(few.labels[place])]
        assert second.probability == pytest.approx(float(logits[place].softmax(0)[int(few.labels[place])]), abs=1e-6)
        assert (first.pixels == few.pixels[16][place].permute(1, 2, 0).numpy()).all()
        assert drawn(first).shape == first.pixels.shape
    assert predicted.blocks == ("stage1.block1", "stage2.block1", "stage3.block1")
    assert [each.part for each in predicted.randomised][:2] == ["head", "stage3.block1"]
    assert len(Cam.figure([predicted, labelled]).panels) == 4 * 3 + 1


def test_one_block_is_shown(subject: Make, few: DrawnImages) -> None:
    net = subject()
    (maps,) = {cam.measure(net, few, replace(QUICK["cam"], block="stage2.block1")).blocks}
    assert maps == ("stage2.block1",)
    found = activations.measure(net, few, replace(QUICK["activations"], block="stage2.block1", channels=3))
    shown = [each for each in found.blocks if each.maps.size]
    assert [(each.name, each.maps.shape) for each in shown] == [("stage2.block1", (3, 8, 8))]
    assert [each.name for each in found.filters] == ["stage2.block1.conv1", "stage2.block1.conv2"]
    assert found.filters[0].kernels.shape == (3, 3, 3, 3)
    for measure, settings in ((cam.measure, QUICK["cam"]), (activations.measure, QUICK["activations"])):
        with pytest.raises(UserError, match=r"no block .stage9\.block1."):
            measure(net, few, replace(settings, block="stage9.block1"))


def test_maps_are_kept_to_a_255th(subject: Make, few: DrawnImages) -> None:
    net = subject()
    found = activations.measure(net, few, QUICK["activations"]).blocks[-1]
    exact = activations.block_activations(net.network, net.blueprint, net.inputs(few), trained=False)[-1]
    np.testing.assert_allclose(found.values, exact.maps, atol=(found.high - found.low) / 254)
    assert maps_drawn(found).shape == (4 * 5 - 1, 4 * 5 - 1, 3)  # sixteen of 4 x 4
    assert filters_drawn(activations.filters(net.network, net.blueprint)[0]).shape == (7, 7, 3)


def test_similarity_of_each_and_of_pairs(subject: Make, few: DrawnImages) -> None:
    seen: list[Sequence[AnalysisResult]] = []
    subjects = [subject("plain-8"), subject("resnet-14")]
    found = similarity.measure(subjects, few, QUICK["similarity"], on_partial=seen.append)
    assert [tuple(net.label for net in one.nets) for one in found] == [
        ("plain-8",), ("ResNet-14",), ("plain-8", "ResNet-14"),
    ]  # fmt: skip
    assert [one.values.shape for one in found] == [(8, 8), (14, 14), (8, 14)]
    np.testing.assert_allclose(found[0].values.diagonal(), 1.0, atol=1e-12)
    assert len(found[0].beside) == 7
    assert [one.compared for one in seen[0]] == [8, 8, 8]
    assert found[0].compared == 16
    odd = similarity.measure(subjects[:1], few, SimilaritySettings(images=16, batch=6))
    assert odd[0].compared == 16  # batches of 6, 6 and 4
    left_out = similarity.measure(subjects[:1], few, SimilaritySettings(images=16, batch=13))
    assert left_out[0].compared == 13


def test_surface_of_a_twin_comes_grid_by_grid(subject: Make, few: DrawnImages) -> None:
    subjects = [subject("plain-8"), subject("resnet-8")]
    seen: list[Sequence[Any]] = []
    found = surface.measure(subjects, few, replace(QUICK["surface"], side=Side.NINE), on_partial=seen.append)
    assert [[one.side for one in each] for each in seen] == [[5, 5], [9, 5]]
    assert [one.side for one in found] == [9, 9]
    for one, net in zip(found, subjects, strict=True):
        expected = float(F.cross_entropy(_logits(net, few), net.targets(few)))
        assert one.centre == pytest.approx(expected, abs=1e-5)
        assert one.guessing == pytest.approx(np.log(10))
        assert one.below_guessing == np.mean(one.loss < np.log(10))
    line = surface.measure(subjects, few, replace(QUICK["surface"], line=True))
    assert all(one.is_line for one in line)
    assert (line[0].line == found[0].line[::2]).all()


def test_sharpness_hands_on_each_estimate(subject: Make, few: DrawnImages) -> None:
    seen: list[Sequence[Any]] = []
    subjects = [subject("plain-8"), subject("resnet-8")]
    found = sharpness.measure(subjects, few, QUICK["sharpness"], on_partial=seen.append)
    assert len(seen) == sum(len(one.steps) for one in found)
    assert [len(each) for each in seen] == [1] * len(found[0].steps) + [2] * len(found[1].steps)
    assert all(one.converged for one in found)
    relative = sharpness.measure(subjects, few, replace(QUICK["sharpness"], relative=True))
    assert relative[0].eigenvalue != found[0].eigenvalue
    assert "relative" in type(relative[0]).figure(relative).title


def _logits(net: Subject, images: DrawnImages) -> Any:
    """Of an untrained design: batch norm by the batch."""
    from resnet_studio.networks.module_state import batch_statistics

    with batch_statistics(net.network):
        return net.network(net.inputs(images))
