"""What differs between two or three networks: layer by layer and shortcut by shortcut, in words and in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from resnet_studio.domain.alignment import Group, Item, Section, align
from resnet_studio.domain.blueprint import BlockPlan, Blueprint, Join, Layer, LayerKind
from resnet_studio.domain.enums import ZeroPadding
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.text import N_, _, _n


class Against(StrEnum):
    """Which network each one is compared with."""

    PREVIOUS = "previous"
    FIRST = "first"


class Verdict(StrEnum):
    """What a network has in one place, seen from the network it is compared with."""

    SAME = N_("same")
    CHANGED = N_("changed")
    ADDED = N_("added")
    MISSING = N_("missing")


ORDER = (Verdict.ADDED, Verdict.MISSING, Verdict.CHANGED)  # in sentences
SYMBOLS = {Verdict.SAME: " ", Verdict.CHANGED: "≠", Verdict.ADDED: "+", Verdict.MISSING: "−"}


@dataclass(frozen=True, slots=True)
class Change:
    """One property that differs."""

    what: str
    before: str
    after: str

    @property
    def text(self) -> str:
        return f"{self.what} {self.before} → {self.after}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with its reasons; they are empty unless it is ``changed``."""

    verdict: Verdict = Verdict.SAME
    changes: tuple[Change, ...] = ()

    @property
    def differs(self) -> bool:
        return self.verdict is not Verdict.SAME


SAME = Finding()
ADDED = Finding(Verdict.ADDED)
MISSING = Finding(Verdict.MISSING)


@dataclass(frozen=True, slots=True)
class GroupDiff:
    """``layers`` holds for each line a finding a network, ``shortcuts`` one a network; the baseline's are ``same``."""

    group: Group
    layers: tuple[tuple[Finding, ...], ...]
    shortcuts: tuple[Finding, ...]

    @property
    def differs(self) -> bool:
        return any(f.differs for f in self.shortcuts) or any(f.differs for line in self.layers for f in line)


@dataclass(frozen=True, slots=True)
class SectionDiff:
    section: Section
    groups: tuple[GroupDiff, ...]

    def tally(self, n: int) -> Tally:
        """Of network ``n``."""
        return Tally.of(self.groups, n)


def _layers_text(count: int, verdict: str) -> str:
    return _n("{count} layer {verdict}", "{count} layers {verdict}", count, verdict=verdict)


def _shortcuts_text(count: int, verdict: str) -> str:
    return _n("{count} shortcut {verdict}", "{count} shortcuts {verdict}", count, verdict=verdict)


def _signed_layers(count: int, signs: str) -> str:
    return _n("{signs} layer", "{signs} layers", count, signs=signs)


def _signed_shortcuts(count: int, signs: str) -> str:
    return _n("{signs} shortcut", "{signs} shortcuts", count, signs=signs)


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a network differs, by verdict."""

    layers: Counter[Verdict] = field(default_factory=Counter)
    shortcuts: Counter[Verdict] = field(default_factory=Counter)

    @classmethod
    def of(cls, groups: Sequence[GroupDiff], n: int) -> Tally:
        layers = Counter(line[n].verdict for group in groups for line in group.layers if line[n].differs)
        return cls(layers, Counter(group.shortcuts[n].verdict for group in groups if group.shortcuts[n].differs))

    @property
    def total(self) -> int:
        return self.layers.total() + self.shortcuts.total()

    @property
    def sentence(self) -> str:
        """``2 layers added, 16 shortcuts added``; ``no difference``."""
        parts = [
            say(counts[verdict], _(verdict.value))
            for say, counts in ((_layers_text, self.layers), (_shortcuts_text, self.shortcuts))
            for verdict in ORDER
            if counts[verdict]
        ]
        return ", ".join(parts) or _("no difference")

    @property
    def short(self) -> str:
        """``+21 −9 ≠15 layers, +16 shortcuts``."""
        parts = [
            say(counts.total(), " ".join(signs))
            for say, counts in ((_signed_layers, self.layers), (_signed_shortcuts, self.shortcuts))
            if (signs := [f"{SYMBOLS[verdict]}{counts[verdict]}" for verdict in ORDER if counts[verdict]])
        ]
        return ", ".join(parts) or _("no difference")


@dataclass(frozen=True, slots=True)
class Diff:
    """``baselines`` holds for each network the index of the one it is compared with; the first one's is 0."""

    plans: tuple[Blueprint, ...]
    sections: tuple[SectionDiff, ...]
    baselines: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The networks' labels; equal ones get the values of the fields in which they differ."""
        specs = [plan.spec for plan in self.plans]
        names = []
        for spec in specs:
            like = [other for other in specs if other.label == spec.label and other != spec]
            words = [
                _value(getattr(spec, name))
                for name in NetworkSpec.model_fields
                if any(getattr(other, name) != getattr(spec, name) for other in like)
            ]
            names.append(" ".join([spec.label, *words]))
        return tuple(names)

    def tally(self, n: int) -> Tally:
        """What sets network ``n`` apart from its baseline."""
        return Tally.of([group for section in self.sections for group in section.groups], n)

    def fields(self, n: int) -> tuple[Change, ...]:
        """The fields of the specification in which network ``n`` differs from its baseline."""
        theirs, own = self.plans[self.baselines[n]].spec, self.plans[n].spec
        return tuple(
            Change(info.title or name, _value(getattr(theirs, name)), _value(getattr(own, name)))
            for name, info in NetworkSpec.model_fields.items()
            if getattr(theirs, name) != getattr(own, name)
        )

    def sentence(self, n: int) -> str:
        """``ResNet-34 against plain-34: 16 shortcuts added.``"""
        return _(
            "{names} against {names_2}: {sentence}.",
            names=self.names[n],
            names_2=self.names[self.baselines[n]],
            sentence=self.tally(n).sentence,
        )


