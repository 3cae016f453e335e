"""A run's errors on a labelled test set."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from resnet_studio.data.batches import test_batches
from resnet_studio.data.imageset import ImageSet
from resnet_studio.data.sets import describe, open_data
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import StopCheck, never
from resnet_studio.domain.home import Home
from resnet_studio.domain.records import Evaluation
from resnet_studio.domain.specs import DataSpec
from resnet_studio.inference.models import TrainedNetwork
from resnet_studio.networks.testing import count_errors

PROTOCOL = "single"  # the whole image once, as in He et al. 2015, section 4.2
_BATCH = 250  # as in training, so that the same weights give the same error to the last image

Report = Callable[[str, float | None], None]


def _silent(_detail: str, _fraction: float | None) -> None:
    """Nobody listens."""


def evaluate(
    network: TrainedNetwork, data: DataSpec, home: Home, report: Report = _silent, should_stop: StopCheck = never
) -> Evaluation:
    """Top-1 and top-5 error, in percent, on the whole test set of ``data``, single view.

    The classes of data and run are matched by name; another order is no obstacle. The arithmetic is that of the run's
    training, so its own test set gives the stored test error again.

    Raises:
        UserError: If the data cannot be opened or has other classes than the run.
        Stopped: Within a second of ``should_stop`` saying so.
    """
    facts = describe(data, home)
    if facts.class_names:  # refuse before minutes of decoding
        _order(network, facts.class_names, data)
    bundle = open_data(data, network.preprocessing.image_size, home, report, should_stop)
    order = torch.tensor(_order(network, bundle.class_names, data))  # (classes,)
    test = ImageSet(bundle.test.images, order[bundle.test.labels])
    batches = test_batches(test, network.preprocessing, batch_size=_BATCH, device=network.device)
    with network.stoppable(should_stop):
        result = count_errors(
            network.module,
            _counted(batches, len(test), report),
            should_stop=should_stop,
            precision=network.trained_arithmetic,
        )
    return Evaluation(
        run_id=network.run.id,
        protocol=PROTOCOL,
        data=data.source,
        images=result.images,
        top1_error=result.top1_error,
        top5_error=result.top5_error,
        skipped=tuple(name for name, _ in bundle.skipped),
    )


def _order(network: TrainedNetwork, names: tuple[str, ...], data: DataSpec) -> list[int]:
    """For each class of the data, the network's output of that name."""
    own = {name: output for output, name in enumerate(network.class_names)}
    unknown = [name for name in names if name not in own]
    missing = [name for name in network.class_names if name not in names]
    if not unknown and not missing:
        return [own[name] for name in names]
    parts = []
    if unknown:
        parts.append(f"{_some(unknown)} {'is' if len(unknown) == 1 else 'are'} unknown to the run")
    if missing:
        parts.append(f"{_some(missing)} {'is' if len(missing) == 1 else 'are'} missing from the data")
    raise UserError(
        f"The classes of {data.source} are not those that {network.run.name} was trained on: {' and '.join(parts)}; "
        "choose data with the same class names."
    )


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _counted(batches: Iterator[tuple[Tensor, Tensor]], images: int, report: Report) -> Iterator[tuple[Tensor, Tensor]]:
    done = 0
    for x, y in batches:
        report("testing", done / images)
        yield x, y
        done += len(y)
    report("testing", 1.0)
