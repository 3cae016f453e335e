"""Where everything lives on disk: one folder, moved as a whole by ``--home`` or RESNET_STUDIO_HOME."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from resnet_studio.domain.errors import UserError
from resnet_studio.platform.private_folder import make_private
from resnet_studio.platform.run_folder import RunFolder
from resnet_studio.text import _

VARIABLE = "RESNET_STUDIO_HOME"


@dataclass(frozen=True, slots=True)
class Home:
    """The program's folder. Paths are names only; :meth:`prepare` makes the folders."""

    root: Path

    @classmethod
    def find(cls, chosen: str | Path | None = None) -> Home:
        """``chosen``, else the environment variable, else the platform's data folder.

        Raises:
            UserError: If what was chosen is empty: a script's variable that was not set must not mean the usual home.
        """
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
        return cls(Path(path).expanduser().absolute())

    @property
    def runs(self) -> Path:
        """One folder per run id: checkpoints and preprocessing."""
        return self.root / "runs"

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
        return str(self.root) if VARIABLE in os.environ or self != Home.find() else ""

    def run(self, run_id: str) -> RunFolder:
        """The files of one run. Raises StoreError for what is no run's id."""
        return RunFolder(self.runs, run_id)

    def prepare(self) -> Home:
        """Make every folder that is not there, for its owner alone (mode 0700).

        Raises:
            UserError: If a folder cannot be made.
        """
        try:
            for folder in (self.root, self.runs, self.data, self.logs, self.cache):
                make_private(folder)
        except OSError as error:
            raise UserError(
                _(
                    "The folder {root} cannot be used ({strerror}); choose another with --home DIR.",
                    root=self.root,
                    strerror=error.strerror or error,
                )
            ) from None
        return self
