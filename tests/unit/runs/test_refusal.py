import pytest

from tidewright.runs.refusal import InputRefused, collected
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
