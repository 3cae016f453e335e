"""Lesion: what a network's error becomes when blocks are taken out or change places, without training it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from resnet_studio.analysis.block_outputs import Alteration, BlockOutputs
from resnet_studio.analysis.block_passes import block_plans, removable
from resnet_studio.analysis.subjects import Progress, Subject, no_progress
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.lesion import Altered, Change, Lesion, LesionSettings, taken_out
from resnet_studio.domain.blueprint import Blueprint
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.text import _

OnResult = Callable[[Altered], None]


def measure(
    subject: Subject,
    images: DrawnImages,
    settings: LesionSettings,
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
    on_result: OnResult | None = None,
) -> Lesion:
    """Top-1 error, in percent, of the network whole and altered, each on the very same images.

    Veit, Wilber, Belongie: Residual Networks Behave Like Ensembles of Relatively Shallow Networks, 2016
    (arXiv:1605.06431), sections 4.1 and 4.2. Of a block that is taken out the shortcut stays, y = x or W x instead of
    F(x) + x, and the ReLU behind the addition; nothing else changes, batch norm's statistics included. In a plain net
    the same layers are taken out, and what its residual twin of option A has beside them stands in their place: the
    identity, or every second pixel with zeros for the new channels. Blocks change places within a stage, where their
    shapes agree.

    The interval is that of paired errors, :mod:`resnet_studio.domain.mcnemar`, of each alteration on its own. The
    arithmetic is that in which the run's test errors were measured, so the whole network's error on all test images is
    the stored one, to the last image.

    ``on_result`` is called with each alteration's result after each batch of images, the last one over all of them.

    Raises:
        UserError: If there is no such block, it cannot be taken out or stand in that place, or the network does not
            know the images' classes.
        Stopped: Between two blocks, when ``should_stop`` says so.
    """
    outputs = outputs_of(subject, images)
    altered = errors_of(outputs, alterations_of(subject.blueprint, settings), progress, should_stop, on_result)
    return Lesion(subject.net, outputs.error(should_stop), len(images), altered)


def outputs_of(subject: Subject, images: DrawnImages, keep_bytes: int = 0) -> BlockOutputs:
    """The network on ``images``; with ``keep_bytes`` for one deletion after another."""
    return BlockOutputs(
        subject.network,
        subject.blueprint,
        partial(subject.inputs, images),
        subject.targets(images),
        arithmetic=subject.arithmetic,
        keep_bytes=keep_bytes,
    )


def errors_of(
    outputs: BlockOutputs,
    alterations: Sequence[Alteration],
    progress: Progress = no_progress,
    should_stop: StopCheck = never_stop,
    on_result: OnResult | None = None,
) -> tuple[Altered, ...]:
    """Of each alteration, over all images; ``on_result`` and errors as :func:`measure`."""
    found: dict[int, Altered] = {}
    for place, result in outputs.results(alterations, progress=progress, should_stop=should_stop):
        found[place] = result
        if on_result is not None:
            on_result(result)
    return tuple(found[place] for place in range(len(alterations)))


def alterations_of(plan: Blueprint, settings: LesionSettings) -> tuple[Alteration, ...]:
    """What the settings ask for."""
    blocks, order = settings.blocks, settings.order
    if blocks and settings.together:
        return (Alteration(taken_out(blocks), blocks, order),)
    if blocks:
        return tuple(Alteration(name, (name,), order) for name in blocks)
    return (Alteration(_("in another order"), order=order),) if order else each_block(plan)


def alteration_for(plan: Blueprint, change: Change) -> Alteration | None:
    """None where the network has not all of these blocks."""
    built = [block.name for block in block_plans(plan)]
    if not change.names <= set(built):
        return None
    return Alteration(change.title, change.blocks, change.order(built))


def each_block(plan: Blueprint) -> tuple[Alteration, ...]:
    """Every block that can be taken out, one at a time, from the first to the last."""
    return tuple(Alteration(block.name, (block.name,)) for block in block_plans(plan) if removable(block))
