"""The documents in ``docs/`` name what there is, and their examples fit the code."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from .documents import DOCUMENTS, ROOT, anchors, apply, changes, exists, links, named_paths, new_files

ADDING = ROOT / "docs" / "adding.md"
documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)


def test_all_documents_are_there() -> None:
    assert {path.stem for path in DOCUMENTS} >= {"CHANGELOG", "CONTRIBUTING", "adding", "architecture", "decisions"}


@documents
def test_every_file_and_folder_that_is_named_exists(document: Path) -> None:
    assert [name for name in sorted(named_paths(document.read_text("utf-8"))) if not exists(name)] == []


def test_the_architecture_names_every_package() -> None:
    packages = {path.parent.name + "/" for path in (ROOT / "resnet_studio").glob("*/__init__.py")}
    assert packages
    assert packages <= named_paths((ROOT / "docs" / "architecture.md").read_text("utf-8"))


@pytest.mark.parametrize("document", [*DOCUMENTS, ROOT / "README.md"], ids=lambda path: path.stem)
def test_every_relative_link_resolves(document: Path) -> None:
    broken = []
    for link in links(document.read_text("utf-8")):
        file, _mark, anchor = link.partition("#")
        target = (document.parent / file).resolve() if file else document
        if not target.exists() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            broken.append(link)
    assert broken == []


def test_what_is_missing_is_found() -> None:
    """The checks above are no formality."""
    text = "`training/loop.py`, `training/gone.py`, `gone/` [there](#a-text) [`x`](gone.md#y)\n```sh\n`no.py`\n```\n"
    assert {name for name in named_paths(text) if not exists(name)} == {"training/gone.py", "gone/"}
    assert links(text) == ["#a-text", "gone.md#y"]
    assert anchors("# A text\n## Errors: of two kinds\n") == {"a-text", "errors-of-two-kinds"}


def test_the_examples_of_adding_fit_the_code(tmp_path: Path) -> None:
    """Each can be done as it stands, and what comes out is Python."""
    text = ADDING.read_text("utf-8")
    files = {change.file for change in changes(text)}
    assert len(files) >= 7
    assert len(new_files(text)) >= 3
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    apply(text, tmp_path)
    for file in (*files, *new_files(text)):
        if file.endswith(".py"):
            ast.parse((tmp_path / file).read_text("utf-8"), file)
