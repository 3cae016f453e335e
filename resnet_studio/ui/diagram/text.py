"""What lies under a point of the drawing, and its facts in words."""

from __future__ import annotations

from collections.abc import Sequence

from resnet_studio.domain.alignment import Item
from resnet_studio.domain.blueprint import BlockPlan, Join, Layer, LayerKind
from resnet_studio.domain.diff import Diff, Finding, Verdict
from resnet_studio.domain.explain import shape_text
from resnet_studio.domain.glossary import short
from resnet_studio.text import _
from resnet_studio.ui.diagram.rows import BOX_HEIGHT, BOX_WIDTH, COLUMN, Row, RowKind, section_text, section_title
from resnet_studio.ui.widgets.text import count_text

_JOINS = {
    Join.IDENTITY: short("identity-mapping"),
    Join.ZERO_PAD: short("zero-padding"),
    Join.PROJECTION: short("projection"),
    Join.NONE: short("plain-net"),
}
_KINDS = {LayerKind.BATCH_NORM: short("batch-norm"), LayerKind.RELU: "ReLU", LayerKind.FLATTEN: "flattening"}
_VERDICTS = {Verdict.ADDED: _("not in"), Verdict.MISSING: _("only in"), Verdict.CHANGED: _("other than in")}


def layer_text(layer: Layer) -> str:
    """As a box shows it: ``3×3 conv, 16, /2``."""
    half = f", /{layer.stride}" if layer.stride > 1 else ""
    if layer.kind is LayerKind.CONV:
        return _("{kernel}×{kernel} conv, {output}{half}", kernel=layer.kernel, output=layer.output[0], half=half)
    if layer.kind is LayerKind.MAX_POOL:
        return _("{kernel}×{kernel} max pool{half}", kernel=layer.kernel, half=half)
    if layer.kind is LayerKind.LINEAR:
        return _("fc, {output}", output=layer.output[0])
    return layer.kind.value


def kinds_text(layers: Sequence[Layer]) -> str:
    """``batch norm and ReLU``."""
    return _(" and ").join(_KINDS.get(layer.kind, layer.kind.value) for layer in layers)


def _counts(parameters: int, multiply_adds: int) -> str:
    return _(
        "{parameters} parameters, {multiply_adds} multiply-adds",
        parameters=count_text(parameters),
        multiply_adds=count_text(multiply_adds),
    )


def _layer_facts(layer: Layer) -> str:
    return (
        f"{layer.name}: {layer_text(layer)}, {shape_text(layer.input)} → {shape_text(layer.output)}, "
        f"{_counts(layer.parameters, layer.multiply_adds)}"
    )


def _item_facts(item: Item, block: BlockPlan | None) -> str:
    text = _layer_facts(item.main)
    if item.main.bias and item.main.kind is LayerKind.CONV:
        text += _(", with bias")
    if item.before:
        text += _("; after {before}", before=kinds_text(item.before))
    after = item.after
    if block is not None and block.join is not Join.NONE and after and after[-1:] == block.after[-1:]:
        after = after[:-1]  # comes after the addition
    return text + (_("; then {after}", after=kinds_text(after)) if after else "")


def _block_facts(block: BlockPlan) -> str:
    text = f"{block.name}: {shape_text(block.input)} → {shape_text(block.output)}"
    if block.join is not Join.NONE:
        text += _("; shortcut: {joins}", joins=_JOINS[block.join])
        if block.after:
            text += _(", then {after}", after=kinds_text(block.after))
    return f"{text}; {_counts(block.parameters, block.multiply_adds)}"


def difference_text(diff: Diff, n: int, finding: Finding, what: str = "") -> str:
    """``≠ other than in plain-34: stride 1 → 2``; empty where nothing differs."""
    if not finding.differs:
        return ""
    reasons = ", ".join(f"{c.before} → {c.after}" if f"{c.what} " == what else c.text for c in finding.changes)
    text = f"{what}{_VERDICTS[finding.verdict]} {diff.names[diff.baselines[n]]}"
    return f"{text}: {reasons}" if reasons else text


def facts(diff: Diff, n: int, row: Row, x: float, y: float) -> str:
    """One line on what lies at (``x``, ``y``) of column ``n``; both are measured from the row's corner in that column.

    Parts are separated by semicolons; what differs comes last.
    """
    plan = diff.plans[n]
    if row.kind is RowKind.INPUT:
        return _("input: {input}", input=shape_text(plan.input))
    found = diff.sections[row.section]
    if row.kind is not RowKind.GROUP:
        return _section_facts(diff, n, row)
    group = found.groups[row.group]
    block = group.group.blocks[n]
    if abs(x - COLUMN / 2) <= BOX_WIDTH / 2:
        for number, line in enumerate(group.group.lines):
            if row.box_top(number) <= y <= row.box_top(number) + BOX_HEIGHT:
                item = line[n]
                text = _item_facts(item, block) if item is not None else _("no layer here")
                return _joined(text, difference_text(diff, n, group.layers[number][n]))
    shortcut = difference_text(diff, n, group.shortcuts[n], "shortcut ")
    if block is not None and block.projection and x > COLUMN / 2 + BOX_WIDTH / 2:
        return _joined(_layer_facts(block.projection[0]), shortcut)
    if block is not None and len(group.group.lines) + bool(block.projection) > 1:
        return _joined(_block_facts(block), shortcut, *_all_layers(diff, n, row))
    item = group.group.lines[0][n]
    text = _item_facts(item, block) if item is not None else _("no layer here")
    return _joined(text, shortcut, *_all_layers(diff, n, row))


def _all_layers(diff: Diff, n: int, row: Row) -> list[str]:
    group = diff.sections[row.section].groups[row.group]
    texts = []
    for line, findings in zip(group.group.lines, group.layers, strict=True):
        item = line[n] or line[diff.baselines[n]]
        if item is not None:
            texts.append(difference_text(diff, n, findings[n], f"{item.main.name.rpartition('.')[2]} "))
    return texts


def _joined(*texts: str) -> str:
    return "; ".join(text for text in texts if text)


def _section_facts(diff: Diff, n: int, row: Row) -> str:
    found = diff.sections[row.section]
    stage = found.section.stages[n]
    own = [item for group in found.section.groups for line in group.lines if (item := line[n]) is not None]
    parts = [layer for item in own for layer in item.layers]
    parts += [layer for group in found.section.groups if (block := group.blocks[n]) for layer in block.projection]
    title = diff.plans[n].stages[stage].name if stage >= 0 and not found.section.size else section_title(found)
    text = f"{title}: {section_text(diff, row.section, n)}"
    if parts:
        counts = _counts(sum(layer.parameters for layer in parts), sum(layer.multiply_adds for layer in parts))
        text = f"{text}; {counts}"
    tally = found.tally(n)
    return f"{text}; {tally.sentence}" if tally.total else text
