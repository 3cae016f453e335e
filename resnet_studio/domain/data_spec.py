"""Which images: where they come from, and which of them train and test."""

from __future__ import annotations

from typing import Self

from pydantic import field_validator, model_validator

from resnet_studio.domain.data_sets import (
    BUILTIN,
    FOLDER,
    NO_DATA,
    DataSetRow,
    find_data_set,
    fixed_sources,
    source_help,
    unknown_source_text,
)
from resnet_studio.domain.enums import TestOn
from resnet_studio.domain.spec import AnyOf, ReadWhen, Spec, spec_field
from resnet_studio.text import N_, _

MAX_SEED = 2**31 - 1


class DataSpec(Spec):
    """Where images and labels come from."""

    source: str = spec_field(
        N_("Data"),
        source_help(),
        simple=True,
        default=BUILTIN.key,
        min_length=1,
        max_length=4096,
    )
    seed: int = spec_field(
        N_("Data draw"),
        N_(
            "builtin: which images are drawn. A single folder of classes: which images are held out for testing. "
            "With a number held out: which those are."
        ),
        default=0,
        ge=0,
        le=MAX_SEED,
        read_when=AnyOf((ReadWhen("source", unless=fixed_sources()), ReadWhen("held_out"))),
        refusal=N_("{source} has a fixed test set, so a data draw would change nothing; leave it at 0"),
    )
    held_out: int = spec_field(
        N_("Held out"),
        N_(
            "Training images that are not trained on, the same share of each class; the paper held out "
            "5 000 of 50 000 when it chose the schedule (section 4.2)."
        ),
        unit=N_("images"),
        default=0,
        ge=0,
        le=100_000_000,
    )
    test_on: TestOn = spec_field(
        N_("Test on"),
        N_("test: the data set's test images. held-out: the training images held out."),
        default=TestOn.TEST,
        read_when=ReadWhen("held_out"),
        refusal=N_("no images are held out, so none can be tested on; set held_out, or test_on to test"),
    )

    @field_validator("source")
    @classmethod
    def _known_source(cls, source: str) -> str:
        if source == NO_DATA or find_data_set(source):
            return source
        if source.startswith(FOLDER):
            if not source.removeprefix(FOLDER).strip():
                raise ValueError(_("{folder} needs a path; write {folder}PATH", folder=FOLDER))
            return source
        raise ValueError(
            _("data {source!r} is not known; {choices}", source=source, choices=unknown_source_text(source))
        )

    @model_validator(mode="after")
    def _choices_are_read(self) -> Self:
        if fault := self.unread_fault():
            raise ValueError(fault)
        return self

    @property
    def row(self) -> DataSetRow | None:
        """The data set, else None: a folder, or not known."""
        return find_data_set(self.source)

    @property
    def folder(self) -> str | None:
        """The path of ``folder:PATH``, else None."""
        return self.source.removeprefix(FOLDER) if self.source.startswith(FOLDER) else None

    @property
    def known(self) -> bool:
        """Whether it can be opened: the data of imported weights are not known."""
        return self.source != NO_DATA

    @property
    def label(self) -> str:
        return self.source if self.known else _("data not known")
