"""A study's file, read and written; a relative folder of images in it is seen from the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resnet_studio.domain.documents import toml_values
from resnet_studio.domain.errors import SpecError, UserError
from resnet_studio.platform.files import write_whole
from resnet_studio.platform.outside_files import anchored_source, read_regular
from resnet_studio.studies.own_study import OwnStudy
from resnet_studio.text import _

STUDY_SUFFIX = ".toml"
_LARGEST = 512 << 10  # bytes; thousands of values have room in it


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


@contextmanager
def naming(file: Path | None) -> Iterator[None]:
    """Turn a fault of the study in ``file`` into a UserError that names it; without a file it passes as it is."""
    try:
        yield
    except SpecError as error:
        if file is None:
            raise
        raise UserError(_("In {file}: {sentence}", file=file, sentence=error.sentence)) from None


def _text(file: Path) -> str:
    try:
        return read_regular(file, _LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(_("The study file {file} is not UTF-8 text; give a TOML file.", file=file)) from None


def write_study(study: OwnStudy, file: Path) -> None:
    """Raises UserError if it cannot be written."""
    write_whole(file, study.to_toml())
