import json

import pytest
import torch

from resnet_studio.domain.enums import MemoryLayout, Precision
from resnet_studio.domain.specs import replace
from resnet_studio.training import memory_format, setup
from resnet_studio.training import precision as module
from resnet_studio.training.engines import choose
from resnet_studio.training.precision import choose_precision, set_products
from resnet_studio.training.setup import Machine

CPU = torch.device("cpu")


@pytest.fixture
def on_cuda(tiny_run, tmp_path, monkeypatch):
    """``choose(capability, **recipe)``: the machine that a CUDA device of that capability makes."""
    kept = (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark)
    for module_ in (setup, choose, module, memory_format):
        monkeypatch.setattr(module_, "device_name", lambda device: "a device", raising=False)
    monkeypatch.setattr(setup, "choose_device", lambda wish: torch.device("cuda"))

    def choose_on(capability, **recipe):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
        return Machine.choose(replace(tiny_run.recipe, **{"precision": "auto", "device": "cuda", **recipe}), tmp_path)

    yield choose_on
    set_products(Precision.FLOAT32, exact=False)
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = kept


def test_a_gpu_that_multiplies_bfloat16_is_not_probed(on_cuda, monkeypatch, tmp_path):
    def probe(*_args):
        raise AssertionError("probed")

    monkeypatch.setattr(module, "measure_gain", probe)
    monkeypatch.setattr(memory_format, "channels_last_gain", probe)
    (tmp_path / "precision.json").write_text(
        json.dumps({f"a device | torch {torch.__version__}": {"choice": "float32", "bfloat16_gain": 0.9}})
    )
    there = on_cuda((9, 0))
    assert (there.precision, there.layout) == (Precision.BFLOAT16, MemoryLayout.CHANNELS_LAST)
    assert on_cuda((8, 6), precision="tf32").layout is MemoryLayout.CHANNELS_LAST


def test_an_older_gpu_is_probed_in_float32_proper(on_cuda, monkeypatch):
    """Convolutions may use tf32 unless told otherwise."""
    seen = []

    def probe(_device):
        seen.append((torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32))
        return 0.8

    monkeypatch.setattr(module, "measure_gain", probe)
    monkeypatch.setattr(memory_format, "channels_last_gain", lambda device, precision: 0.95)
    torch.backends.cudnn.allow_tf32 = True
    there = on_cuda((7, 5))
    assert seen == [(False, False)]
    assert there.precision is Precision.FLOAT32
    assert there.layout is MemoryLayout.CHANNELS_LAST, "two layouts that differ by noise"
    assert on_cuda((7, 5), layout="channels-first").layout is MemoryLayout.CHANNELS_FIRST


def test_channels_first_are_taken_on_cuda_if_they_are_clearly_faster(on_cuda, monkeypatch):
    monkeypatch.setattr(memory_format, "channels_last_gain", lambda device, precision: 0.8)
    assert on_cuda((9, 0), precision="float32").layout is MemoryLayout.CHANNELS_FIRST


def test_exact_steps_do_not_fill_memory_that_nobody_reads(on_cuda):
    on_cuda((9, 0), exact=True, layout="channels-last")
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.utils.deterministic.fill_uninitialized_memory
    set_products(Precision.FLOAT32, exact=False)
    assert torch.utils.deterministic.fill_uninitialized_memory


def test_a_wish_is_granted_without_a_probe(tmp_path):
    assert choose_precision(Precision.BFLOAT16, CPU, tmp_path) is Precision.BFLOAT16
    assert not list(tmp_path.iterdir())


def test_the_probe_is_remembered(tmp_path, monkeypatch):
    first = choose_precision(Precision.AUTO, CPU, tmp_path)
    assert first in (Precision.FLOAT32, Precision.BFLOAT16)
    (known,) = json.loads((tmp_path / "precision.json").read_text()).values()
    assert (known["bfloat16_gain"] >= 1.15) == (first is Precision.BFLOAT16)
    monkeypatch.setattr(module, "measure_gain", lambda device: 0 / 0)
    assert choose_precision(Precision.AUTO, CPU, tmp_path) is first


def test_a_cache_full_of_rubbish_only_costs_a_new_probe(tmp_path):
    for rubbish in ("", "[]", "{]", '{"x": 3}'):
        (tmp_path / "precision.json").write_text(rubbish)
        assert choose_precision(Precision.AUTO, CPU, tmp_path) is not Precision.AUTO


def test_a_cache_folder_that_is_missing_is_no_trouble(tmp_path):
    assert choose_precision(Precision.AUTO, CPU, tmp_path / "gone") is not Precision.AUTO
