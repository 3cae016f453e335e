"""The revisions of the schema, and the way through them on any database's connection."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from resnet_studio.history.schema import REVISIONS


@dataclass(frozen=True, slots=True)
class Schema:
    """The revisions that are known, oldest first, and the folder of the scripts that lead through them."""

    revisions: tuple[str, ...] = REVISIONS
    folder: Path = Path(__file__).parent / "migrations"

    @property
    def head(self) -> str:
        return self.revisions[-1]


PRESENT = Schema()


def upgrade(connection: Connection, schema: Schema) -> None:
    """Lead the database through every missing revision, inside the transaction of ``connection``."""
    from alembic import command  # some 150 ms; needed only for a new or an older database
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(schema.folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, schema.head)
