"""Measured speeds, kept in the home's cache: one entry for each machine and version of torch. No torch in here."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from resnet_studio.domain.enums import Device, Engine, Precision
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.platform.host import cores, cpu_name
from resnet_studio.platform.measured_cache import MeasuredCache
from resnet_studio.platform.training_speed import Figure, KnownSpeeds, with_figures

_FILE = "speeds.json"


def machine_key() -> str:
    """Processor, cores and version of torch: what figures are only valid for."""
    return f"{cpu_name()}, {cores()} cores | torch {importlib.metadata.version('torch')}"


def known_speeds(cache: Path) -> KnownSpeeds:
    """What was measured on this machine; nothing where the file cannot be read."""
    try:
        return _read(MeasuredCache(cache / _FILE).get(machine_key()))
    except (ValueError, KeyError, TypeError):  # a ValidationError is a ValueError
        return KnownSpeeds()


def remember_speeds(
    cache: Path,
    figures: Sequence[Figure] = (),
    *,
    device: Device | None = None,
    precision: Precision | None = None,
) -> KnownSpeeds:
    """Add to what is known; a cache that cannot be written only costs another measurement."""
    before = known_speeds(cache)
    known = KnownSpeeds(
        device or before.device,
        precision or before.precision,
        with_figures(before.figures, figures),
    )
    MeasuredCache(cache / _FILE).keep(machine_key(), _written(known))
    return known


def _written(known: KnownSpeeds) -> dict[str, Any]:
    return {
        "device": known.device,
        "precision": known.precision,
        "figures": [
            {
                "network": figure.network.model_dump(mode="json", exclude_defaults=True),
                "batch_size": figure.batch_size,
                "seconds": figure.seconds,
                "device": figure.device,
                "engine": figure.engine,
                "precision": figure.precision,
                "bn_images": figure.bn_images,
            }
            for figure in known.figures
        ],
    }


def _read(entry: Mapping[str, Any]) -> KnownSpeeds:
    figures = tuple(
        Figure(
            NetworkSpec(**one["network"]),
            int(one["batch_size"]),
            float(one["seconds"]),
            Device(one["device"]),
            Engine(one["engine"]),
            Precision(one["precision"]),
            int(one.get("bn_images", 0)),
        )
        for one in entry["figures"]
    )
    return KnownSpeeds(
        Device(entry["device"]) if entry["device"] else None,
        Precision(entry["precision"]) if entry["precision"] else None,
        tuple(figure for figure in figures if figure.seconds > 0),
    )
