"""Numbers as people read them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from resnet_studio.domain.text_numbers import (
    counted,
    download_size,
    duration,
    duration_range,
    file_size,
    grouped,
    listed,
    moment,
    percent,
    short_count,
    three_figures,
)


def test_digits_stand_in_groups_of_three() -> None:
    assert [grouped(number) for number in (0, 999, 1000, 1_727_962)] == ["0", "999", "1 000", "1 727 962"]
    assert grouped(64_000, space="_") == "64_000"
    assert listed((32_000, 48_000)) == "32 000, 48 000"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "–"),
        (12, "12 bytes"),
        (34_663, "35 kB"),
        (170_498_071, "170 MB"),
        (949_000_000, "949 MB"),
        (2_640_397_119, "2.6 GB"),
        (4_996_278_331, "5.0 GB"),
    ],
)
def test_downloads_are_measured_in_powers_of_ten(size: int | None, text: str) -> None:
    assert download_size(size) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 classes"), (1, "1 class"), (2, "2 classes"), (1000, "1 000 classes")]
)
def test_one_of_a_kind_has_no_plural(number: int, text: str) -> None:
    assert counted(number, "class", "classes") == text
    assert counted(number, "run") == text.replace("classes", "runs").replace("class", "run")


@pytest.mark.parametrize(
    ("seconds", "text", "padded"),
    [
        (0, "0 s", "0 s"),
        (0.4, "0 s", "0 s"),
        (42.4, "42 s", "42 s"),
        (65, "1 min 5 s", "1 min 05 s"),
        (130, "2 min 10 s", "2 min 10 s"),
        (3900, "1 h 5 min", "1 h 05 min"),
        (86_400, "1 d 0 h", "1 d 0 h"),
        (273_600, "3 d 4 h", "3 d 4 h"),
        (-1, "0 s", "0 s"),
        (math.nan, "–", "–"),
        (None, "–", "–"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float | None, text: str, padded: str) -> None:
    assert duration(seconds) == text
    assert duration(seconds, padded=True) == padded


def test_errors_sizes_and_figures() -> None:
    assert [percent(value) for value in (8.75, 0, math.inf, None)] == ["8.75 %", "0.00 %", "–", "–"]
    assert percent(24.56, digits=1, space="") == "24.6%"
    sizes = (0, 1023, 1024, 12 * 2**20, 1.5 * 2**30, 3e12)
    assert [file_size(size) for size in sizes] == ["0 bytes", "1023 bytes", "1.0 KiB", "12 MiB", "1.5 GiB", "2794 GiB"]
    figures = (0.0, 0.0123456, 0.999, 4.5678, 99.94, 123.4, 12_345)
    assert [three_figures(value) for value in figures] == ["0", "0.0123", "0.999", "4.57", "99.9", "123", "12 300"]
    assert [short_count(value) for value in (270, 40_551_040, 999_600)] == ["270", "40.6 M", "1 M"]


def test_a_moment_is_told_in_the_zone_of_this_machine() -> None:
    time = datetime(2026, 3, 1, 14, 5, 7, tzinfo=UTC)
    here = time.astimezone()
    assert moment(time) == f"{here:%Y-%m-%d} {here:%H:%M}"
    assert moment(time, seconds=True).endswith(":05:07")


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (480, 720, "8 to 12 min"),
        (5, 9.4, "5 to 9.4 s"),
        (40, 40.2, "about 40 s"),
        (50, 130, "0.8 to 2.2 min"),
        (5400, 9000, "1.5 to 2.5 h"),
        (86_400, 3 * 86_400, "1 to 3 d"),
        (0, 0, "about 0 s"),
        (1, math.inf, "–"),
    ],
)
def test_a_range_of_durations(low: float, high: float, text: str) -> None:
    assert duration_range(low, high) == text
