"""Collects the package's texts with Babel and writes ``resources/locale/resnet_studio.pot``; run it as a script.

The template holds no dates and no places of the code: it changes when a text changes and never else.
"""

from __future__ import annotations

import ast
import inspect
import io
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "resources" / "locale" / "resnet_studio.pot"
KEYWORDS = {"_": None, "_n": (1, 2), "N_": None, "counted": (2, 3)}  # counted(number, "image", "images")


def template() -> bytes:
    """The file as it should be."""
    from babel.messages.catalog import Catalog
    from babel.messages.extract import extract_from_dir
    from babel.messages.pofile import write_po

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["babel"]["mappings"]
    methods = [(row["pattern"], row["method"]) for row in settings]
    catalog = Catalog(project="ResNet Studio", charset="utf-8", header_comment="# Texts of ResNet Studio.", fuzzy=False)
    for _file, _line, message, _comments, _context in extract_from_dir(
        ROOT, method_map=methods, keywords=KEYWORDS, directory_filter=_read
    ):
        catalog.add(message)
    for text in command_help():
        catalog.add(text)
    file = io.BytesIO()
    write_po(file, catalog, no_location=True, omit_header=True, sort_output=True, width=120)
    return b'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n' + file.getvalue()


def command_help() -> set[str]:
    """Docstrings of the command line's commands: its help, which no call marks."""
    found = set()
    for file in sorted((ROOT / "resnet_studio" / "cli").rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        registered = {
            argument.id
            for call in ast.walk(tree)
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Call) and _registers(call.func)
            for argument in call.args
            if isinstance(argument, ast.Name)
        }
        for function in tree.body:
            if isinstance(function, ast.FunctionDef) and (
                function.name in registered or any(_registers(mark) for mark in function.decorator_list)
            ):
                found.add(inspect.cleandoc(ast.get_docstring(function) or ""))
    return found - {""}


def _registers(call: ast.expr) -> bool:
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("command", "callback")
    )


def _read(folder: str) -> bool:
    return Path(folder) == ROOT or (ROOT / "resnet_studio") in (Path(folder), *Path(folder).parents)


if __name__ == "__main__":
    TEMPLATE.parent.mkdir(parents=True, exist_ok=True)
    TEMPLATE.write_bytes(template())
