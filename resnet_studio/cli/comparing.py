"""``compare``: stored runs side by side, as a table, a CSV file or a figure."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    app.command()(compare)


def compare() -> None:
    raise NotImplementedError
