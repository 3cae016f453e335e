"""Where everything lives: one folder, moved as a whole by ``--home`` or RESNET_STUDIO_HOME.

The history and the folders of the runs may lie elsewhere, where several machines share them; data, cache and logs are
always this machine's own.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.visible_text import visible
from resnet_studio.platform.private_folder import make_private
from resnet_studio.platform.run_folder import RunFolder
from resnet_studio.platform.shared_places import read_places
from resnet_studio.text import _

VARIABLE = "RESNET_STUDIO_HOME"
_LONGEST_INSIDE = 200  # characters of what is made in it
_SHOWN = 80  # characters of a name in a sentence
_NO_NAME = (errno.ENAMETOOLONG, errno.EINVAL)  # Windows says the second of names that there cannot be
_PASSWORD = re.compile(r"(\w+://[^/@\s:]*):[^/\s]*(?=@)")  # to the last @: one within it should have been encoded
_PASSWORD_OPTION = re.compile(r"""([?&])\w*password=[^&\s'"]*(&|(?=['"\s]|$))""", re.IGNORECASE)
HISTORY_VARIABLE, RUNS_VARIABLE = "RESNET_STUDIO_HISTORY", "RESNET_STUDIO_RUNS"


@dataclass(frozen=True, slots=True)
class Home:
    """The program's folder. Paths are names only; :meth:`prepare` makes the folders.

    Attributes:
        history: URL of a history that lies elsewhere; empty for the one in this folder.
        shared_runs: Folder of the runs' checkpoints where it is not in this folder.
    """

    root: Path
    history: str = ""
    shared_runs: Path | None = None

    @classmethod
    def find(cls, chosen: str | Path | None = None, *, history: str | None = None, runs: str | None = None) -> Home:
        """``chosen``, else the environment variable, else the platform's data folder.

        Likewise ``history`` and ``runs``, else their variables, else what the preferences of that home say.

        Raises:
            UserError: If what was chosen is empty: a script's variable that was not set must not mean the usual home.
        """
        root = cls._root(chosen)
        kept = read_places(root)
        history = _given(history, "--history", HISTORY_VARIABLE)
        runs = _given(runs, "--runs", RUNS_VARIABLE)
        folder = kept.runs if runs is None else runs
        return cls(
            root,
            kept.history if history is None else history.strip(),
            _usable(folder, "--runs") if folder else None,
        )

    @classmethod
    def _root(cls, chosen: str | Path | None) -> Path:
        if chosen is None:
            chosen = os.environ.get(VARIABLE)
            if chosen is not None and not chosen.strip():
                raise UserError(
                    _(
                        "{variable} is set but empty; give it a folder, or unset it for the usual one.",
                        variable=VARIABLE,
                    )
                )
        elif not str(chosen).strip():
            raise UserError(_("--home is empty; give it a folder, or leave it out for the usual one."))
        path = chosen or platformdirs.user_data_dir("resnet-studio", appauthor=False)
        return _usable(path, "--home")

    @property
    def runs(self) -> Path:
        """One folder per run id: checkpoints and preprocessing."""
        return self.shared_runs or self.root / "runs"

    @property
    def data(self) -> Path:
        """Data sets that were made or downloaded, and caches of decoded folders."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def cache(self) -> Path:
        """What can be deleted at any time: probe results."""
        return self.root / "cache"

    @property
    def as_option(self) -> str:
        """What a command in another terminal has to give to ``--home``; empty where it finds this folder by itself."""
        return str(self.root) if VARIABLE in os.environ or self.root != Home.find().root else ""

    def run(self, run_id: str) -> RunFolder:
        """The files of one run. Raises StoreError for what is no run's id."""
        return RunFolder(self.runs, run_id)

    def prepare(self) -> Home:
        """Make every folder that is not there, for its owner alone (mode 0700).

        A shared folder of runs is made for everybody whom its parent lets in.

        Raises:
            UserError: If a folder cannot be made.
        """
        try:
            if self.shared_runs is not None:
                self._prepare_shared(self.shared_runs)
            for folder in (self.root, self.root / "runs", self.data, self.logs, self.cache):
                make_private(folder)
        except OSError as error:
            if blocking := _blocking(error, self.root):
                sentence = (
                    _("{blocking} is a file; name a folder with --home DIR.", blocking=blocking)
                    if blocking == self.root
                    else _(
                        "The folder {root} cannot be used because {blocking} is a file; choose another with --home "
                        "DIR.",
                        root=self.root,
                        blocking=blocking,
                    )
                )
                raise UserError(sentence) from None
            raise UserError(
                _(
                    "The folder {root} cannot be used ({strerror}); choose another with --home DIR.",
                    root=self.root,
                    strerror=error.strerror or error,
                )
            ) from None
        return self

    @staticmethod
    def _prepare_shared(folder: Path) -> None:
        """Raises UserError if it cannot be made, or is not one that can be written."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                _(
                    "The folder of the runs {folder} cannot be used ({strerror}); mount it, or choose another with "
                    "--runs DIR.",
                    folder=folder,
                    strerror=error.strerror or error,
                )
            ) from None


def _usable(folder: str | Path, option: str) -> Path:
    """``folder`` as a whole path, if there can be one of that name with the program's files in it.

    Raises:
        UserError: If there cannot: it is too long, not UTF-8, or begins with a person whom nobody knows.
    """
    try:
        path = Path(folder).expanduser().absolute()
        str(path).encode()  # SQLite knows no other names
        os.lstat(path / ("x" * _LONGEST_INSIDE))
    except UnicodeEncodeError:
        why = _("its name is not UTF-8")
    except RuntimeError as error:
        why = str(error).rstrip(".")
    except ValueError:
        why = _("its name has a null character")
    except OSError as error:
        if error.errno not in _NO_NAME:
            return path
        why = _("its name is too long") if error.errno == errno.ENAMETOOLONG else error.strerror or str(error)
    else:
        return path
    shown = visible(str(folder))
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    raise UserError(
        _("The folder {shown} cannot be used ({why}); choose another with {option} DIR.", shown=shown, why=why,
          option=option)
    )  # fmt: skip


def _blocking(error: OSError, root: Path) -> Path | None:
    """The file that lies where a folder has to be, if that is why ``error`` came up."""
    if not isinstance(error, FileExistsError | NotADirectoryError):
        return None
    place = Path(error.filename or root)
    return next((each for each in (place, *place.parents) if each.exists() and not each.is_dir()), None)


def _given(value: str | None, option: str, variable: str) -> str | None:
    """What the option, or else the variable, says; None if neither is there.

    Raises:
        UserError: If it is empty.
    """
    if value is None:
        value = os.environ.get(variable)
        if value is not None and not value.strip():
            raise UserError(
                _("{variable} is set but empty; give it a value, or unset it for the usual one.", variable=variable)
            )
    elif not value.strip():
        raise UserError(_("{option} is empty; give it a value, or leave it out for the usual one.", option=option))
    return value


def without_password(text: str) -> str:
    """``text`` with the password of every URL in it left out."""
    return _PASSWORD_OPTION.sub(lambda found: found[1] if found[2] else "", _PASSWORD.sub(r"\1", text))
