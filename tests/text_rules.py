"""What the suite holds texts to: how `_`, `_n` and `N_` are called, and which arguments are shown to people.

Technical texts are no business of theirs: object names, log lines, keys, options, units and symbols of one letter.
"""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "resnet_studio"
FUNCTIONS = ("_", "_n", "N_")
OWN = PACKAGE / "text"

# Functions and methods by their last name, with the positions and keywords of what people read.
SINKS: dict[str, tuple[int | str, ...]] = {
    # Qt
    **dict.fromkeys(
        ("QLabel", "QPushButton", "QCheckBox", "QRadioButton", "QGroupBox", "QAction", "QMenu"), (0, "text")
    ),
    **dict.fromkeys(("setText", "setTitle", "setWindowTitle", "setToolTip", "setStatusTip", "setWhatsThis"), (0,)),
    **dict.fromkeys(("setPlaceholderText", "setAccessibleName", "setAccessibleDescription", "setLabelText"), (0,)),
    **dict.fromkeys(("setInformativeText", "setSuffix", "setPrefix", "setSpecialValueText", "showMessage"), (0,)),
    **dict.fromkeys(("addAction", "addMenu", "addRow"), (0,)),
    **dict.fromkeys(("addTab", "setTabText", "setTabToolTip", "setItemText"), (1,)),
    **dict.fromkeys(("getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory"), (1, 3)),
    **dict.fromkeys(("critical", "information", "question"), (1, 2)),
    # widgets of our own, and what Qt's are given where they are made
    "named": ("tip", "accessible"),
    "ask_for_file": (1, "title"),
    **dict.fromkeys(
        ("QLineEdit", "QPlainTextEdit", "QSpinBox", "QDoubleSpinBox"),
        ("placeholderText", "prefix", "suffix", "specialValueText"),
    ),
    # the terminal
    **dict.fromkeys(("print", "echo", "secho", "hint", "BadParameter"), (0,)),
    **dict.fromkeys(("Option", "Argument", "Typer", "command"), ("help", "short_help", "epilog")),
    # events
    "NoticeGiven": (1, "sentence"),
    "StatusChanged": (2, "reason"),
}
NAMES = {"ResNet Studio"}  # the same in every language
_ERRORS = "UserError"  # and every class that descends from it: its first argument


@dataclass(frozen=True)
class Fault:
    file: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}: {self.what}"


def modules(folder: Path = PACKAGE) -> Iterator[tuple[Path, ast.Module]]:
    for file in sorted(folder.rglob("*.py")):
        if OWN not in file.parents:
            yield file, ast.parse(file.read_text(encoding="utf-8"))


def called(node: ast.Call) -> str:
    """The last name of what is called."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def is_text_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS


def words(text: str) -> bool:
    """Whether there is something to translate: two letters in a row that are no markup."""
    return re.search(r"[^\W\d_]{2}", re.sub(r"<[^<>]*>|&\w+;", "", text)) is not None


def fields(text: str) -> set[str]:
    """Names of the fields, those within format specifications as well."""
    found: set[str] = set()
    for _text, name, spec, _conversion in string.Formatter().parse(text):
        if name is not None:
            found.add(re.split(r"[.\[]", name)[0])
            found |= fields(spec or "")
    return found


def call_faults(file: Path, tree: ast.Module) -> Iterator[Fault]:
    """Calls of `_`, `_n` and `N_` that translators or Python would stumble over, and names that hide the functions."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and is_text_call(node)]
    for call in calls:
        name = call.func.id  # type: ignore[attr-defined]
        texts = call.args[: 2 if name == "_n" else 1]
        if not texts:
            yield Fault(file, call.lineno, f"{name}() has no text")
        if name == "_n" and len(call.args) != 3:
            yield Fault(file, call.lineno, "_n() takes two texts and a number")
        if name != "_n" and len(call.args) > 1:
            yield Fault(file, call.lineno, f"{name}() takes one text; fields have names")
        given = {keyword.arg for keyword in call.keywords}
        for text in texts:
            if isinstance(text, (ast.JoinedStr, ast.BinOp)) or (
                isinstance(text, ast.Call) and isinstance(text.func, ast.Attribute) and text.func.attr == "format"
            ):
                yield Fault(file, text.lineno, f"{name}() is given a text that was put together: {ast.unparse(text)}")
            if not isinstance(text, ast.Constant) or not isinstance(text.value, str):
                continue
            if not given and name != "_n":
                continue
            asked = fields(text.value)
            known = given | {"count"} if name == "_n" else given
            if None not in given and asked - known:
                yield Fault(file, text.lineno, f"{name}() lacks {', '.join(sorted(asked - known))}")
        if given and all(isinstance(text, ast.Constant) for text in texts):
            unread = given - {None} - set().union(*(fields(text.value) for text in texts))
            if unread:
                yield Fault(file, call.lineno, f"{name}() is given {', '.join(sorted(map(str, unread)))} for nothing")
    for whole in (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)):
        for call in (node for node in ast.walk(whole) if isinstance(node, ast.Call)):
            texts = call.args[1:3] if called(call) == "counted" else call.args[:1] if is_text_call(call) else []
            if any(isinstance(text, ast.Constant) for text in texts):  # not seen by what collects texts on Python 3.11
                yield Fault(file, call.lineno, f"a text stands inside an f-string: {ast.unparse(call)}")
    if calls:
        yield from (Fault(file, line, "_ is bound to something else") for line in _rebound(tree))


