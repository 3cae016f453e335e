"""What was measured on this machine is kept, whole or not at all, and never in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from resnet_studio.platform import measured_cache
from resnet_studio.platform.measured_cache import MeasuredCache


def test_values_are_kept_by_key(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "gains.json"
    assert MeasuredCache(file).get("a") is None
    MeasuredCache(file).keep("a", 1.5)
    MeasuredCache(file).keep("b", {"choice": "x"})
    MeasuredCache(file).keep("a", 2.5)
    assert MeasuredCache(file).entries() == {"a": 2.5, "b": {"choice": "x"}}
    assert [path.name for path in file.parent.iterdir()] == ["gains.json"]
    MeasuredCache(file).clear()
    MeasuredCache(file).clear()
    assert MeasuredCache(file).entries() == {}


@pytest.mark.parametrize("rubbish", [b"", b"[]", b"{]", b"3", b"\xff\xfe", b"null"])
def test_rubbish_is_measured_anew(tmp_path: Path, rubbish: bytes) -> None:
    file = tmp_path / "gains.json"
    file.write_bytes(rubbish)
    assert MeasuredCache(file).get("a") is None
    MeasuredCache(file).keep("a", 1)
    assert MeasuredCache(file).get("a") == 1


def test_where_nothing_can_be_written_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "gains.json"
    MeasuredCache(file).keep("a", 1)

    def full(_path: Path) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(measured_cache, "replacing", full)
    MeasuredCache(file).keep("a", 2)
    assert MeasuredCache(file).get("a") == 1
