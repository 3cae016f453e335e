"""What taking blocks out has answered so far, in each network, for the drawing and the figure of the Inside page."""

from __future__ import annotations

from collections.abc import Hashable

from resnet_studio.domain.analyses.lesion import Altered, Change, Lesion
from resnet_studio.domain.analyses.records import AnalysisRecord
from resnet_studio.domain.analyses.result import AnalysisResult, Net
from resnet_studio.domain.text_numbers import signed
from resnet_studio.text import _
from resnet_studio.ui.analyses.results import Shown
from resnet_studio.ui.analyses.subjects import Chosen
from resnet_studio.ui.analyses.work import BlockTaken, Inquiry


class LesionAnswers:
    """Answers on one set of images. ``asked`` is the change that the drawing asked for last."""

    def __init__(self) -> None:
        self.asked: Change | None = None
        self._altered: dict[Net, dict[str, Altered]] = {}
        self._looked: Inquiry | None = None  # of what is in _altered; None where that was stored
        self._records: dict[str, AnalysisRecord] = {}  # likewise, of what is done

    def __bool__(self) -> bool:
        return bool(self._altered)

    def replace(self, shown: Shown) -> None:
        """What was measured before stands in the place of what is known."""
        self._looked, self._records = None, {record.id: record for record in shown.records}
        self._altered = {
            one.net: {each.name: each for each in one.blocks} for one in shown.results if isinstance(one, Lesion)
        }

    def begin(self, inquiry: Inquiry) -> None:
        """Answers on other images do not go with these."""
        if self._looked is not None:
            same = _images_of(self._looked) == _images_of(inquiry)
        else:
            settings, source = inquiry.settings, inquiry.data.source
            same = all(
                (record.settings.get("images"), record.seed, record.data) == (settings.images, settings.seed, source)
                for record in self._records.values()
            )
        if not same:
            self._altered, self._records = {}, {}
        self._looked = inquiry

    def add(self, taken: BlockTaken) -> None:
        """One answer, unless one of more images is known."""
        own = self._altered.setdefault(taken.net, {})
        before = own.get(taken.altered.name)
        if before is None or before.images <= taken.altered.images:
            own[taken.altered.name] = taken.altered

    def keep(self, records: tuple[AnalysisRecord, ...]) -> tuple[AnalysisRecord, ...]:
        """What is done, with these, of the images that they are of."""
        known = {**self._records, **{record.id: record for record in records}}
        self._records = {key: one for key, one in known.items() if one.data_sha256 == records[0].data_sha256}
        return tuple(self._records.values())

    @property
    def done(self) -> bool:
        """Every answer is of all images, and stored."""
        return bool(self._records) and all(each.final for own in self._altered.values() for each in own.values())

    def knows(self, change: Change) -> bool:
        """The answer, in every network that has one, is of all images."""
        known = [own[change.title] for own in self._altered.values() if change.title in own]
        return bool(known) and all(each.final for each in known)

    def results(self) -> tuple[AnalysisResult, ...]:
        """For the figure: what is known of each network, each with the whole one's error on the most images."""
        found = []
        for net, own in self._altered.items():
            blocks = tuple(own.values())
            furthest = max(blocks, key=lambda each: each.images)
            found.append(Lesion(net, furthest.whole, furthest.images, blocks))
        return Lesion.merged(found)

    def columns(self, chosen: Chosen) -> list[dict[str, Altered]]:
        """For the drawing: each column with the answers of its first network."""
        columns = []
        named = list(zip(chosen.names, chosen.networks, strict=True))
        for plan in chosen.plans:
            names = [name for name, network in named if network == plan.spec]
            # a run's shown name may have a mark behind it
            fits = (own for net, own in self._altered.items() if any(name.startswith(net.label) for name in names))
            columns.append(next(fits, {}))
        return columns

    def sentence(self, block: str) -> str:
        """What the change that was asked for last did, or what taking out ``block`` does."""
        name = self.asked.title if self.asked is not None else block
        alone = self.asked is None or self.asked.blocks == (name,)
        parts = [
            _(
                "{points} points in {network} ({images} of {all} images)",
                points=signed(altered[name].difference, digits=1),
                network=net.title,
                images=altered[name].images,
                all=altered[name].of,
            )
            for net, altered in self._altered.items()
            if name in altered
        ]
        if parts and alone:
            return _("Without {block}: {parts}", block=name, parts=", ".join(parts))
        if parts:
            return f"{name[:1].upper()}{name[1:]}: {', '.join(parts)}"
        if self.asked is not None:
            return _("Under way: {change}…", change=_("without {block}", block=name) if alone else name)
        return ""


def _images_of(inquiry: Inquiry) -> Hashable:
    return inquiry.chosen.key, inquiry.settings.images, inquiry.settings.seed
