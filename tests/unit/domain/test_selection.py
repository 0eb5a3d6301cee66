"""Which trial is called the best, on trials small enough to be ranked by hand, and what holds for all of them."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.domain.metrics.table import METRICS
from tidewright.domain.selection import best, chosen_by_window, front, knee, pareto_front, robust
from tidewright.domain.trials import FIGURE, Trial

SHARPE = FIGURE["sharpe"]
MOST, LEAST = ["Maximize"], ["Minimize"]
NAN = math.nan


def trial(number, *values, windows=None, violations=(), state="Complete"):
    """A trial with these values of its objectives, and this Sharpe ratio in sample in each window; by default its first value in two."""
    of_windows = [values[0], values[0]] if windows is None else windows
    in_sample = np.full((len(of_windows), len(METRICS)), NAN)
    in_sample[:, SHARPE] = of_windows
    return Trial(number, {"fast": number}, state, values=values, in_sample=in_sample, violations=violations)


def number(found):
    return None if found is None else found.number


def test_the_best_has_the_first_objective_in_its_direction():
    trials = [trial(0, 1.0, 9.0), trial(1, 3.0, 0.0), trial(2, 2.0, 5.0)]
    assert best(trials, ["Maximize", "Maximize"]).number == 1
    assert best(trials, ["Minimize", "Maximize"]).number == 0


def test_of_equal_trials_the_lowest_number_is_taken_in_any_order():
    for order in permutations([trial(4, 1.0), trial(2, 1.0), trial(3, 1.0)]):
        assert best(order, MOST).number == robust(order, MOST, SHARPE).number == 2
        assert [chosen.number for chosen in chosen_by_window(order, "Maximize", SHARPE)] == [2, 2]
        assert [each.number for each in front(order, MOST)] == [2]


@pytest.mark.parametrize("directions", [MOST, LEAST])
@pytest.mark.parametrize("undefined", [NAN, math.inf, -math.inf])
def test_what_is_undefined_ranks_last_in_either_direction(undefined, directions):
    trials = [trial(0, undefined), trial(1, -5.0)]
    assert best(trials, directions).number == robust(trials, directions, SHARPE).number == 1
    assert [chosen.number for chosen in chosen_by_window(trials, directions[0], SHARPE)] == [1, 1]
    assert [each.number for each in front(trials, directions)] == [1]


def test_nothing_is_selected_by_what_no_trial_has():
    trials = [trial(0, NAN), trial(1, NAN)]
    assert best(trials, MOST) is robust(trials, MOST, SHARPE) is None
    assert chosen_by_window(trials, "Maximize", SHARPE) == [None, None]
    assert front(trials, MOST) == []


def test_what_is_not_feasible_is_never_selected():
    good = trial(3, 1.0)
    trials = [trial(0, 9.0, violations=(0.1,)), trial(1, 9.0, state="Failed"), trial(2, 9.0, state="Pruned"), good]
    assert best(trials, MOST) is robust(trials, MOST, SHARPE) is good
    assert chosen_by_window(trials, "Maximize", SHARPE) == [good, good]
    assert front(trials, MOST) == [good]


def test_a_requirement_that_is_just_met_is_met():
    assert best([trial(0, 9.0, violations=(0.0, -1.0))], MOST).number == 0


def test_without_feasible_trials_nothing_is_selected():
    for trials in ([], [trial(0, 9.0, violations=(1.0,))]):
        assert best(trials, MOST) is robust(trials, MOST, SHARPE) is None
        assert chosen_by_window(trials, "Maximize", SHARPE) == front(trials, MOST) == []
    assert knee([], MOST) is None


def test_one_lucky_window_makes_the_best_but_not_the_robust():
    lucky = trial(0, 3.0, windows=[9.0, 0.1, -0.1])
    steady = trial(1, 1.0, windows=[1.0, 1.0, 1.0])
    poor = trial(2, 0.2, windows=[0.2, 0.2, 0.2])
    assert best([lucky, steady, poor], MOST) is lucky
    assert robust([lucky, steady, poor], MOST, SHARPE) is steady


def test_of_equal_median_ranks_the_better_value_decides():
    first = trial(0, 1.0, windows=[3.0, 1.0])
    second = trial(1, 2.0, windows=[1.0, 3.0])
    assert robust([first, second], MOST, SHARPE) is second


def test_a_window_without_the_figure_counts_as_the_last_rank():
    gaps = trial(0, 5.0, windows=[5.0, NAN, NAN])
    whole = trial(1, 1.0, windows=[1.0, 1.0, 1.0])
    assert robust([gaps, whole], MOST, SHARPE) is whole


def test_every_window_chooses_for_itself():
    trials = [trial(0, 1.0, windows=[3.0, NAN, 1.0]), trial(1, 1.0, windows=[2.0, NAN, 2.0])]
    assert list(map(number, chosen_by_window(trials, "Maximize", SHARPE))) == [0, None, 1]
    assert list(map(number, chosen_by_window(trials, "Minimize", SHARPE))) == [1, None, 0]


def test_the_front_of_two_objectives_begins_with_the_best_of_the_first():
    values = np.array([[1.0, 0.1], [2.0, 0.2], [2.0, 0.3], [0.5, 0.1], [3.0, 0.9], [NAN, 0.0]])
    assert pareto_front(values, ["Maximize", "Minimize"]).tolist() == [4, 1, 0]


def test_of_equal_rows_the_front_keeps_the_first():
    assert pareto_front(np.array([[1.0, 1.0], [1.0, 1.0]]), ["Maximize", "Maximize"]).tolist() == [0]
    assert pareto_front(np.empty((0, 2)), ["Maximize", "Maximize"]).tolist() == []


def test_the_knee_gives_up_least():
    trials = [trial(0, 10.0, 0.50), trial(1, 9.0, 0.10), trial(2, 1.0, 0.05)]
    assert knee(trials, ["Maximize", "Minimize"]).number == 1


def test_on_a_straight_front_the_knee_is_its_middle_and_of_two_trials_the_first():
    straight = [trial(i, float(i), float(4 - i)) for i in range(5)]
    assert knee(straight[::-1], ["Maximize", "Maximize"]).number == 2
    assert knee([straight[4], straight[0]], ["Maximize", "Maximize"]).number == 0


def test_an_objective_that_does_not_vary_over_the_front_plays_no_part():
    assert knee([trial(0, 1.0, 7.0), trial(1, 2.0, 7.0)], ["Maximize", "Maximize"]).number == 1


figures = st.one_of(st.integers(-3, 3).map(float), st.just(NAN))
searches = st.lists(
    st.tuples(st.lists(figures, min_size=2, max_size=2), st.lists(figures, min_size=3, max_size=3), st.booleans()),
    max_size=12,
).map(
    lambda rows: [
        trial(i, *values, windows=windows, violations=() if feasible else (1.0,))
        for i, (values, windows, feasible) in enumerate(rows)
    ]
)
directions_of_two = st.tuples(*[st.sampled_from(["Maximize", "Minimize"])] * 2)


@given(searches, directions_of_two, st.randoms())
def test_no_selection_depends_on_the_order_of_the_trials(trials, directions, random):
    shuffled = random.sample(trials, len(trials))
    for choose in (
        lambda some: best(some, directions),
        lambda some: robust(some, directions, SHARPE),
        lambda some: chosen_by_window(some, directions[0], SHARPE),
        lambda some: front(some, directions),
        lambda some: knee(front(some, directions), directions),
    ):
        assert choose(trials) == choose(shuffled)


@given(searches, directions_of_two)
def test_the_front_is_exactly_what_nothing_beats(trials, directions):
    signs = np.array([1.0 if direction == "Minimize" else -1.0 for direction in directions])
    rows = {each.number: signs * each.values for each in trials if each.feasible and not np.isnan(each.values).any()}
    unbeaten = {
        tuple(row) for row in rows.values() if not any((by <= row).all() and (by < row).any() for by in rows.values())
    }
    found = front(trials, directions)
    assert {tuple(signs * each.values) for each in found} == unbeaten
    assert len(found) == len(unbeaten)


@given(searches, directions_of_two)
def test_the_best_and_the_knee_are_feasible_and_the_best_is_beaten_by_none(trials, directions):
    chosen = best(trials, directions)
    compromise = knee(front(trials, directions), directions)
    assert chosen is None or chosen.feasible
    assert compromise is None or compromise in front(trials, directions)
    if chosen is not None:
        sign = 1.0 if directions[0] == "Minimize" else -1.0
        assert all(
            sign * chosen.values[0] <= sign * each.values[0] or math.isnan(each.values[0])
            for each in trials
            if each.feasible
        )
