import pytest
import torch
from torch import nn

from resnet_studio.domain.errors import Stopped
from resnet_studio.networks.error_rates import count_errors


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
