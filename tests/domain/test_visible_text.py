"""What leaves the program as text: unseen characters are shown, and no cell of a table is a formula."""

from __future__ import annotations

import csv
import io
import json
import os

import pytest

from resnet_studio.domain.csv_text import CsvWriter
from resnet_studio.domain.visible_text import visible, visible_line


def test_what_changes_the_terminal_or_the_direction_is_shown() -> None:
    assert visible("a\x1b[31mb\rc\u202egnp.exe\u2066\x9b\x7f\ufeff") == (
        "a\\u001b[31mb\\u000dc\\u202egnp.exe\\u2066\\u009b\\u007f\\ufeff"
    )
    assert visible_line("one\ntwo") == "one\\ntwo"


def test_text_stays_text() -> None:
    for text in ("Größe 猫 שלום 👩\u200d🔬", "a\tb\nc", "50 % \u2212 \u202f1"):
        assert visible(text) == text


def test_a_name_that_is_no_text_comes_back_from_json() -> None:
    name = b"cat-\xff\x80.png".decode("utf-8", "surrogateescape")
    read = json.loads(visible(json.dumps({"path": f"{name}\x9b"}, ensure_ascii=False)))["path"]
    assert read == f"{name}\x9b"
    assert read.removesuffix("\x9b").encode("utf-8", "surrogateescape") == b"cat-\xff\x80.png"
    assert os.fsdecode(os.fsencode(name)) == name


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t"])
def test_a_formula_becomes_text(begin: str) -> None:
    out = io.StringIO(newline="")
    CsvWriter(out).writerow([f"{begin}1+1", "cat"])
    assert list(csv.reader(io.StringIO(out.getvalue(), newline=""))) == [[f"'{begin}1+1", "cat"]]


def test_a_cell_stays_one_cell_in_one_file() -> None:
    out = io.StringIO(newline="")
    CsvWriter(out).writerow(["\r=1+1\udcff", "cat"])
    assert out.getvalue().encode() == b"\\u000d=1+1\\udcff,cat\n"


def test_numbers_stay_numbers() -> None:
    out = io.StringIO(newline="")
    CsvWriter(out).writerows([("-3.5", "+1e-3", "-inf", -2, -0.5, "", None)])
    assert out.getvalue() == "-3.5,+1e-3,-inf,-2,-0.5,,\n"
