import json

import torch

from resnet_studio.domain.enums import Precision
from resnet_studio.training import precision as module
from resnet_studio.training.precision import choose_precision

CPU = torch.device("cpu")


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
