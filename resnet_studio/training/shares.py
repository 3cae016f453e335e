"""A batch in equal shares, each normalised by its own statistics, as on devices that divide a batch between them.

The shares go through the network one after another, forward and backward, and their gradients add up to those of the
mean loss over the whole batch. Running means and variances become the mean of what each share alone would have made of
them, not those of the first share: they use every image of the batch, no image counts more than another, and how many
devices the shares lie on makes no difference. (torch's own way is to keep what the first device has.)
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.domain.enums import Precision
from resnet_studio.training.batch_norm import batch_norms
from resnet_studio.training.precision import arithmetic

if TYPE_CHECKING:
    from resnet_studio.training.member import Member


class ShareStatistics:
    """The running statistics of a network's batch norms while the shares of a batch pass, one after another.

    Every tensor keeps its place, so the operations can be captured.
    """

    def __init__(self, network: nn.Module) -> None:
        norms = batch_norms(network)
        self.running = [cast(Tensor, each) for norm in norms for each in (norm.running_mean, norm.running_var)]
        self._counts = [cast(Tensor, norm.num_batches_tracked) for norm in norms]
        self._before = [torch.empty_like(tensor) for tensor in self.running]
        self._sums = [torch.empty_like(tensor) for tensor in self.running]
        self._counts_before = [torch.empty_like(count) for count in self._counts]

    @torch.no_grad()
    def begin(self) -> None:
        """Before the first share."""
        if self.running:
            torch._foreach_copy_(self._before, self.running)
            torch._foreach_copy_(self._counts_before, self._counts)
            torch._foreach_zero_(self._sums)

    @torch.no_grad()
    def take(self) -> None:
        """After each share: note what it made of the statistics, and put them back for the next."""
        if self.running:
            torch._foreach_add_(self._sums, self.running)
            torch._foreach_copy_(self.running, self._before)

    @torch.no_grad()
    def end(self, shares: int) -> None:
        """After the last: the mean over the shares; a batch counts once."""
        if self.running:
            torch._foreach_copy_(self.running, self._sums)
            torch._foreach_div_(self.running, shares)
            torch._foreach_copy_(self._counts, self._counts_before)
            torch._foreach_add_(self._counts, 1)


def forward_and_backward(
    member: Member,
    images: Tensor,
    labels: Tensor,
    forward: Callable[[Tensor], Tensor],
    precision: Precision,
    before_the_last: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> tuple[Tensor, Tensor]:
    """Both passes of a batch, in the shares that the member's recipe asks for; gradients are added to those there are.

    Args:
        member: Its recipe says how large a share is and how labels are smoothed.
        images: (B, 3, H, W) float32.
        labels: (B,) int64.
        forward: Logits of images, in the precision of the arithmetic.
        precision: Of the arithmetic.
        before_the_last: Makes the context in which each share but the last passes.

    Returns:
        The mean loss, without dimensions, and the logits, (B, classes) float32; both detached.
    """
    size, smoothing = member.spec.recipe.pass_size, member.spec.recipe.label_smoothing
    shares = list(zip(images.split(size), labels.split(size), strict=True))
    count = len(shares)
    losses, outputs = [], []
    if count > 1:
        member.statistics.begin()
    for number, (x, y) in enumerate(shares, start=1):
        with nullcontext() if number == count else before_the_last():
            with arithmetic(member.device, precision):
                logits = forward(x)
            logits = logits.float()
            loss = F.cross_entropy(logits, y, label_smoothing=smoothing)
            (loss if count == 1 else loss / count).backward()
        if count > 1:
            member.statistics.take()
        losses.append(loss.detach())
        outputs.append(logits.detach())
    if count == 1:
        return losses[0], outputs[0]
    member.statistics.end(count)
    return torch.stack(losses).mean(), torch.cat(outputs)