def diff(
    plans: Sequence[Blueprint], *, against: Against = Against.PREVIOUS, sizes: bool | None = None, blind: bool = False
) -> Diff:
    """Compare networks.

    Args:
        plans: One, two or three.
        against: Which network each later one is compared with.
        sizes: Align by the size of outputs instead of stages; None: where all images are of one size.
        blind: Only align; every finding is ``same``.

    Raises:
        UserError: For another number of networks.
    """
    if not 1 <= len(plans) <= 3:
        raise UserError(_("Two or three networks can be compared, not {plans}; leave some out.", plans=len(plans)))
    baselines = tuple(0 if against is Against.FIRST else max(n - 1, 0) for n in range(len(plans)))
    looked_at = (0,) * len(plans)
    sections = tuple(
        SectionDiff(
            section,
            tuple(_blind(group) if blind else _group(plans, group, baselines) for group in section.groups),
        )
        for section in align(plans, sizes=sizes)
    )
    return Diff(tuple(plans), sections, looked_at if blind else baselines)


def _blind(group: Group) -> GroupDiff:
    same = (SAME,) * len(group.blocks)
    return GroupDiff(group, (same,) * len(group.lines), same)


def _group(plans: Sequence[Blueprint], group: Group, baselines: Sequence[int]) -> GroupDiff:
    layers = tuple(tuple(_layer(line[baselines[n]], line[n]) for n in range(len(plans))) for line in group.lines)
    shortcuts = tuple(_shortcut(plans[b], group.blocks[b], plans[n], group.blocks[n]) for n, b in enumerate(baselines))
    return GroupDiff(group, layers, shortcuts)


def _layer(before: Item | None, after: Item | None) -> Finding:
    if before is None or after is None:
        return SAME if before is after else ADDED if before is None else MISSING
    changes = tuple(
        Change(what, old, new)
        for (what, old), (_unused, new) in zip(_properties(before), _properties(after), strict=True)
        if old != new
    )
    return Finding(Verdict.CHANGED, changes) if changes else SAME


def _properties(item: Item) -> Iterator[tuple[str, str]]:
    """Everything that can differ between two layers, in words."""
    layer = item.main
    yield _("layer"), _(layer.kind.value)
    yield _("kernel"), kernel_text(layer)
    yield _("filters") if layer.kind is LayerKind.CONV else _("outputs"), str(layer.output[0])
    yield _("stride"), str(layer.stride)
    yield _("inputs"), str(layer.input[0])
    yield _("output size"), f"{layer.output[1]}×{layer.output[2]}"
    yield _("bias"), _("yes") if layer.bias else _("no")
    yield _("before it"), _kinds(item.before)
    yield _("after it"), _kinds(item.after)


def kernel_text(layer: Layer) -> str:
    return f"{layer.kernel}×{layer.kernel}" if layer.kernel else _("none")


def _kinds(layers: Sequence[Layer]) -> str:
    return ", ".join(_(layer.kind.value) for layer in layers) or "nothing"


def _shortcut(before: Blueprint, old: BlockPlan | None, after: Blueprint, new: BlockPlan | None) -> Finding:
    """Of a block that both networks have; a whole block that one lacks counts by its layers."""
    if old is None or new is None:
        return SAME
    if Join.NONE in (old.join, new.join):
        return SAME if old.join is new.join else ADDED if old.join is Join.NONE else MISSING
    changes = tuple(
        Change(what, a, b)
        for (what, a), (_unused, b) in zip(_joins(before, old), _joins(after, new), strict=True)
        if a != b and a and b
    )
    return Finding(Verdict.CHANGED, changes) if changes else SAME


def _joins(plan: Blueprint, block: BlockPlan) -> Iterator[tuple[str, str]]:
    """The kind of addition, and of a projection its sizes; what only follows from the block's layers counts there."""
    kind = block.join.value
    if block.join is Join.ZERO_PAD and plan.spec.zero_padding is ZeroPadding.BOTH:
        kind += _(" on both sides")
    yield _("shortcut"), kind
    conv = block.projection[0] if block.projection else None
    yield (
        _("projection"),
        _(
            "{input} to {output} filters, stride {stride}",
            input=conv.input[0],
            output=conv.output[0],
            stride=conv.stride,
        )
        if conv
        else "",
    )


def _value(value: object) -> str:
    return "-".join(map(str, value)) or _("by depth") if isinstance(value, tuple) else str(value)
