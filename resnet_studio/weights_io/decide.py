"""From what shapes allow to one network: shown by the statistics of batch norm, assumed, or a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from resnet_studio.domain.enums import Branch, Family, Shortcut, StridePlace, ZeroPadding
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.domain.glossary import short
from resnet_studio.domain.imported_weights import StructureHints
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.foreign.batch_norm_check import Verdict, probe
from resnet_studio.networks.foreign.recognise import NO_HINTS, Recognised
from resnet_studio.networks.foreign.structure_check import doubt
from resnet_studio.text import _

_STRANGE = 0.2  # a distance no right network has; see probing


@dataclass(frozen=True, slots=True)
class Decision:
    """The network; what the file shows, what is assumed, and the question that is left, if one is."""

    spec: NetworkSpec
    facts: tuple[str, ...]
    assumed: tuple[str, ...]
    question: str = ""


def decide(recognised: Recognised, hints: StructureHints = NO_HINTS, should_stop: StopCheck = never_stop) -> Decision:
    """Choose among the networks that have these shapes; what was given is repeated as given, not as found out.

    Raises:
        Stopped: Within a second of ``should_stop`` saying so.
    """
    facts, assumed = [_shapes_sentence(recognised.spec), *recognised.changes], []
    places = {spec.stride_place for spec in recognised.alternatives}
    candidates = [spec for spec in recognised.alternatives if spec.stride_place is recognised.spec.stride_place]
    chosen, question = candidates[0], ""
    if len(candidates) == 1 and chosen.shortcut in (Shortcut.A, Shortcut.NONE) and (hints.block or hints.zero_padding):
        facts.append(_("{shortcut}: said when it was imported; the shapes do not tell.", shortcut=_shortcut(chosen)))
    if len(candidates) > 1:
        verdict = probe(recognised.tensors, candidates, should_stop)
        if verdict is not None:
            chosen = verdict.best
        if verdict is not None and verdict.sure:
            facts.append(_evidence(verdict))
            if verdict.few_batches:
                facts.append(_early(verdict))
        else:
            why = (
                _("batch norm kept no statistics")
                if verdict is None
                else _("by batch norm's statistics, {far}", far=_far(verdict))
            )
            chosen, question = _without_evidence(candidates, chosen, why)
            if question and recognised.biases and verdict is not None and verdict.ranking[0][1] > _STRANGE:
                question = _(
                    "Its convolutions have biases, which no network of the paper has, and batch norm's statistics "
                    "fit no network with them: they do not belong there, or the file is damaged. {question}",
                    question=question,
                )
            if not question:
                assumed.append(
                    _(
                        "{shortcut}: the shapes do not tell ({why}); else say so with --block.",
                        shortcut=_shortcut(chosen),
                        why=why,
                    )
                )
        if verdict is not None and verdict.ranking[0][1] > _STRANGE:
            assumed.append(
                _(
                    "It is one of the networks that can be built: batch norm's statistics do not fit well, so test it "
                    "on "
                    "images whose error you know."
                )
            )
    if not question and (text := doubt(
        recognised.tensors, chosen, size_said=hints.image_size is not None, should_stop=should_stop
    )):  # fmt: skip
        assumed.append(text)
    if len(places) > 1:
        place = _("3x3 convolution") if chosen.stride_place is StridePlace.MIDDLE else _("first 1x1 convolution")
        assumed.append(
            _(
                "The {place} of a bottleneck halves the image, as in torchvision; else say so with --stride-place.",
                place=place,
            )
        )
    if chosen.family is not Family.VGG:
        assumed.append(
            _("Images have {image_size} pixels a side; else say so with --image-size.", image_size=chosen.image_size)
        )
    return Decision(chosen, tuple(facts), tuple(assumed), question)


def _without_evidence(candidates: Sequence[NetworkSpec], best: NetworkSpec, why: str) -> tuple[NetworkSpec, str]:
    """A residual net is the usual one; where its zeros lie has no usual answer."""
    paddings = {spec.zero_padding for spec in candidates if spec.shortcut is Shortcut.A}
    residual = [spec for spec in candidates if spec.residual] or list(candidates)
    chosen = best if best in residual else residual[0]
    if paddings != set(ZeroPadding):
        return chosen, ""
    return chosen, _(
        "The weights do not tell where option A puts its zero channels ({why}); say it with --zero-padding end or "
        "--zero-padding both, or with --block plain that it has no shortcuts.",
        why=why,
    )


def _evidence(verdict: Verdict) -> str:
    nearest, second = verdict.ranking[0][1], verdict.ranking[1][1]
    return _(
        "{shortcut}: where it matters, batch norm's stored statistics are {nearest:.2g} away from this "
        "network's and {second:.2g} from the next one's.",
        shortcut=_shortcut(verdict.best),
        nearest=nearest,
        second=second,
    )


def _early(verdict: Verdict) -> str:
    seen = _("{few_batches} batch", few_batches=verdict.few_batches) + ("es" if verdict.few_batches > 1 else "")
    return _("Only {seen} had been seen when it was saved; what batch norm starts with was taken out first.", seen=seen)


def _far(verdict: Verdict) -> str:
    return ", ".join(
        _("{short} is {distance:.2g} away", short=_short(spec), distance=distance) for spec, distance in verdict.ranking
    )


def _short(spec: NetworkSpec) -> str:
    return _("zeros {zero_padding}", zero_padding=spec.zero_padding) if spec.shortcut is Shortcut.A else "plain"


def _shortcut(spec: NetworkSpec) -> str:
    if spec.shortcut is not Shortcut.A:
        return _("No shortcuts, a plain net")
    where = _("at the end") if spec.zero_padding is ZeroPadding.END else _("on both sides")
    return _("Option A with its zero channels {where}", where=where)


def _shapes_sentence(spec: NetworkSpec) -> str:
    if spec.family is Family.VGG:
        return _(
            "{label}: {classes} classes, images of {image_size} pixels.",
            label=spec.label,
            classes=spec.classes,
            image_size=spec.image_size,
        )
    blocks = {Branch.BASIC: _("two 3x3 layers"), Branch.BOTTLENECK: "1x1, 3x3, 1x1", Branch.SINGLE: _("one 3x3 layer")}
    projections = {
        Shortcut.B: _("{what} (option B)", what=short("option-b")),
        Shortcut.C: _("{what} (option C)", what=short("option-c")),
    }.get(spec.shortcut, _("no projections"))
    return _(
        "{depth} layers: a {stem} stem, {stage_blocks} blocks of "
        "{blocks}, {stage_widths} filters, {projections}, {classes} "
        "classes.",
        depth=spec.depth,
        stem=spec.stem,
        stage_blocks="-".join(map(str, spec.stage_blocks)),
        blocks=blocks[spec.branch],
        stage_widths="-".join(map(str, spec.stage_widths)),
        projections=projections,
        classes=spec.classes,
    )
