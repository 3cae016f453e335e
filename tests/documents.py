"""The documents as text: what they name in backticks, where links lead, the changes that their examples show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = tuple(sorted((ROOT / "docs").glob("*.md")))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NEW_FILE = re.compile(r"^New file `([^`]+)`:\n\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"[\w.-]+(?:/[\w.-]+)*(?:\.\w+|/)")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_ENDINGS = (".py", ".toml", ".md", ".pot", "/")


@dataclass(frozen=True, slots=True)
class Change:
    """One place of a file: the lines that stand there, and those that stand there afterwards."""

    file: str
    before: str
    after: str


def prose(text: str) -> str:
    """A document without its examples."""
    return _FENCE.sub("", text)


def named_paths(text: str) -> set[str]:
    """Files and folders of the project that a document names, less those that its examples make."""
    named = {name for name in _CODE.findall(prose(text)) if _PATH.fullmatch(name) and name.endswith(_ENDINGS)}
    return named - set(new_files(text))


def exists(name: str) -> bool:
    """In the repository, or in the package."""
    return any((folder / name).is_dir() if name[-1] == "/" else (folder / name).is_file() for folder in _FOLDERS)


_FOLDERS = (ROOT, ROOT / "resnet_studio")


def links(text: str) -> list[str]:
    """Targets within the project."""
    return [target for target in _LINK.findall(prose(text)) if "://" not in target]


def anchors(text: str) -> set[str]:
    """Of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def new_files(text: str) -> dict[str, str]:
    """What the examples add as a whole, by path."""
    return dict(_NEW_FILE.findall(text))


def changes(text: str) -> list[Change]:
    """What the examples change: blocks that begin with ``--- FILE``, places parted by ``@@``."""
    found = []
    for kind, body in _FENCE.findall(text):
        if kind == "diff":
            head, *places = re.split(r"^@@\n", body, flags=re.MULTILINE)
            file = head.removeprefix("--- ").strip()
            found += [Change(file, _side(place, "-"), _side(place, "+")) for place in places]
    return found


def _side(place: str, sign: str) -> str:
    return "".join(f"{line[1:]}\n" for line in place.splitlines() if line[:1] in (sign, " ", ""))


def apply(text: str, root: Path) -> None:
    """Do in a copy of the project what the examples show."""
    for file, body in new_files(text).items():
        (root / file).parent.mkdir(exist_ok=True)
        (root / file).write_text(body, encoding="utf-8")
    for change in changes(text):
        old = (root / change.file).read_text(encoding="utf-8")
        if old.count(change.before) != 1:
            raise ValueError(f"{change.file} has these lines {old.count(change.before)} times:\n{change.before}")
        (root / change.file).write_text(old.replace(change.before, change.after), encoding="utf-8")
