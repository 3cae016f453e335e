"""Every text that people read can be translated: called as it must be, collected, and shown through `_`."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from resnet_studio.text import N_, _, _n
from resnet_studio.text.language import VARIABLE, SourceTexts, languages, load
from resnet_studio.text.pseudo import PseudoTexts, pseudo

from . import text_rules, text_template


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch):
    """Puts a catalogue in the place of the language's."""

    def put(made: object) -> None:
        monkeypatch.setattr("resnet_studio.text.catalogue", lambda: made)

    return put


class Words:
    """A catalogue of given translations."""

    def __init__(self, **_words: str) -> None:
        self.words = _words

    def gettext(self, message: str) -> str:
        return self.words.get(message, message)

    def ngettext(self, one: str, many: str, number: int) -> str:
        return self.words.get(one if number == 1 else many, many)


def test_fields_are_filled_in_by_name() -> None:
    assert _("{runs} of {total:,} runs, {error:.1f} %", runs=3, total=1000, error=6.954) == "3 of 1,000 runs, 7.0 %"
    assert _("Braces {stay} without fields") == "Braces {stay} without fields"
    assert N_("marked {only}") == "marked {only}"
    assert _("") == ""


@pytest.mark.parametrize(("number", "said"), [(0, "0 runs of a"), (1, "1 run of a"), (2, "2 runs of a")])
def test_a_number_chooses_singular_or_plural(number: int, said: str) -> None:
    assert _n("{count} run of {name}", "{count} runs of {name}", number, name="a") == said


def test_a_field_that_is_missing_in_the_source_is_an_error(use) -> None:
    with pytest.raises(KeyError):
        _("{runs} of {total}", runs=3)
    use(PseudoTexts())
    with pytest.raises(KeyError):
        _("{runs} of {total}", runs=3)


def test_a_bad_translation_falls_back_to_the_source(use, caplog: pytest.LogCaptureFixture) -> None:
    for wrong in ("{Läufe} Läufe", "{runs.x}", "{runs!q}", "{runs:%%%}", "{", "{0}"):
        use(Words(**{"{runs} runs": wrong, "{count} runs": wrong}))
        assert _("{runs} runs", runs=3) == "3 runs"
        assert _n("{count} run", "{count} runs", 3) == "3 runs"
        assert wrong.replace("\\", "\\\\") in caplog.text
    use(Words(**{"{runs} runs": "{runs} Läufe"}))
    assert _("{runs} runs", runs=3) == "3 Läufe"


PO = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 ? 1 : 2);\\n"

msgid "Runs"
msgstr "Läufe"

