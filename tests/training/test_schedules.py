"""Warm-up and plateaus as decisions on numbers; training itself is in test_runner_recipes."""

import json

import pytest

from resnet_studio.domain.specs import RecipeSpec
from resnet_studio.training.schedules import RateControl


def plateau(**fields):
    return RateControl(RecipeSpec(schedule="plateau", learning_rate=0.1, **fields))


def rates_after(control, errors):
    found = []
    for error in errors:
        control.see_test(error)
        found.append(control.rate(1000))
    return found


def test_milestones_and_cosines_follow_the_recipe_alone():
    control = RateControl(RecipeSpec(milestones=(2, 4)))
    control.see_test(50.0)
    control.see_test(50.0)
    assert [control.rate(i) for i in range(1, 6)] == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001])
    cosine = RateControl(RecipeSpec(schedule="cosine", iterations=100))
    assert cosine.rate(1) == 0.1
    assert cosine.rate(51) == pytest.approx(0.05)
    assert 0 < cosine.rate(100) < 1e-4


def test_a_plateau_divides_by_ten_and_begins_to_count_anew():
    control = plateau(plateau_patience=2, plateau_margin=1.0)
    errors = [50.0, 49.5, 48.5, 48.5, 48.5, 48.4, 48.0, 30.0, 30.0]
    dropped = [0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.001]
    assert rates_after(control, errors) == pytest.approx(dropped)


@pytest.mark.parametrize(("margin", "drops"), [(0.0, 0), (0.1, 0), (0.5, 1)])
def test_how_much_better_counts_as_better(margin, drops):
    control = plateau(plateau_patience=3, plateau_margin=margin)
    rates_after(control, [20.0, 19.75, 19.5, 19.25])
    assert control.schedule.drops == (drops if margin <= 0.25 else 0)
    rates_after(control, [19.25, 19.25, 19.25])
    assert control.schedule.drops == 1


def test_an_equal_error_is_no_better_even_without_a_margin():
    control = plateau(plateau_patience=1, plateau_margin=0.0)
    assert rates_after(control, [20.0, 20.0]) == pytest.approx([0.1, 0.01])


def test_warm_up_lasts_until_a_window_is_below_the_error():
    control = RateControl(RecipeSpec(warmup_rate=0.01, milestones=(120,)))
    assert control.rate(1) == 0.01
    control.see_training(85.0)
    assert control.rate(51) == 0.01
    control.see_training(80.0)
    assert control.rate(101) == 0.01, "80 is not below 80"
    control.see_training(79.9)
    assert (control.rate(119), control.rate(121)) == (0.1, pytest.approx(0.01)), "milestones count from the start"
    control.see_training(99.0)
    assert control.rate(119) == 0.1, "warm-up does not come back"


def test_tests_during_warm_up_are_no_plateau():
    control = plateau(plateau_patience=2, plateau_margin=0.0, warmup_rate=0.01)
    rates_after(control, [90.0] * 5)
    control.see_training(10.0)
    assert rates_after(control, [90.0, 90.0]) == pytest.approx([0.1, 0.01])


def test_a_state_comes_back_exactly_through_json():
    fields = {"plateau_patience": 3, "warmup_rate": 0.01}
    errors = [50.1, 49.3, 49.3, 49.3, 49.3, 49.3, 49.3, 49.3]
    for cut in range(len(errors)):
        whole, first, second = plateau(**fields), plateau(**fields), plateau(**fields)
        for control in (whole, first):
            control.see_training(10.0)
        rates_after(first, errors[:cut])
        second.restore(json.loads(json.dumps(first.state())))
        assert rates_after(whole, errors)[cut:] == rates_after(second, errors[cut:])
        assert whole.state() == second.state()
