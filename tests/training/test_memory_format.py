"""The memory layout: chosen once, recorded with the run, and the same arithmetic to rounding."""

from __future__ import annotations

import torch

from resnet_studio.domain.enums import MemoryLayout, Precision
from resnet_studio.domain.specs import replace
from resnet_studio.training import memory_format
from resnet_studio.training.member import Member
from resnet_studio.training.memory_format import choose_layout, known_layout_gain
from resnet_studio.training.setup import Machine

CPU = torch.device("cpu")
FIRST, LAST = MemoryLayout.CHANNELS_FIRST, MemoryLayout.CHANNELS_LAST


def test_a_probe_decides_once_and_a_wish_without_one(tmp_path, monkeypatch):
    probes = []

    def probe(device, precision):
        probes.append(precision)
        return 0.8 if precision is Precision.FLOAT32 else 1.4

    monkeypatch.setattr(memory_format, "channels_last_gain", probe)
    for _ in range(2):
        assert choose_layout(MemoryLayout.AUTO, CPU, Precision.FLOAT32, tmp_path) is FIRST
        assert choose_layout(MemoryLayout.AUTO, CPU, Precision.BFLOAT16, tmp_path) is LAST
    assert probes == [Precision.FLOAT32, Precision.BFLOAT16]
    assert known_layout_gain(CPU, Precision.FLOAT32, tmp_path) == 0.8
    assert choose_layout(LAST, CPU, Precision.FLOAT32, tmp_path) is LAST


def test_a_cache_that_cannot_be_read_costs_a_probe(tmp_path, monkeypatch):
    monkeypatch.setattr(memory_format, "channels_last_gain", lambda device, precision: 1.5)
    (tmp_path / "layout.json").write_text("[not json")
    assert choose_layout(MemoryLayout.AUTO, CPU, Precision.FLOAT32, tmp_path) is LAST


def test_a_run_keeps_the_layout_it_began_with(tiny_run, tmp_path):
    recipe = replace(tiny_run.recipe, layout=FIRST)
    machine = Machine.choose(recipe, tmp_path, [tiny_run.network])
    assert machine.environment()["layout"] == "channels-first"
    again = Machine.choose(replace(recipe, layout="auto"), tmp_path, [tiny_run.network], [machine.environment()])
    assert again.layout is FIRST
    before = {name: value for name, value in machine.environment().items() if name != "layout"}
    assert Machine.choose(recipe, tmp_path, [tiny_run.network], [before]).layout is LAST  # there was no other


def test_both_compute_the_same_to_rounding(tiny_run):
    x = torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    members = {kind: Member("run", tiny_run, CPU, kind) for kind in (FIRST, LAST)}
    kernels = {kind: [p for p in member.network.parameters() if p.ndim == 4] for kind, member in members.items()}
    assert all(kernel.is_contiguous(memory_format=torch.channels_last) for kernel in kernels[LAST])
    assert all(kernel.is_contiguous() for kernel in kernels[FIRST])
    assert torch.allclose(members[FIRST].network(x), members[LAST].network(x), atol=1e-5)
