import math

import pytest

from tidewright.domain.strategies.constraints import constraint
from tidewright.domain.strategies.declaration import rule_strategy
from tidewright.domain.strategies.parameters import ParameterErrors, resolve, resolve_for
from tidewright.domain.strategies.strategy import Parameter, SignalStrategy

FAST = Parameter("fast", "Int", 10, 2, 200)
SLOW = Parameter("slow", "Int", 30, 2, 500)
WIDTH = Parameter("width", "Float", 2.0, 0.5, 5)
FILTERED = Parameter("filtered", "Bool", True)
KIND = Parameter("kind", "Choice", "sma", choices=("sma", "ema"))
EVERY = (FAST, SLOW, WIDTH, FILTERED, KIND)


def problems(parameters, given, constraints=()):
    with pytest.raises(ParameterErrors) as caught:
        resolve(parameters, given, constraints)
    return caught.value.problems


def test_defaults_are_filled_in_in_the_parameters_order():
    assert list(resolve(EVERY, {"kind": "ema", "fast": 5}).items()) == [
        ("fast", 5),
        ("slow", 30),
        ("width", 2.0),
        ("filtered", True),
        ("kind", "ema"),
    ]


@pytest.mark.parametrize(
    ("parameter", "value", "resolved", "type_"),
    [
        (FAST, 10, 10, int),
        (FAST, 10.0, 10, int),
        (FAST, 2, 2, int),
        (FAST, 200, 200, int),
        (WIDTH, 3, 3.0, float),
        (FILTERED, False, False, bool),
        (Parameter("level", "Float", 0.0), -5e9, -5e9, float),
    ],
)
def test_a_value_takes_its_parameters_type(parameter, value, resolved, type_):
    result = resolve((parameter,), {parameter.name: value})[parameter.name]
    assert result == resolved
    assert type(result) is type_


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        (FAST, 10.5, "fast must be a whole number; it is 10.5"),
        (FAST, "10", "fast must be a whole number, without quotes; it is '10'"),
        (FAST, True, "fast must be a whole number; it is True"),
        (FAST, None, "fast must be a whole number; it is None"),
        (FAST, 1, "fast must be at least 2; it is 1"),
        (FAST, 201, "fast must be at most 200; it is 201"),
        (WIDTH, math.nan, "width must be a number; it is nan"),
        (WIDTH, math.inf, "width must be a number; it is inf"),
        (WIDTH, [2], "width must be a number; it is [2]"),
        (WIDTH, 5.1, "width must be at most 5; it is 5.1"),
        (FILTERED, 1, "filtered must be true or false; it is 1"),
        (KIND, "emaa", "kind must be one of sma, ema; it is 'emaa' (did you mean 'ema'?)"),
        (KIND, 3, "kind must be one of sma, ema; it is 3"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_the_remedy(parameter, value, message):
    (problem,) = problems((parameter,), {parameter.name: value})
    assert (problem.name, problem.message) == (parameter.name, message)
    assert problem.value is value


def test_a_number_beyond_all_floats_is_refused():
    assert problems((Parameter("level", "Float", 0.0),), {"level": 10**400})[0].message.startswith(
        "level must be a number"
    )


def test_an_unknown_name_comes_with_the_nearest_known_one():
    (problem,) = problems(EVERY, {"fsat": 5})
    expected = "unknown parameter 'fsat' (did you mean 'fast'?); the parameters are fast, slow, width, filtered, kind"
    assert problem == ("fsat", 5, expected)
    assert problems((), {"fast": 5})[0].message == "unknown parameter 'fast'; the strategy has no parameters"


def test_all_problems_are_reported_together():
    found = problems(EVERY, {"fsat": 5, "slow": 1, "kind": "wma", "width": 2.5})
    assert [problem.name for problem in found] == ["fsat", "slow", "kind"]


def test_constraints_are_checked_once_the_values_are_right_and_laid_to_a_value_that_was_given():
    shorter = constraint("fast < slow", EVERY)
    assert problems(EVERY, {"fast": 40}, [shorter]) == (("fast", 40, "fast (40) must be less than slow (30)"),)
    assert problems(EVERY, {"slow": 5}, [shorter]) == (("slow", 5, "fast (10) must be less than slow (5)"),)
    assert [problem.name for problem in problems(EVERY, {"slow": 1}, [shorter])] == ["slow"]


def test_a_strategys_own_constraints_hold():
    strategy = rule_strategy("s", EVERY, {}, "sma(fast) > sma(slow)", "false", constraints=["fast < slow"])
    assert resolve_for(strategy, {"slow": 50})["slow"] == 50
    with pytest.raises(ParameterErrors, match=r"fast \(60\) must be less than slow \(30\)"):
        resolve_for(strategy, {"fast": 60})


def test_a_value_that_no_rule_can_be_used_with_is_a_problem_of_the_parameter():
    parameters = (Parameter("n", "Int", 5, -9, 9), Parameter("m", "Int", 1, -9, 9))
    strategy = rule_strategy("s", parameters, {"average": "sma(close, n + m)"}, "close > average", "close[m] > 0")
    with pytest.raises(ParameterErrors) as caught:
        resolve_for(strategy, {"m": -9})
    assert caught.value.problems == (
        ("m", -9, "m cannot be -9: in columns.average, `n` of `sma(x, n)` must be from 1 to 10,000; `n + m` is -4"),
        (
            "m",
            -9,
            "m cannot be -9: in exit, `n` of `previous(x, n)` must be from 0 to 10,000; `m` is -9, and a rule cannot look ahead",
        ),
    )


def test_a_strategy_without_constraints_needs_none():
    class Own(SignalStrategy):
        parameters = (FAST,)

        def warmup(self, parameters):
            return parameters["fast"]

    assert resolve_for(Own(), {"fast": 3}) == {"fast": 3}
