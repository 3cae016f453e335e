"""How many cores the program takes for its own."""

from __future__ import annotations

import pytest

from resnet_studio.platform.host import CORES_VARIABLE, cores


def test_a_share_of_the_cores_is_kept_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CORES_VARIABLE, raising=False)
    there = cores()
    for share, expected in (("1", 1), ("0", 1), ("100000", there), ("", there), ("many", there), ("-1", there)):
        monkeypatch.setenv(CORES_VARIABLE, share)
        assert cores() == expected, share
