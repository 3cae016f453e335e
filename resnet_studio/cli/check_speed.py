"""The checks of speed of ``doctor``: how this machine trains, why so, and how to change it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from resnet_studio.cli.check import Check, State
from resnet_studio.domain.enums import Device, MemoryLayout, Precision
from resnet_studio.domain.specs import RecipeSpec
from resnet_studio.domain.text_numbers import counted, grouped
from resnet_studio.platform.home import Home
from resnet_studio.platform.host import compiler
from resnet_studio.platform.training_speed import LONG_ENOUGH, WORTH_IT, KnownSpeeds
from resnet_studio.text import N_, _

if TYPE_CHECKING:
    import torch

_FEW = 4  # networks named in one line
_OTHERWISE = _(
    "--precision, --layout, --engine and --device of `train` and `bench`, or the fields of these names in a run file "
    "and under This machine on the Design page"
)


def speed_checks(home: Home) -> Iterator[Check]:
    """Compiler, precision, memory layout, engines; what was measured, where it is kept, and how to choose otherwise."""
    from resnet_studio.networks.devices import choose_device
    from resnet_studio.training.memory_format import choose_layout, known_layout_gain
    from resnet_studio.training.precision import choose_precision
    from resnet_studio.training.speed_cache import known_speeds

    device = choose_device(Device.AUTO)
    precision = choose_precision(Precision.AUTO, device, home.cache)
    yield _compiler(device)
    yield _precision(home, device, precision)
    layout = choose_layout(MemoryLayout.AUTO, device, precision, home.cache)
    gain = known_layout_gain(device, precision, home.cache)
    found = _(": in a probe channels last were {times} channels first", times=_times(gain)) if gain is not None else ""
    yield Check(N_("memory layout"), f"{layout}{found}")
    yield _compiled(home, device)
    yield from _engines(home, device)
    yield _measured(home, known_speeds(home.cache))
    yield Check(N_("to choose otherwise"), _OTHERWISE)


def _times(gain: float) -> str:
    return _("{gain:.2f} times as fast as", gain=gain)


def _compiler(device: torch.device) -> Check:
    from resnet_studio.training.engines.choose import can_compile

    found = compiler()
    if device.type == "cuda":
        if can_compile(device):
            return Check(N_("compiler"), "Triton")
        return Check(N_("compiler"), _("no Triton: nothing is compiled"), State.NOTE, "pip install triton")
    if found is None:
        advice = _(
            "Long runs gain from a C++ compiler: g++ or clang++ (on a Mac xcode-select --install, on Windows cl)."
        )
        return Check(N_("compiler"), _("no compiler: training stays eager"), State.NOTE, advice)
    return Check(N_("compiler"), found)


def _precision(home: Home, device: torch.device, precision: Precision) -> Check:
    from resnet_studio.training.precision import is_probed, known_gain, measure_gain

    if not is_probed(device):
        return Check(
            N_("precision"), _("{precision} (nothing is probed on {type})", precision=precision, type=device.type)
        )
    gain = known_gain(device, home.cache)
    if gain is None:  # a cache that cannot be written
        gain = measure_gain(device)
    return Check(
        N_("precision"),
        _("{precision}: in a probe bfloat16 was {times} float32", precision=precision, times=_times(gain)),
    )


def _compiled(home: Home, device: torch.device) -> Check:
    from resnet_studio.training.engines.choose import can_compile, known_gains

    if not can_compile(device):
        return Check(N_("compiled steps"), _("none here"))
    gains = known_gains(device, Precision.AUTO, home.cache)
    if not gains:
        return Check(
            N_("compiled steps"), _("not measured here yet; a long run, or `resnet-studio bench`, measures them")
        )
    few = [_("{gain:.2f} for {named}", gain=gain, named=_named(subject)) for subject, gain in gains.items()]
    return Check(
        N_("compiled steps"),
        _("times as fast as eager ones: {few}", few=", ".join(few[-_FEW:])),
        details=tuple(few[:-_FEW]),
    )


def _named(subject: str) -> str:
    """Without what only distinguishes networks of one name."""
    networks, _unused, batches = re.sub(r" of \d+ multiply-adds", "", subject).partition(" | ")
    return _("{networks} in {batches}", networks=networks, batches=batches)


def _engines(home: Home, device: torch.device) -> Iterator[Check]:
    """As training itself would choose."""
    from resnet_studio.training.engines.choose import can_compile, choose_engine

    long_enough, able = grouped(LONG_ENOUGH), can_compile(device)
    for name, iterations in ((_("a short run"), LONG_ENOUGH - 1), (_("a long run"), LONG_ENOUGH)):
        plan = choose_engine(RecipeSpec(iterations=iterations), device, {}, home.cache)
        if plan.switch_at:
            why = _(
                "from {long_enough} iterations on compiling pays, unless it was found to bring these networks less "
                "than {worth_it:.0%}; it is done beside the first steps",
                long_enough=long_enough,
                worth_it=WORTH_IT - 1,
            )
        elif able:
            why = _("below {long_enough} iterations compiling would cost more than it gains", long_enough=long_enough)
        else:
            why = _("nothing can be compiled here")
        yield Check(_("engine of {name}", name=name), f"{plan.name}: {why}")


def _measured(home: Home, known: KnownSpeeds) -> Check:
    kept = _("kept in {cache}, which may be deleted: then it is measured anew", cache=home.cache)
    if not known.figures:
        return Check(N_("measured speeds"), _("none yet, `resnet-studio bench` measures them; {kept}", kept=kept))
    networks = dict.fromkeys(figure.network.label for figure in known.figures)
    fastest = max(known.figures, key=lambda figure: figure.images_per_second)
    rate = _(
        "{label} {images_per_second} images/s ({engine})",
        label=fastest.network.label,
        images_per_second=grouped(round(fastest.images_per_second)),
        engine=fastest.engine,
    )
    return Check(
        N_("measured speeds"),
        _(
            "of {networks}, fastest {rate}; {kept}",
            networks=counted(len(networks), "network", "networks"),
            rate=rate,
            kept=kept,
        ),
    )
