"""A run as the command line that trains it again."""

from __future__ import annotations

import os
import shlex

from resnet_studio.domain.home import VARIABLE, Home
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec, Spec
from resnet_studio.domain.terms import Shortcut

_FLAGS = {"data.source": "--data", "data.seed": "--data-draw"}  # other options are the field's own name


def command_line(spec: RunSpec, twin: bool, home: Home | None = None) -> str:
    """``resnet-studio train`` with every option that is not its default, quoted for a POSIX shell.

    Args:
        twin: Train the counterpart too.
        home: Where to train; named unless a bare command finds it in any terminal.
    """
    words = ["resnet-studio", "train"]
    for part, value, default in (
        ("network", spec.network, NetworkSpec()),
        ("data", spec.data, DataSpec()),
        ("recipe", spec.recipe, RecipeSpec()),
    ):
        words += _options(part, value, default, spec)
    if spec.name:
        words += ["--name", spec.name]
    if home is not None and (os.environ.get(VARIABLE) or home != Home.find()):
        words += ["--home", str(home.root)]
    if twin:
        words.append("--twin")
    return shlex.join(words)


def _options(part: str, value: Spec, default: Spec, spec: RunSpec) -> list[str]:
    words: list[str] = []
    one_seed = spec.recipe.init_seed == spec.recipe.data_seed
    for name in type(value).model_fields:
        given = getattr(value, name)
        follows_block = name == "shortcut" and given is Shortcut.NONE
        from_folder = name == "classes" and spec.data.folder is not None
        if follows_block or (given == getattr(default, name) and not from_folder):
            continue
        if name == "data_seed" and one_seed:
            continue
        flag = "--seed" if name == "init_seed" and one_seed else _flag(f"{part}.{name}")
        words += [flag, _text(given)]
    return words


def _flag(path: str) -> str:
    return _FLAGS.get(path, "--" + path.rpartition(".")[2].replace("_", "-"))


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value) or "none"
    return str(value)
