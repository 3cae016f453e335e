import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from resnet_studio.domain.errors import Stopped
from resnet_studio.networks import error_rates
from resnet_studio.networks.error_rates import count_errors, images_a_step


class Fixed(nn.Module):
    """Hands out prepared logits."""

    def forward(self, x):
        return x


def test_errors_are_counted_in_percent():
    logits = torch.tensor([[5.0, 4, 3, 2, 1, 0], [0.0, 1, 2, 3, 4, 5], [5.0, 4, 3, 2, 1, 0], [5.0, 4, 3, 2, 1, 0]])
    labels = torch.tensor([0, 5, 4, 5])  # right, right, fifth, sixth
    result = count_errors(Fixed(), [(logits[:3], labels[:3]), (logits[3:], labels[3:])])
    assert (result.images, result.top1_error, result.top5_error) == (4, 50.0, 25.0)
    assert result.loss == pytest.approx(nn.functional.cross_entropy(logits, labels).item())


def test_the_network_keeps_its_mode_and_its_statistics():
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4))
    before = network[1].running_mean.clone()
    count_errors(network, [(torch.randn(8, 4), torch.zeros(8, dtype=torch.long))])
    assert network.training
    assert torch.equal(network[1].running_mean, before)


def test_stop_is_heard_between_batches():
    asked = iter([False, True])
    with pytest.raises(Stopped):
        count_errors(Fixed(), [(torch.zeros(1, 2), torch.tensor([0]))] * 9, should_stop=lambda: next(asked))


def test_no_images_is_an_error():
    with pytest.raises(ValueError, match="no images"):
        count_errors(Fixed(), [])


class Fetched(TorchDispatchMode):
    """Counts the numbers that are fetched one by one."""

    times = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.times += func.overloadpacket is torch.ops.aten._local_scalar_dense
        return func(*args, **(kwargs or {}))


def test_sums_stay_on_the_device_until_the_end():
    generator = torch.Generator().manual_seed(0)
    batches = [(torch.randn(7, 10, generator=generator), torch.arange(7)) for _ in range(40)]
    with Fetched() as fetched:
        result = count_errors(Fixed(), batches)
    assert fetched.times == 0
    one_by_one = [count_errors(Fixed(), [batch]) for batch in batches]
    loss = 0.0
    for one in one_by_one:
        loss += one.loss * 7
    assert result.loss * 280 == pytest.approx(loss, rel=1e-14)  # float32 sums would be 1e-7 away
    assert result.top1_error == pytest.approx(sum(one.top1_error for one in one_by_one) / 40)


def test_the_host_is_two_batches_ahead_of_a_gpu(monkeypatch):
    open_events = []

    class Event:
        def __init__(self, *, blocking):
            assert blocking

        def record(self):
            open_events.append(self)

        def synchronize(self):
            open_events.remove(self)

    monkeypatch.setattr(torch.cuda, "Event", Event)
    queue = error_rates._Queue()
    found = []
    for _ in range(5):
        queue.keep_short(torch.device("cuda"))
        found.append(len(open_events))
    assert found == [1, 2, 2, 2, 2]


def test_gpus_take_more_images_at_once_than_slow_cpus():
    cuda = torch.device("cuda")
    assert images_a_step(torch.device("cpu"), 32, 128) == 250
    assert [images_a_step(cuda, 32, batch) for batch in (16, 128, 1024)] == [250, 1024, 2000]
    assert images_a_step(cuda, 224, 256) == 250