def _rebound(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in FUNCTIONS and isinstance(node.ctx, ast.Store):
            yield node.lineno
        if isinstance(node, ast.arg) and node.arg in FUNCTIONS:
            yield node.lineno


def error_classes() -> set[str]:
    """UserError and everything that descends from it, by name."""
    bases = {
        node.name: {getattr(base, "id", getattr(base, "attr", "")) for base in node.bases}
        for _file, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {_ERRORS}
    while more := {name for name, above in bases.items() if above & found} - found:
        found |= more
    return found


def untranslated(file: Path, tree: ast.Module, errors: set[str]) -> Iterator[Fault]:
    """Literals that reach a sink as they are."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = called(node)
        places = (0,) if name in errors else SINKS.get(name, ())
        if (
            isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "log"
        ):
            continue
        shown = [node.args[place] for place in places if isinstance(place, int) and place < len(node.args)]
        shown += [keyword.value for keyword in node.keywords if keyword.arg in places]
        for argument in shown:
            yield from (
                Fault(file, line, f"{name}() shows {text!r}")
                for line, text in _bare(argument)
                if words(text) and text not in NAMES
            )


def _bare(node: ast.expr) -> Iterator[tuple[int, str]]:
    """Literals that the expression's value is made of, other than what `_`, `_n` and `N_` hand back."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.lineno, node.value
    elif isinstance(node, ast.JoinedStr):
        for part in node.values:
            yield from _bare(part)
    elif isinstance(node, ast.FormattedValue):
        if not isinstance(node.value, ast.Constant):
            yield from _bare(node.value)
    elif isinstance(node, ast.IfExp):
        yield from _bare(node.body)
        yield from _bare(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _bare(value)
    elif isinstance(node, ast.BinOp):
        yield from _bare(node.left)
        yield from _bare(node.right)


def messages() -> set[tuple[str, str]]:
    """Every literal text of the package with its plural, empty where there is none."""
    found = set()
    for _file, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and is_text_call(node):
                texts = [text.value for text in node.args[:2] if isinstance(text, ast.Constant)]
                if node.func.id == "_n":  # type: ignore[attr-defined]
                    found |= {(texts[0], texts[1])} if len(texts) == 2 else set()
                elif texts and texts[0]:
                    found.add((texts[0], ""))
            elif isinstance(node, ast.Call) and called(node) == "counted" and len(node.args) == 3:
                nouns = [noun.value for noun in node.args[1:] if isinstance(noun, ast.Constant)]
                if len(nouns) == 2:
                    found.add((nouns[0], nouns[1]))
    plural = {one for one, many in found if many}
    return {(one, many) for one, many in found if many or one not in plural}
