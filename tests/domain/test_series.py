"""The table of measured series."""

from __future__ import annotations

import pickle

import pytest

from resnet_studio.domain.series import CURVES, ERRORS, LAYERED, Per, Series


def test_stored_names_never_change():
    assert [str(series) for series in Series] == [
        "training_error",
        "training_loss",
        "test_error",
        "test_loss",
        "learning_rate",
        "seconds",
        "gradient_norm",
        "update_ratio",
    ]


def test_rows_have_quantity_unit_and_rhythm():
    assert {series.quantity for series in ERRORS} == {"Error"}
    assert [series for series in Series if series.per is Per.TEST] == [Series.TEST_ERROR, Series.TEST_LOSS]
    pairs = [(series.quantity, series.per) for series in Series]
    assert len(set(pairs)) == len(pairs)  # a plot tells two series of one quantity apart by how often they are measured
    for series in Series:
        assert series.layer is None
        assert Series(str(series)) is series


def test_a_series_of_a_layer_is_one_value_wherever_it_comes_from():
    third = Series.GRADIENT_NORM.of_layer(3)
    assert third is Series("gradient_norm/3") is Series.GRADIENT_NORM.of_layer(3)
    assert third is pickle.loads(pickle.dumps(third))
    assert (str(third), third.layer, third.quantity) == ("gradient_norm/3", 3, "Gradient norm by depth")
    assert third.row is Series.GRADIENT_NORM is Series.GRADIENT_NORM.row
    assert not third.layered
    assert third not in list(Series)
    assert third != Series.GRADIENT_NORM


@pytest.mark.parametrize(
    "name", ["", "accuracy", "gradient_norm/", "gradient_norm/-1", "gradient_norm/03", "learning_rate/1", "a/1"]
)
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match="not a valid Series"):
        Series(name)


def test_curves_and_rows_of_layers_are_all_there_is():
    assert {*CURVES, *LAYERED} == set(Series)
    assert LAYERED == (Series.GRADIENT_NORM, Series.UPDATE_RATIO)
    assert not set(CURVES) & set(LAYERED)


def test_a_layer_has_no_layers():
    with pytest.raises(ValueError, match="given once"):
        Series.GRADIENT_NORM.of_layer(1).of_layer(2)
    with pytest.raises(ValueError, match="0 or more"):
        Series.GRADIENT_NORM.of_layer(-1)
    with pytest.raises(ValueError, match="not a valid Series"):
        Series("gradient_norm/1/2")
    with pytest.raises(ValueError, match="measured by layer"):
        Series.LEARNING_RATE.of_layer(1)
