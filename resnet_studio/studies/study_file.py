"""A study's file, read and written; a relative folder of images in it is seen from the file."""

from __future__ import annotations

from pathlib import Path

from resnet_studio.domain.documents import toml_values
from resnet_studio.domain.errors import UserError
from resnet_studio.platform.files import write_whole
from resnet_studio.platform.outside_files import anchored_source, naming, read_specification
from resnet_studio.studies.own_study import OwnStudy
from resnet_studio.text import _

STUDY_SUFFIX = ".toml"


def is_study_name(name: str) -> bool:
    """Whether a file of that name may hold a study."""
    return name.lower().endswith(STUDY_SUFFIX)


def holds_study(file: Path) -> bool:
    """Whether a file is a study's and no run's: it has a grid. False for one that cannot be read."""
    try:
        return "grid" in toml_values(_text(file))
    except UserError:
        return False


def read_study(file: Path) -> OwnStudy:
    """Raises UserError, naming the file, for one that cannot be read or is no study."""
    with naming(file):
        study = OwnStudy.from_toml(_text(file))
    base = file.absolute().parent
    fixed = {k: anchored_source(str(v), base) if k in ("data", "data.source") else v for k, v in study.fixed.items()}
    return study.model_copy(update={"fixed": fixed})


def _text(file: Path) -> str:
    return read_specification(file, _("The study file {file} is not UTF-8 text; give a TOML file.", file=file))


def write_study(study: OwnStudy, file: Path) -> None:
    """Raises UserError if it cannot be written."""
    write_whole(file, study.to_toml())
