"""The form, generated from the specifications: what is typed is validated at each key."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError
from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QFrame, QLabel, QWidget

from resnet_studio.domain.data_sets import BUILTIN, find_data_set
from resnet_studio.domain.documents import parse, sentences
from resnet_studio.domain.enums import Family
from resnet_studio.domain.errors import SpecError
from resnet_studio.domain.network_spec import depths
from resnet_studio.domain.presets import Preset, apply
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import DataSpec, RunSpec, counterpart, replace
from resnet_studio.domain.weight_compatibility import misfit, twin_misfit
from resnet_studio.text import _
from resnet_studio.ui.pages.design.class_origin import ClassCount, classes_fault
from resnet_studio.ui.pages.design.field_dependencies import followed, offered, proposed_depths
from resnet_studio.ui.pages.design.form_layout import default_of, unread
from resnet_studio.ui.pages.design.form_sheet import FormSheet
from resnet_studio.ui.pages.design.recipe_field import RecipeField
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.data_field import DataField
from resnet_studio.ui.widgets.field_row import NO_RUN
from resnet_studio.ui.widgets.layouts import STRETCH, in_column, in_row
from resnet_studio.ui.widgets.spec_fields import as_text, nested, typed, values
from resnet_studio.ui.widgets.text import counted


class DesignForm(QFrame):
    """``changed`` after each edit, valid or not: :attr:`spec` is None while a field is at fault."""

    changed = Signal()

    def __init__(self, services: Services, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        named(self, "design_form", role="panel")
        self._services = services
        self.spec: RunSpec | None = None
        self.errors: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._last = RunSpec()  # the last valid one
        self._network = self._last.network  # the last valid one: what follows is decided from it
        self._edited = ""
        self._records: tuple[RunRecord, ...] | None = None  # not read yet
        self._count = ClassCount()
        self.class_fault = self.start_fault = ""
        self.data = DataField(services)
        self.recipe = RecipeField()
        self._all = named(
            QCheckBox(_("All fields")), "all_fields_box", tip=_("Show every field, not only the usual ones")
        )
        self._all.setChecked(services.preferences.value("design/all_fields", False, bool))
        self._all.toggled.connect(self._on_all_toggled)
        self._sheet = FormSheet(self.data, self.recipe, self)
        self.rows = self._sheet.rows
        self._lay_out()
        self._sheet.edited.connect(self._on_edited)
        self.rows["network.classes"].cured.connect(self._on_cured)
        self.data.edited.connect(self._on_edited)
        self.data.facts_known.connect(self._on_facts_known)
        self.recipe.chosen.connect(self.apply_recipe)
        self.show_spec(RunSpec())

    def show_spec(self, spec: RunSpec) -> None:
        """Fill in every field; where nobody knows the data, the program's own are proposed."""
        spec = spec if spec.data.known else replace(spec, data=DataSpec())
        self._last, self._network, self._edited = spec, spec.network, ""
        self._count.restore(spec)
        self._texts = values(spec)
        self._sheet.show_texts(self._texts)
        self.data.set_source(spec.data)
        self._validate()

    def show_runs(self, records: Iterable[RunRecord]) -> None:
        """The stored runs, of which those that fit can be trained on."""
        self._records = tuple(records)
        if self._find_start_fault() == self.start_fault:
            self._offer_runs()
        else:
            self._validate()

    @Slot(object)
    def apply_recipe(self, preset: Preset) -> None:
        """Fill the recipe, and the network where it is one of another family; classes are then that family's usual."""
        count, before = self._count.origin, self._last.network
        try:
            spec = apply(preset, self._last)
            if spec.network.family is not before.family:
                classes = self._count.of_family(spec.network.family, before.classes, self._data_classes)
                spec = replace(spec, network=replace(spec.network, classes=classes))
                count = self._count.origin
        except ValidationError as error:
            sentence = next(iter(sentences(error).values()))
            self._sheet.show_group_fault(
                "recipe", _("{title} does not fit this network: {sentence}", title=preset.title, sentence=sentence)
            )
            return
        self.show_spec(spec)
        self._count.origin = count

    @property
    def ready(self) -> bool:
        """Valid, and nothing that is known of the data or of the run to start from speaks against training."""
        return self.spec is not None and not self.data.missing and not self.obstacle

    @property
    def obstacle(self) -> str:
        """Why a valid design cannot be trained, as a sentence."""
        return self.data.fault or self.start_fault or self.class_fault

    @property
    def twin_obstacle(self) -> str:
        """Why a design that can be trained has a twin that cannot, as a sentence."""
        parent = self._parent
        if self.spec is None or parent is None or self.spec.network.family is Family.VGG:
            return ""
        return twin_misfit(self.spec.network, counterpart(self.spec.network), parent)

    @property
    def _parent(self) -> RunRecord | None:
        """The run to start from, if it is known."""
        wanted = self.spec.start_from if self.spec else ""
        return next((run for run in self._records or () if run.id == wanted), None)

    @property
    def _data_classes(self) -> int:
        """Of the data as far as they are known, else as many as the program's own images have."""
        known = self.data.facts or find_data_set(self.data.text) or BUILTIN
        return len(known.class_names)

    def _find_start_fault(self) -> str:
        if self.spec is None or not self.spec.start_from or self._records is None:
            return ""
        parent = self._parent
        return misfit(self.spec.network, parent) if parent else _("That run is gone; choose another, or fresh weights.")

    # What follows from what

    @Slot(str)
    def _on_edited(self, path: str) -> None:
        self._edited = path
        idle = unread(self._texts)
        self._texts[path] = self.data.text if path == "data.source" else self.rows[path].text
        if path.startswith("network."):
            self._follow_network(path)
        elif path == "data.source":
            self._follow_data()
        still_idle = unread(self._texts)
        self._texts |= {name: as_text(default_of(name)) for name in idle.keys() - still_idle.keys()}
        self._texts |= {name: as_text(value) for name, value in still_idle.items()}
        self._sheet.show_texts(self._texts, but=path)
        self._validate()
        if path.startswith("data.") and path != "data.source" and self.spec is not None:
            self.data.set_source(self.spec.data)

    def _follow_network(self, path: str) -> None:
        """The other fields of the network as they are usual beside the new value; a wrong value leaves them."""
        name = path.removeprefix("network.")
        spec = followed(self._network, name, typed(path, self._texts[path]))
        if name == "classes":
            self._count.set_by_hand()
        if spec is None:
            return
        if name == "family":
            classes = self._count.of_family(spec.family, spec.classes, self._data_classes)
            spec = replace(spec, classes=classes)
        before, after = (values(RunSpec(network=network)) for network in (self._network, spec))
        self._network = spec
        for other in type(spec).model_fields:
            key = f"network.{other}"
            if key != path and (after[key] != before[key] or not self._is_wrong(key)):
                self._texts[key] = after[key]  # a wrong value stays, unless its field follows

    def _is_wrong(self, path: str) -> bool:
        """Whether the field, or one of the numbers in its list, is at fault."""
        return any(name == path or name.startswith(f"{path}.") for name in self.errors)

    def _follow_data(self) -> None:
        """A data set that is known by name has its classes at once; a folder is looked at first."""
        row = find_data_set(self.data.text)
        if row is not None:
            self._set("network.classes", self._count.of_data(self._texts["network.classes"], len(row.class_names)))

    @Slot(str)
    def _on_cured(self, path: str) -> None:
        """The one remedy so far: as many classes as the data has."""
        assert path == "network.classes"
        self._set(path, self._count.take_data(self._data_classes))
        self._edited = path
        self._validate()

    def _offer(self) -> None:
        """Only values that make sense beside the others are offered."""
        network = self._network
        for name, choices in offered(network).items():
            self.rows[f"network.{name}"].offer(choices)
        self.rows["network.depth"].propose(proposed_depths(network), depths(network.family, network.branch))
        wrong = self._is_wrong("network.stages")
        self.rows["network.depth"].lock(
            _("As many as the blocks of the stages make.") if network.stages or wrong else ""
        )
        if wrong:
            self.rows["network.depth"].set_text("")  # whatever it was, it is not what is typed now
        self.rows["network.width"].lock(_("The first of the widths.") if network.widths else "")
        self._offer_runs()

    def _offer_runs(self) -> None:
        """Runs with weights that fit this network; that of now too, fit or not. A name does unless two share it."""
        network = self._network
        pairs = [("", NO_RUN)]
        now, records = self._texts["start_from"], self._records or ()
        fitting = [run for run in records if run.id == now or not misfit(network, run)]
        for run in fitting:
            alone = sum(other.name == run.name for other in fitting) == 1
            pairs.append((run.id, run.name if alone else f"{run.name} · {run.id[:6]}"))
        if now and all(run_id != now for run_id, _unused in pairs):
            pairs.append((now, now))
        self.rows["start_from"].offer(pairs)
        self.rows["start_from"].set_text(now)

    def _set(self, path: str, text: str) -> None:
        self._texts[path] = text
        self.rows[path].set_text(text)

    @Slot()
    def _on_facts_known(self) -> None:
        facts = self.data.facts
        if facts is not None:
            count = self._count.of_data(self._texts["network.classes"], len(facts.class_names))
            self._set("network.classes", count)
        self._validate()
        self._sheet.settle()

    # What is wrong, and what is seen

    def _validate(self) -> None:
        try:
            self.spec, self.errors = parse(RunSpec, nested(self._texts)), {}
            self._last, self._network = self.spec, self.spec.network
        except SpecError as error:
            self.spec, self.errors = None, error.fields
        faults: dict[str, str] = {}
        self.start_fault = self._find_start_fault()
        facts = self.data.facts
        self.class_fault = (
            classes_fault(self.spec.network, len(facts.class_names) if facts else None) if self.spec else ""
        )
        if self.start_fault:
            faults["start_from"] = self.start_fault
        for name, sentence in self.errors.items():
            place = self._sheet.place(name, sentence, self._edited)
            faults.setdefault(place, self._sheet.in_words(sentence))
        self._sheet.show_faults(faults)
        cure = (
            _("Use the data's {data_classes}", data_classes=counted(self._data_classes, "class", "classes"))
            if self.class_fault
            else ""
        )
        self.rows["network.classes"].remedy(self.class_fault, cure)
        self.rows["start_from"].hint("" if self.start_fault else self._start_hint)
        seen = faults | ({"network.classes": self.class_fault} if self.class_fault else {})
        self._sheet.show_rows(self._texts, seen, everything=self._all.isChecked())
        late = self.spec is not None and any(m > self.spec.recipe.iterations for m in self.spec.recipe.milestones)
        self.rows["recipe.milestones"].hint(_("A milestone after the last iteration changes nothing.") if late else "")
        self.data.show_error(faults.get("data.source", ""))
        self._offer()
        self.recipe.show_recipe(self.spec)
        self.changed.emit()

    @property
    def _start_hint(self) -> str:
        """What becomes of the twin."""
        parent = self._parent
        if self.spec is None or parent is None or self.spec.network.family is Family.VGG:
            return ""
        return self.twin_obstacle or _("Both nets of a twin begin with it: option A's shortcuts have no weights.")

    @Slot(bool)
    def _on_all_toggled(self, everything: bool) -> None:
        self._services.preferences.set_value("design/all_fields", everything)
        self._validate()

    def _lay_out(self) -> None:
        head = in_row(named(QLabel(_("Your network")), role="heading"), STRETCH, self._all, margins=(16, 10, 14, 0))
        in_column(head, (self._sheet, 1), of=self, margins=1)
