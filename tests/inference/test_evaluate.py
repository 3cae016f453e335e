"""The whole labelled test set: the stored error again, classes by name, and sentences where they do not agree."""

from __future__ import annotations

import shutil
from functools import partial

import numpy as np
import pytest
from PIL import Image

from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.protocols import SINGLE
from resnet_studio.domain.specs import DataSpec
from resnet_studio.inference.classify import classify
from resnet_studio.inference.evaluate import evaluate as evaluate_all
from resnet_studio.inference.models import load


def evaluate(network, data, home, *rest, **options):
    """One run, single view."""
    return evaluate_all([network], data, SINGLE, home, *rest, **options)


def keep(reports, text, done):
    reports.append((text, done))


def test_a_runs_own_test_set_gives_its_stored_error_again(store, trained, pictures, home):
    for run in trained:
        reports: list[tuple[str, float | None]] = []
        result = evaluate(load(store, run), run.spec.data, home, partial(keep, reports))
        assert result.run_ids == (run.id,)
        assert result.protocol == SINGLE
        assert result.images == 36
        assert result.top1_error == pytest.approx(run.test_error, abs=1e-4)
        assert result.top5_error == 0.0  # three classes
        assert result.data == f"folder:{pictures}"
        assert result.skipped == ()
        assert reports[-1] == ("testing", 1.0)
        shares = [share for text, share in reports if text == "testing"]
        assert shares == sorted(shares)


def test_classes_are_matched_by_name_in_any_order(store, trained, pictures, home):
    """The same network with its outputs in another order, and the names to match."""
    run = trained[1]
    network = load(store, run)
    before = evaluate(network, run.spec.data, home)
    turned = type(network)(
        run=run,
        module=network.module,
        preprocessing=network.preprocessing,
        class_names=("green", "red", "blue"),
        iteration=network.iteration,
        weights_sha256=network.weights_sha256,
    )
    order = [network.class_names.index(name) for name in turned.class_names]
    head = network.module.head.fc
    head.weight.copy_(head.weight[order].clone())
    head.bias.copy_(head.bias[order].clone())
    after = evaluate(turned, run.spec.data, home)
    assert after.top1_error == pytest.approx(before.top1_error)
    np.testing.assert_array_equal(after.predicted, before.predicted)
    np.testing.assert_array_equal(after.confusion, before.confusion)


def test_other_classes_are_refused_by_name(store, trained, folders, tmp_path, home):
    other = folders(tmp_path / "other", {"blue": (0, 0, 255), "pink": (255, 100, 150), "red": (255, 0, 0)}, count=2)
    with pytest.raises(UserError, match=r"pink is unknown to the run and green is missing from the data"):
        evaluate(load(store, trained[0]), DataSpec(source=f"folder:{other}"), home)
    with pytest.raises(UserError, match=r"is unknown|are unknown"):
        evaluate(load(store, trained[0]), DataSpec(), home)


def test_unreadable_files_are_named(store, trained, pictures, tmp_path, home):
    copy = tmp_path / "copy"
    shutil.copytree(pictures, copy)
    (copy / "test" / "red" / "broken.png").write_text("no image")
    result = evaluate(load(store, trained[0]), DataSpec(source=f"folder:{copy}"), home)
    assert result.images == 36
    assert len(result.skipped) == 1
    assert "broken.png" in result.skipped[0]


def test_what_was_done_to_pixels_is_noted(store, trained, pictures, tmp_path, home):
    copy = tmp_path / "copy"
    shutil.copytree(pictures, copy)
    for number in range(2):
        deep = Image.fromarray(np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16))
        deep.save(copy / "test" / "red" / f"deep{number}.tif", tiffinfo={262: 0})
    network = load(store, trained[0])
    result = evaluate(network, DataSpec(source=f"folder:{copy}"), home)
    (note,) = result.notes
    assert note.startswith("2 images: ")
    assert "inverted" in note
    seen = []
    classify([copy / "test" / "red" / "deep0.tif", next((copy / "test" / "blue").iterdir())], [network], seen.append)
    assert ["inverted" in one.note for one in seen] == [True, False]


def test_a_missing_folder_is_a_sentence(store, trained, tmp_path, home):
    with pytest.raises(UserError):
        evaluate(load(store, trained[0]), DataSpec(source=f"folder:{tmp_path / 'nowhere'}"), home)


def test_a_stop_is_heard(store, trained, home):
    with pytest.raises(Stopped):
        evaluate(load(store, trained[0]), trained[0].spec.data, home, should_stop=lambda: True)
