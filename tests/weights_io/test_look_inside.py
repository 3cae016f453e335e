"""Weights that another program trained are looked into like those of a run."""

from __future__ import annotations

import threading
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from resnet_studio.analysis.cam import randomised
from resnet_studio.data.drawn_images import Part
from resnet_studio.data.images import to_square
from resnet_studio.domain.analyses.lesion import Lesion
from resnet_studio.domain.analyses.result import plain
from resnet_studio.domain.analyses.rows import ANALYSES, find_analysis
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Device
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.imported_weights import ImportOptions, StructureHints
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import DataSpec
from resnet_studio.history.store import RunStore
from resnet_studio.inference.models import load
from resnet_studio.runner.inside import Checkpoint, Question, look_inside
from resnet_studio.ui.pages.classify.maps import SIDE, MapNetworks, draw_maps
from resnet_studio.weights_io.import_weights import import_weights, inspect

QUICK = {"surface": {"side": "5"}, "sharpness": {"tolerance": 0.3}, "construct": {"depth": 14}}
IMAGES = 120  # all test images


@pytest.fixture
def imported(trained, script: ModuleType, class_file: Path, store: RunStore):  # type: ignore[no-untyped-def]
    """By the script's kind of network: the run, and the images of all that the script gets wrong."""

    def make(kind: str) -> tuple[RunRecord, int]:
        file, wrong, _images = trained(kind)
        hints = StructureHints(image_size=16)
        asked = ImportOptions(hints=hints, mean=script.MEAN, std=script.STD, classes=class_file)
        return import_weights(store, inspect(file, asked), asked), wrong

    return make


def question(key: str, runs: list[RunRecord], pictures: Path) -> Question:
    row = find_analysis(key)
    settings = row.settings.model_validate({"images": IMAGES if key == "lesion" else 16, **QUICK.get(key, {})})
    part = Part.TRAINING if row.builds else Part.TEST
    return Question(
        row, settings, tuple(map(Checkpoint, runs)), DataSpec(source=f"folder:{pictures}"), part, Device.CPU
    )


@pytest.mark.parametrize("key", [row.key for row in ANALYSES])
def test_every_analysis_of_imported_weights(key: str, imported, pictures: Path, store: RunStore) -> None:  # type: ignore[no-untyped-def]
    (residual, wrong), (without, wrong_plain) = imported("end"), imported("plain")
    row = find_analysis(key)
    found = look_inside(question(key, [without] if row.builds else [without, residual], pictures), store, store.home)
    assert {run_id for record in found for run_id in record.run_ids} == (
        {without.id} if row.builds else {without.id, residual.id}
    )
    for record in found:
        assert store.add_analysis(record) is record
        kept = store.analysis(record.id)
        np.testing.assert_equal(plain(kept.result.to_json()), plain(record.result.to_json()))
        figure = row.result.figure([record.result])
        assert figure.title
        assert figure.panels
        assert row.result.table([record.result]).rows
    if key == "lesion":  # all images: the error that the script itself counts
        errors = [record.result.error for record in found if isinstance(record.result, Lesion)]
        assert errors == pytest.approx([100 * wrong_plain / IMAGES, 100 * wrong / IMAGES])


def test_a_deeper_net_is_built_of_plain_weights_alone(imported, pictures: Path, store: RunStore) -> None:  # type: ignore[no-untyped-def]
    residual, _wrong = imported("end")
    with pytest.raises(UserError, match="plain"):
        look_inside(question("construct", [residual], pictures), store, store.home)


def test_classify_checks_imported_maps_with_random_weights(imported, pictures: Path, store: RunStore) -> None:  # type: ignore[no-untyped-def]
    """The job of the Classify page, in a thread of its own: both maps of each network, and how like they are."""
    runs = [imported(kind)[0] for kind in ("plain", "end")]
    file = sorted((pictures / "test").rglob("*.png"))[0]
    networks, emitted = MapNetworks(), []
    wanted = [((run.id, file.name, random), (run, file)) for run in runs for random in (False, True)]
    work = draw_maps(store, wanted, networks, single_threaded=True)
    thread = threading.Thread(target=work, args=(emitted.append, lambda: False))
    thread.start()
    thread.join()
    assert [picture.key for picture in emitted] == [key for key, _source in wanted]
    assert all(len(picture.pixels) == 3 * SIDE * SIDE for picture in emitted)
    assert len({picture.pixels for picture in emitted}) == 4
    for run in runs:
        network = load(store, run)
        x = network.preprocessing.apply(to_square(Image.open(file).convert("RGB"), 16)[None])
        parts = randomised(network.module, blueprint(run.spec.network), x)
        found = networks.likeness[run.id, file.name, True]
        assert (found.last_layer, found.everything) == (parts[0].correlation, parts[-1].correlation)