msgid "{count} run"
msgid_plural "{count} runs"
msgstr[0] "{count} eins"
msgstr[1] "{count} wenige"
msgstr[2] "{count} viele"
"""


def test_a_language_is_read_from_its_catalogue(tmp_path: Path, use) -> None:
    pytest.importorskip("babel")
    from io import BytesIO

    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    folder = tmp_path / "xx" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "resnet_studio.mo").open("wb") as file:
        write_mo(file, read_po(BytesIO(PO.encode()), locale="ru"))
    use(load(["yy", "xx_YY.UTF-8"], tmp_path))
    assert (_("Runs"), _("Pages")) == ("Läufe", "Pages")
    assert [_n("{count} run", "{count} runs", n) for n in (1, 3, 5)] == ["1 eins", "3 wenige", "5 viele"]


def test_a_catalogue_that_cannot_be_read_leaves_the_source(tmp_path: Path) -> None:
    folder = tmp_path / "xx" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "resnet_studio.mo").write_bytes(b"no catalogue at all")
    for names in (["xx"], ["yy"], [], ["en_GB.UTF-8"], ["C.UTF-8"], ["../../etc"]):
        assert isinstance(load(names, tmp_path), SourceTexts)


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({VARIABLE: "pseudo", "LANGUAGE": "de"}, ["pseudo"]),
        ({"LANGUAGE": "de:fr", "LANG": "es_ES.UTF-8"}, ["de", "fr"]),
        ({"LC_ALL": "pt_BR.UTF-8", "LANG": "es"}, ["pt_BR.UTF-8"]),
        ({"LANG": "es"}, ["es"]),
    ],
)
def test_the_language_is_the_variables_or_the_systems(monkeypatch, environment: dict[str, str], names) -> None:
    for name in (VARIABLE, "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert languages() == names


@pytest.mark.parametrize(
    "text",
    [
        "Run",
        "{runs} runs of {total:>{width}}",
        "<b>Depth</b> &amp; {{braces}}",
        "Images (*.png)",
        "[bold]no[/bold] `a b`",
    ],
)
def test_a_pseudo_text_is_longer_by_a_third_and_keeps_its_fields(text: str) -> None:
    made = pseudo(text)
    assert made.startswith("⟦")
    assert made.endswith("⟧")
    assert pseudo(made) == made
    assert text_rules.fields(made) == text_rules.fields(text)
    letters = len(re.sub(r"\{.*\}|<[^>]*>|&\w+;|\[[^\]]*\]|`[^`]*`|\(.*\)", "", text))
    assert len(made) - 2 - len(text) >= letters // 3
    for markup in re.findall(r"<[^>]*>|&\w+;|\[[^\]]*\]|`[^`]*`|\(.*\)|\{\{|\}\}", text):
        assert markup in made


def test_the_language_is_chosen_by_the_variable() -> None:
    """In a process of its own: the choice stays for its life."""
    code = "from resnet_studio.text import _, _n; print(_('{n} parts', n=1), _n('{count} run', '{count} runs', 2))"
    for language, said in (("pseudo", "⟦1 påršöö⟧"), ("en", "1 parts 2 runs"), ("no_SUCH", "1 parts 2 runs")):
        done = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", code], env={**os.environ, VARIABLE: language}, capture_output=True,
            text=True, encoding="utf-8", check=True,
        )  # fmt: skip
        if language == "pseudo":
            assert done.stdout.startswith("⟦1 ")
            assert "⟦2 " in done.stdout
        else:
            assert done.stdout.strip() == said


def test_texts_load_nothing_heavy() -> None:
    code = "import sys; from resnet_studio.text import _; _('a'); print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, VARIABLE: "en"}, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "resnet_studio.text" in loaded
    assert not loaded & {"torch", "PySide6", "numpy", "pydantic", "gettext", "resnet_studio.text.pseudo"}


def found(code: str) -> list[str]:
    file = text_rules.PACKAGE / "sample.py"
    tree = ast.parse(code)
    faults = [*text_rules.call_faults(file, tree), *text_rules.untranslated(file, tree, {"UserError"})]
    return [fault.what for fault in faults]


@pytest.mark.parametrize(
    "code",
    [
        "_(f'{n} runs')", "_('{n} runs'.format(n=1))", "_('a' + b)", "_('%d runs' % n)", "_('{n} runs', m=1)",
        "_('{n} runs', n=1, m=2)", "_('{} runs', 3)", "_n('run', 'runs')", "_n('{n} run', '{n} runs', 1)",
        "for _ in x:\n    _('text')", "lambda _: _('text')", "QLabel('Depth')", "box.setToolTip(f'{n} runs')",
        "action.setText('Stop' if running else _('Start'))", "raise UserError('no ' + _('images'))",
        "f'{_(\"text\")}'", "f'{counted(n, \"run\", \"runs\")}'",
        "typer.Option('', help='Which one.')", "print(name or 'none at all')",
    ],
)  # fmt: skip
def test_the_rules_find_each_kind_of_fault(code: str) -> None:
    assert found(code)


@pytest.mark.parametrize(
    "code",
    [
        "_('{n} runs', n=1)", "_(title)", "_n('{count} run', '{count} runs', n)", "_n('a run', '{n} runs', k, n=k)",
        "QLabel('–')", "box.setToolTip(_('Depth'))", "box.setText(f'<b>{name}</b>')", "log.error('not shown')",
        "for _ in x:\n    pass", "print(json.dumps(values))", "box.setText(_('Stop') if running else '')",
    ],
)  # fmt: skip
def test_the_rules_let_the_right_ones_pass(code: str) -> None:
    assert not found(code)


def test_texts_are_literals_with_named_fields() -> None:
    faults = [str(fault) for file, tree in text_rules.modules() for fault in text_rules.call_faults(file, tree)]
    assert not faults, "\n".join(faults)


def test_what_is_shown_is_translated() -> None:
    errors = text_rules.error_classes()
    assert {"UserError", "StoreError", "DiskFullError"} <= errors
    faults = [str(f) for file, tree in text_rules.modules() for f in text_rules.untranslated(file, tree, errors)]
    assert not faults, "\n".join(faults)


def test_the_template_holds_every_text() -> None:
    """Written by ``python tests/text_template.py``; compared here without Babel."""
    help_texts = {(text, "") for text in text_template.command_help()}
    assert len(help_texts) >= 20
    assert read_template(text_template.TEMPLATE) == text_rules.messages() | help_texts


def test_the_command_lines_help_is_translated() -> None:
    """Of every command, which is its docstring, and of every option."""
    for arguments in (["--help"], ["train", "--help"], ["runs", "list", "--help"]):
        done = subprocess.run(
            [sys.executable, "-X", "utf8", "-m", "resnet_studio", *arguments], capture_output=True, text=True,
            env={**os.environ, VARIABLE: "pseudo", "COLUMNS": "200"}, encoding="utf-8", check=True,
        )  # fmt: skip
        for source in text_template.command_help():
            assert source.partition("\n")[0] not in done.stdout
        assert "⟦" in done.stdout


def test_the_template_is_as_babel_writes_it() -> None:
    pytest.importorskip("babel")
    assert text_template.TEMPLATE.read_bytes() == text_template.template(), "run tests/text_template.py"


def read_template(file: Path) -> set[tuple[str, str]]:
    """Texts and plurals of a .pot or .po file."""
    read, entry, part = set(), {"msgid": "", "msgid_plural": ""}, ""
    for line in [*file.read_text(encoding="utf-8").splitlines(), ""]:
        if not line:
            read.add((entry["msgid"], entry["msgid_plural"]))
            entry = {"msgid": "", "msgid_plural": ""}
        elif not line.startswith("#"):
            name, _space, rest = line.partition(" ")
            part, rest = (part, line) if line.startswith('"') else (name, rest)
            if part in entry:
                entry[part] += ast.literal_eval(rest)
    return read - {("", "")}


def test_translations_have_the_fields_of_their_texts() -> None:
    """What falls back at run time is a fault here."""
    wrong = [
        fault for file in text_template.TEMPLATE.parent.rglob("*.po") for fault in field_faults(file.read_text("utf-8"))
    ]
    assert not wrong


def field_faults(catalogue: str) -> list[str]:
    babel = pytest.importorskip("babel.messages.pofile")
    from io import BytesIO

    faults = []
    for message in babel.read_po(BytesIO(catalogue.encode())):
        sources = message.id if isinstance(message.id, tuple) else (message.id,)
        known = set().union(*map(text_rules.fields, sources)) if message.id else set()
        made = message.string if isinstance(message.string, tuple) else (message.string,)
        faults += [text for text in made if message.id and text and not text_rules.fields(text) <= known]
    return faults


def test_a_translation_with_a_wrong_field_is_found() -> None:
    assert not field_faults(PO)
    assert field_faults(PO.replace("{count} wenige", "{zahl} wenige")) == ["{zahl} wenige"]
