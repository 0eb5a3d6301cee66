import pytest

from tidewright.runs.refusal import DataMissing, InputRefused, collected
from tidewright.specs.problems import Problem

FIRST, SECOND = Problem("a.yaml", 1, ("spec",), "wrong"), Problem("a.yaml", 2, (), "wrong as well")


def test_a_refusal_reads_as_one_problem_a_line():
    assert str(InputRefused([FIRST, SECOND])) == "a.yaml:1: spec: wrong\na.yaml:2: wrong as well"


def test_problems_of_several_refusals_are_collected():
    problems = []
    for problem in (FIRST, SECOND):
        with collected(problems):
            raise InputRefused([problem])
    assert problems == [FIRST, SECOND]


def test_nothing_else_is_swallowed():
    with pytest.raises(ValueError, match="boom"), collected([]):
        raise ValueError("boom")


def test_data_that_are_missing_are_what_is_wrong_only_where_nothing_else_is():
    missing, wrong = DataMissing([FIRST]), InputRefused([SECOND])
    assert missing.for_want_of_data
    assert not wrong.for_want_of_data
    assert InputRefused(missing.problems).for_want_of_data
    assert not InputRefused([*missing.problems, *wrong.problems]).for_want_of_data
    assert not InputRefused([]).for_want_of_data
