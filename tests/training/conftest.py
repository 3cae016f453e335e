"""What tests of training have in common."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from resnet_studio.domain.specs import RunSpec, replace


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """How many threads share a sum decides its last bits, and training multiplies such differences: the tests here,
    which compare ways to train, do not take the number that an earlier test left behind. For networks this small one
    thread costs a tenth of the processor time of two."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def two_threads(every_core: None, one_thread: None) -> None:
    torch.set_num_threads(2)


@pytest.fixture
def compiled_run(tiny_run: RunSpec) -> RunSpec:
    """What tests train that compile in earnest: of four regions, one of them called twice. All take the same network
    and pass size, and so find most of it compiled, see ``compiled_once``."""
    return replace(tiny_run, network=replace(tiny_run.network, stages=(2, 1)))
