"""What a study is called, from the key under which its runs are stored."""

from __future__ import annotations

from resnet_studio.studies.catalog import OLD_KEYS, STUDIES
from resnet_studio.studies.own_study import KEY_PREFIX, own_key
from resnet_studio.studies.single_cohorts import SINGLE_COHORTS


def study_title(key: str) -> str:
    """Of the gallery or of a single cohort; of one's own, whose file is not at hand, the key without its prefix."""
    wanted = OLD_KEYS[key][0] if key in OLD_KEYS else key
    titles = {single.key: single.title for single in SINGLE_COHORTS} | {study.key: study.title for study in STUDIES}
    return titles.get(wanted, key.removeprefix(KEY_PREFIX))


def is_named_by(title: str, key: str) -> bool:
    """Whether a cohort's title says already which study it is of: ``Degradation, quick``."""
    return title.casefold().startswith(study_title(key).casefold()) or own_key(title) == key
