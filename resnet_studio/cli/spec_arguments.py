"""From a run file and options to a cohort."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from resnet_studio.cli.options import GivenOptions, changed
from resnet_studio.domain.documents import cohort_from_toml, parse, sentences, to_toml, toml_values
from resnet_studio.domain.errors import SpecError, UserError
from resnet_studio.domain.presets import apply, find_preset
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import SEEDS, CohortSpec, DataSpec, RunSpec, replace, twin
from resnet_studio.platform.home import Home
from resnet_studio.platform.outside_files import anchored_source, naming, read_specification
from resnet_studio.studies.conformity import of_spec
from resnet_studio.studies.conformity.texts import as_remarks
from resnet_studio.text import _

SEED_FIELDS = tuple(f"recipe.{name}" for name in SEEDS)


def read_run_file(file: Path) -> CohortSpec:
    """The cohort in a TOML file; a relative ``folder:PATH`` is seen from the file.

    Raises:
        UserError: Naming the file, if it cannot be read or holds no valid specification.
    """
    with naming(file):
        cohort = cohort_from_toml(_text(file))
    return _each(cohort, [replace(run, data=_anchored(run.data, file.absolute().parent)) for run in cohort.runs])


def _text(file: Path) -> str:
    if not os.path.lexists(file):
        raise UserError(
            _(
                "There is no run file {file}; besides options one word is expected, the TOML file of a run as --save "
                "writes it.",
                file=file,
            )
        )
    return read_specification(
        file, _("The run file {file} is not UTF-8 text; give a TOML file as --save writes it.", file=file)
    )


def cohort_from_options(
    file: Path | None, given: GivenOptions, seed: int | None, as_twin: bool, home: Home, recipe: str = "",
    parent: RunRecord | None = None,
) -> CohortSpec:  # fmt: skip
    """What the command line describes: the file's runs or the default run, with the options changed in each.

    They are trained by ``recipe`` (a preset's key) if one is named.

    Data other than the usual give the number of classes where neither the file nor an option does. Runs that start
    from ``parent`` have its network, for the classes of their own data.

    Raises:
        UserError: For anything that cannot be trained so.
    """
    values = dict(given) if seed is None else {**dict.fromkeys(SEED_FIELDS, seed), **given}
    cohort = read_run_file(file) if file is not None else CohortSpec(runs=(_first(parent),))
    named = ["network.classes" in values or in_file for in_file in _classes_given(file)]
    if "data.source" in values:
        values["data.source"] = anchored_source(str(values["data.source"]), Path.cwd())
    if "name" in values and len(cohort.runs) > 1:
        raise UserError(_("--name fits one run, but the run file holds several; name them in the file."))
    runs = [changed(by_recipe(run, recipe), values) for run in cohort.runs]
    classes = _classes(runs[0].data, home, always=parent is not None)
    runs = [
        run if is_named or classes is None else replace(run, network=replace(run.network, classes=classes))
        for run, is_named in zip(runs, named, strict=True)
    ]
    if not as_twin:
        return _each(cohort, runs)
    if len(runs) > 1:
        raise UserError(_("--twin makes the other half of one run, but the run file holds several."))
    return twin(runs[0])


def _first(parent: RunRecord | None) -> RunSpec:
    """What options change where there is no run file."""
    return RunSpec() if parent is None else RunSpec(network=parent.spec.network)


def by_recipe(run: RunSpec, key: str) -> RunSpec:
    """``run`` trained by the preset of that key, as it is without one; UserError if there is none, or no fit."""
    if not key:
        return run
    try:
        return apply(find_preset(key), run)
    except ValidationError as error:
        raise SpecError(sentences(error)) from None


def _classes_given(file: Path | None) -> list[bool]:
    """Of each run of a run file that was read before: whether it gives the number of classes."""
    if file is None:
        return [False]
    values = toml_values(_text(file))
    return ["classes" in run.get("network", {}) for run in values.get("runs", [values])]


def _each(cohort: CohortSpec, runs: Sequence[RunSpec]) -> CohortSpec:
    try:
        return replace(cohort, runs=tuple(runs))
    except ValidationError as error:
        raise SpecError(sentences(error)) from None


def data_spec(source: str, seed: int = 0, option: str = "--data") -> DataSpec:
    """DATA of the command line, a relative folder seen from here; raises SpecError that names the option."""
    try:
        return parse(DataSpec, {"source": anchored_source(source, Path.cwd()), "seed": seed})
    except SpecError as error:
        raise SpecError(dict.fromkeys([option], next(iter(error.fields.values())))) from None


def _anchored(data: DataSpec, base: Path) -> DataSpec:
    """A stored run names its folder wholly: it may be resumed from anywhere."""
    return replace(data, source=anchored_source(data.source, base))


def classes_of(source: str, home: Home) -> int | None:
    """The number of classes of other data than the usual, None for those; raises UserError for data of no use."""
    return _classes(DataSpec(source=source), home)


def _classes(data: DataSpec, home: Home, *, always: bool = False) -> int | None:
    """The number of classes of data other than the usual, None for those unless ``always``.

    UserError for data of no use.
    """
    refuse_missing_data(data, home)
    counted = always or data.source != DataSpec().source
    if not counted and not data.held_out:
        return None
    from resnet_studio.data.datasets.describe import describe, refuse_unreadable

    classes = len(describe(data, home).class_names)
    refuse_unreadable(data, home)
    return classes if counted else None


def refuse_missing_data(data: DataSpec, home: Home) -> None:
    """Raises UserError for a data set that was never downloaded or cannot be read, before any run is stored."""
    if data.row is None or not data.row.downloads:
        return
    from resnet_studio.data.datasets.paths import obstacle

    if text := obstacle(home, data.row):
        raise UserError(text)


def write_run_file(cohort: CohortSpec, file: Path) -> None:
    """Raises UserError if the file cannot be written."""
    try:
        file.write_text(run_file_text(cohort), encoding="utf-8")
    except OSError as error:
        raise UserError(
            _("The run file {file} cannot be written ({strerror}).", file=file, strerror=error.strerror or error)
        ) from None


def run_file_text(cohort: CohortSpec) -> str:
    """One run as a run, several as a cohort; how each stands to the paper is remarked on top."""
    remarks = "\n".join(as_remarks(of_spec(run)) for run in cohort.runs)
    return f"{remarks}\n" + to_toml(cohort.runs[0] if len(cohort.runs) == 1 and not cohort.study else cohort)
