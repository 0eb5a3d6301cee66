"""How a search stands, and when it has failed or stagnates."""

import pytest
from searches import plan

from optuna_optimizer.standing import ENOUGH, StudyFailed, refuse_failing, stagnated_at
from tidewright.domain.trials import Trial


def trials(*values):
    return [Trial(number, {}, "Complete", values=(value,)) for number, value in enumerate(values)]


def test_a_search_stagnates_after_so_many_trials_without_a_better_one():
    found = trials(5, 4, 6, 3, 3, 7, 8)

    assert [stagnated_at(plan(stagnation=some), found) for some in (1, 2, 3, 4)] == [3, 6, 7, None]
    assert stagnated_at(plan(), found) is None
    assert stagnated_at(plan(stagnation=2, directions=("Maximize",)), found) == 5


def test_what_is_not_feasible_is_no_better_one():
    found = [*trials(5.0), Trial(1, {}, "Complete", values=(1.0,), violations=(2.0,)), Trial(2, {}, "Failed")]

    assert stagnated_at(plan(stagnation=2), found) == 3


@pytest.mark.parametrize(("failed", "of", "stops"), [(19, 19, False), (20, 20, True), (16, 20, False), (17, 20, True)])
def test_a_study_fails_once_more_than_four_fifths_of_enough_trials_have(failed, of, stops):
    found = [Trial(number, {}, "Failed" if number < failed else "Pruned") for number in range(of)]

    assert ENOUGH == 20
    if stops:
        with pytest.raises(StudyFailed, match=f"{failed} of {of} trials failed"):
            refuse_failing(found)
    else:
        refuse_failing(found)
