"""The command line of a run gives that run back."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from resnet_studio.domain.enums import Block, Shortcut
from resnet_studio.domain.spec_as_command import command_line
from resnet_studio.domain.specs import CohortSpec, DataSpec, NetworkSpec, RecipeSpec, RunSpec, replace, twin

PLAIN = NetworkSpec(depth=56, block=Block.PLAIN)
SPECS = [
    RunSpec(),
    RunSpec(name='my net\'s "best"', network=NetworkSpec(depth=110, shortcut=Shortcut.C)),
    RunSpec(network=PLAIN, recipe=RecipeSpec(iterations=400, milestones=(), learning_rate=0.02, weight_decay=0.0)),
    RunSpec(recipe=RecipeSpec(init_seed=3, data_seed=3, milestones=(10, 20), precision="bfloat16", device="cpu")),
    RunSpec(recipe=RecipeSpec(init_seed=3, data_seed=4, augmentation="none", normalisation="channel-mean-std")),
    RunSpec(recipe=RecipeSpec(data_seed=4, momentum=0.5, test_every=7, batch_size=33), data=DataSpec(seed=5)),
    RunSpec(network=NetworkSpec(family="imagenet", depth=50, stride_place="3x3")),
    RunSpec(network=NetworkSpec(family="imagenet", depth=50, block="plain")),
    RunSpec(network=NetworkSpec(family="imagenet", depth=34, shortcut="C", image_size=64)),
    RunSpec(network=NetworkSpec(block="bottleneck", depth=29, zero_padding="both", activation="pre")),
    RunSpec(network=NetworkSpec(stages=(1, 2, 1), widths=(4, 8, 9)), recipe=RecipeSpec(schedule="plateau")),
    RunSpec(recipe=RecipeSpec(schedule="cosine", momentum_form="authors", warmup_rate=0.01)),
    RunSpec(data=DataSpec(held_out=500, test_on="held-out", seed=3)),
    RunSpec(network=NetworkSpec(width=4, image_size=16, classes=12), data=DataSpec(source="folder:FOLDER")),
]


def test_only_what_differs_is_named() -> None:
    assert command_line(RunSpec(), twin=False) == "resnet-studio train"
    assert command_line(RunSpec(network=PLAIN), twin=True) == "resnet-studio train --depth 56 --block plain --twin"
    assert command_line(RunSpec(recipe=RecipeSpec(milestones=(), init_seed=2, data_seed=2)), twin=False) == (
        "resnet-studio train --milestones none --seed 2"
    )


def _folder_of_classes(root: Path, classes: int) -> Path:
    for number in range(classes):
        folder = root / f"class {number}"
        folder.mkdir(parents=True)
        for name in ("a.png", "b.png"):
            Image.new("RGB", (16, 16)).save(folder / name)
    return root


@pytest.mark.parametrize("as_twin", [False, True])
@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
def test_the_command_line_program_reads_the_same_run(
    spec: RunSpec, as_twin: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from resnet_studio.cli.main import app

    monkeypatch.setenv("RESNET_STUDIO_HOME", str(tmp_path / "home"))
    if spec.data.folder is not None:
        folder = _folder_of_classes(tmp_path / "my images; 'all'", spec.network.classes)
        spec = replace(spec, data=DataSpec(source=f"folder:{folder}"))
    words = shlex.split(command_line(spec, as_twin))
    result = CliRunner().invoke(app, [*words[1:], "--dry-run", "--json"])
    assert result.exit_code == 0, result.output
    wanted = twin(spec) if as_twin else CohortSpec(runs=(spec,))
    assert CohortSpec.model_validate(json.loads(result.output)).runs == wanted.runs
