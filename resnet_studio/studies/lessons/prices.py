"""What shortcuts and bottlenecks cost, counted from blueprints."""

from __future__ import annotations

from resnet_studio.domain.analyses.result import Table
from resnet_studio.domain.blueprint import BlockPlan, Blueprint
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Branch, Family, Shortcut
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.text_numbers import grouped, short_count
from resnet_studio.studies.single_cohorts import plain, residual
from resnet_studio.text import _

_SPACE = "\u202f"  # thin, and no place for a line to end
_BOTTLENECK_DEPTH, _BASIC_DEPTH = 50, 34  # ImageNet nets with as many blocks of either kind


def shortcut_plans(depth: int) -> tuple[tuple[str, Blueprint], ...]:
    """The plain net of CIFAR's family, then options A, B and C."""
    options = (Shortcut.A, Shortcut.B, Shortcut.C)
    return (
        (_("none (plain)"), blueprint(plain(depth))),
        *((str(option), blueprint(residual(depth, option))) for option in options),
    )


def shortcut_prices(depth: int) -> Table:
    """One line an option."""
    plans = shortcut_plans(depth)
    base = plans[0][1]
    return Table(
        (_("shortcut"), _("parameters"), _("against plain"), _("multiply-adds"), _("against plain")),
        tuple(
            (
                name,
                grouped(plan.parameters, space=_SPACE),
                _more(plan.parameters, base.parameters),
                short_count(plan.multiply_adds, space=_SPACE),
                _more(plan.multiply_adds, base.multiply_adds),
            )
            for name, plan in plans
        ),
    )


def _more(value: int, base: int) -> str:
    """As a share of ``base``."""
    return "0" if value == base else f"{100 * (value / base - 1):+.1f} %"


def shortcut_words(depth: int) -> tuple[str, ...]:
    (_none, base), (_a, first), (_b, second), (_c, third) = shortcut_plans(depth)
    if first.parameters == base.parameters and first.multiply_adds == base.multiply_adds:
        said = _(
            "Option A, zeros where the width grows, costs nothing: {parameters} parameters with and without "
            "shortcuts. That is what makes plain and residual net comparable.",
            parameters=grouped(base.parameters, space=_SPACE),
        )
    else:
        said = _("Option A costs {count} parameters.", count=grouped(first.parameters - base.parameters, space=_SPACE))
    return (
        said,
        _(
            "Option B projects where the width grows and takes {b} parameters more; C projects everywhere and takes "
            "{c} more.",
            b=grouped(second.parameters - base.parameters, space=_SPACE),
            c=grouped(third.parameters - base.parameters, space=_SPACE),
        ),
    )


def block_plans() -> tuple[tuple[str, BlockPlan], ...]:
    """Three blocks of one stage.

    A basic block of 64 filters, a bottleneck block of the same stage that hands on 256 channels, and a basic one on 256
    channels there.
    """
    basic = blueprint(NetworkSpec(family=Family.IMAGENET, depth=_BASIC_DEPTH))
    narrow = blueprint(NetworkSpec(family=Family.IMAGENET, depth=_BOTTLENECK_DEPTH, branch=Branch.BOTTLENECK))
    wide_channels = narrow.stages[0].blocks[1].output[0]
    wide = blueprint(NetworkSpec(family=Family.IMAGENET, depth=_BASIC_DEPTH, width=wide_channels))
    plans = [plan.stages[0].blocks[1] for plan in (basic, narrow, wide)]
    names = (
        _("basic: two 3x3, {channels} channels", channels=plans[0].output[0]),
        _("bottleneck: 1x1, 3x3, 1x1, {channels} channels", channels=plans[1].output[0]),
        _("basic, {channels} channels", channels=plans[2].output[0]),
    )
    return tuple(zip(names, plans, strict=True))


def block_prices() -> Table:
    return Table(
        (_("block (56x56)"), _("layers"), _("parameters"), _("multiply-adds")),
        tuple(
            (
                name,
                sum(layer.kind.weighted for layer in block.branch),
                grouped(block.parameters, space=_SPACE),
                short_count(block.multiply_adds, space=_SPACE),
            )
            for name, block in block_plans()
        ),
    )


def block_words() -> str:
    (_n1, basic), (_n2, narrow), (_n3, wide) = block_plans()
    return _(
        "A bottleneck hands on {wide} channels for {share} times the multiply-adds of a basic block on {few}; a basic "
        "block on {wide} would take {times} times as many.",
        wide=narrow.output[0],
        few=basic.output[0],
        share=f"{narrow.multiply_adds / basic.multiply_adds:.2f}",
        times=f"{wide.multiply_adds / basic.multiply_adds:.0f}",
    )
