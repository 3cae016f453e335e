"""A run as the command line that trains it again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from resnet_studio.domain.network_spec import filled_in
from resnet_studio.domain.spec import Spec, defaults, unread_values
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RunSpec

_FLAGS = {"data.source": "--data", "data.seed": "--data-draw"}  # other options are the field's own name
EMPTY = "none"  # a list without numbers


def command_line(spec: RunSpec, twin: bool, home: str = "") -> str:
    """``resnet-studio train`` with every option that is not its default, quoted for a POSIX shell.

    Args:
        spec: The run to train.
        twin: Train the counterpart too.
        home: Folder to name with ``--home``; empty where a bare command finds it in any terminal.
    """
    words = ["resnet-studio", "train"]
    for part, value in (("network", spec.network), ("data", spec.data), ("recipe", spec.recipe)):
        words += _options(part, value, spec)
    if spec.start_from:
        words += ["--start-from", spec.start_from]
    if spec.name:
        words += ["--name", spec.name]
    if home:
        words += ["--home", home]
    if twin:
        words.append("--twin")
    return shlex.join(words)


def _options(part: str, value: Spec, spec: RunSpec) -> list[str]:
    words: list[str] = []
    one_seed = spec.recipe.init_seed == spec.recipe.data_seed
    named: dict[str, object] = {}
    for name in _order(value):
        given = getattr(value, name)
        if given == (_classes_of(spec) if name == "classes" else _implied(value, name, named)):
            continue
        named[name] = given
        if name == "data_seed" and one_seed:
            continue
        flag = "--seed" if name == "init_seed" and one_seed else flag_of(f"{part}.{name}")
        words += [flag, _text(given)]
    return words


def _classes_of(spec: RunSpec) -> int | None:
    """How many classes there are where no option says so; None if a folder must be looked at for it."""
    if spec.data.source == DataSpec().source:
        return NetworkSpec(family=spec.network.family).classes
    return len(spec.data.row.class_names) if spec.data.row else None


def _order(value: Spec) -> tuple[str, ...]:
    """A network's fields, those first from which others follow."""
    names = tuple(type(value).model_fields)
    first = ("family", "stages", "depth", "block") if isinstance(value, NetworkSpec) else ()
    return (*first, *(name for name in names if name not in first))


def _implied(value: Spec, name: str, named: Mapping[str, object]) -> object:
    """What a field is when the ``named`` ones alone are given."""
    if isinstance(value, NetworkSpec) and name in (implied := filled_in(named)):
        return implied[name]
    usual = {**defaults(type(value)), **named}
    return {**usual, **unread_values(type(value), usual)}[name]


def flag_of(path: str) -> str:
    """The option that sets a field of a run, by its dotted name."""
    return _FLAGS.get(path, "--" + path.rpartition(".")[2].replace("_", "-"))


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value) or EMPTY
    return str(value)
