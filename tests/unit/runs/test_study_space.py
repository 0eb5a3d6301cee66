"""What a study searches, from what is written and from what the strategy declares."""

import pickle

import pytest

from tidewright.domain.costs import Risk
from tidewright.domain.strategies.parameters import ParameterErrors
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.domain.trials import Dimension
from tidewright.runs.refusal import InputRefused

FAST = "- {name: fast, int: {min: 5, max: 20}}"
SPACE = f"  searchSpace:\n  {FAST}\n  - {{name: slow, int: {{min: 10, max: 60, step: 10}}}}\n"


def space_of(study_planned, *fields, also=""):
    text = "".join(f"  - {field}\n" for field in fields)
    return study_planned((SPACE, f"  searchSpace:\n{text}{also}" if fields else also)).space


def problems(study_planned, *fields, also=""):
    with pytest.raises(InputRefused) as caught:
        space_of(study_planned, *fields, also=also)
    return [(".".join(map(str, problem.path)), problem.message) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("field", "dimension"),
    [
        ("{name: fast, int: {min: 5, max: 20}}", Dimension("fast", "Int", 5, 20, 1)),
        ("{name: parameters.fast, int: {min: 5, max: 20, step: 5}}", Dimension("fast", "Int", 5, 20, 5)),
        ("{name: slow, int: {min: 10, max: 100, log: true}}", Dimension("slow", "Int", 10, 100, 1, log=True)),
        ("{name: slow, numbers: [20, 50, 20]}", Dimension("slow", "Choice", choices=(20, 50))),
        ("{name: kind, choices: [sma, ema]}", Dimension("kind", "Choice", choices=("sma", "ema"))),
        (
            "{name: risk.stopLoss, percent: {min: 1%, max: 5%, step: 0.5%}}",
            Dimension("risk.stopLoss", "Percent", 1, 5, 0.5),
        ),
        ("{name: risk.takeProfit, percent: {min: 1.5%, max: 9%}}", Dimension("risk.takeProfit", "Percent", 1.5, 9)),
        (
            "{name: risk.positionSize.risk, choices: [1%, 2%]}",
            Dimension("risk.positionSize.risk", "Choice", choices=("1%", "2%")),
        ),
    ],
)
def test_a_field_is_a_dimension(study_planned, field, dimension):
    assert space_of(study_planned, field).dimensions == (dimension,)


def test_without_a_space_what_the_strategy_declares_is_searched(study_planned):
    names = {one.name: (one.kind, one.low, one.high) for one in space_of(study_planned).dimensions}
    assert names["fast"] == ("Int", 2, 200)
    assert names["kind"][0] == "Choice"
    assert list(names) == ["fast", "slow", "kind"]


@pytest.mark.parametrize(
    ("field", "where", "message"),
    [
        ("{name: fsat, int: {min: 5, max: 20}}", "spec.searchSpace.0", "no parameter fsat (did you mean 'fast'?)"),
        ("{name: fast, float: {min: 5, max: 20}}", "spec.searchSpace.0", "set int in the place of float"),
        ("{name: fast, int: {min: 0, max: 20}}", "spec.searchSpace.0", "fast must be at least 2"),
        ("{name: kind, choices: [sma, hull]}", "spec.searchSpace.0", "kind must be one of"),
        ("{name: risk.stopGain, percent: {min: 1%, max: 5%}}", "spec.searchSpace.0", "of risk, search"),
        ("{name: risk.stopLoss, int: {min: 1, max: 5}}", "spec.searchSpace.0", "percent strings; set percent"),
        ("{name: risk.stopLoss, choices: ['5']}", "spec.searchSpace.0", "risk.stopLoss"),
        ("{name: risk.stopLoss, percent: {min: 0%, max: 5%}}", "spec.searchSpace.0", "risk.stopLoss"),
    ],
)
def test_what_cannot_be_searched_is_told_with_its_field(study_planned, field, where, message):
    ((path, told),) = problems(study_planned, field)
    assert path == where
    assert message in told


def test_all_problems_are_told_at_once(study_planned):
    found = problems(
        study_planned,
        "{name: fsat, int: {min: 5, max: 20}}",
        "{name: parameters.slow, int: {min: 5, max: 20}}",
        "{name: slow, int: {min: 5, max: 20}}",
        also="  constraints: [fast <, close > 1]\n",
    )
    assert [path for path, _ in found] == [
        "spec.searchSpace.0",
        "spec.searchSpace",
        "spec.constraints.0",
        "spec.constraints.1",
    ]


def test_conditions_are_those_of_the_strategy_and_of_the_study(study_planned):
    holds = study_planned(("  sampler:", "  constraints: [slow - fast >= 10]\n  sampler:")).space.conditions
    assert holds({"fast": 10, "slow": 30})
    assert not holds({"fast": 20, "slow": 10})  # the strategy's own: fast < slow
    assert not holds({"fast": 15, "slow": 20})
    assert holds({"slow": 60})  # fast has the strategy's own value
    assert pickle.loads(pickle.dumps(holds))({"fast": 20, "slow": 10}) is False  # noqa: S301


def test_values_take_the_place_of_parameters_and_of_risk(study_planned):
    space = space_of(
        study_planned,
        FAST[2:],
        "{name: risk.trailingStop.distance, percent: {min: 1%, max: 5%}}",
        "{name: risk.stopLoss, percent: {min: 1%, max: 5%}}",
    )
    # A trailing stop whose other field nobody gives is refused when it is tried.
    parameters, risk = space.applied({"fast": 7, "risk.stopLoss": "2.5%"})
    assert (parameters["fast"], parameters["kind"]) == (7, "ema")
    assert risk == Risk(stop_loss=0.025)
    written = space.written({"fast": 7, "risk.stopLoss": "2.5%"})
    assert (written.parameters["fast"], written.risk.stop_loss) == (7, "2.5%")
    with pytest.raises(ParameterErrors, match="fast must be"):
        space.applied({"fast": 0})


def test_a_size_by_risk_takes_the_place_of_one_by_fraction(study_planned):
    space = space_of(study_planned, "{name: risk.positionSize.risk, percent: {min: 1%, max: 3%}}")
    _, risk = space.applied({"risk.positionSize.risk": "2%"})
    assert (risk.sizing.fraction, risk.sizing.risk) == (0.0, 0.02)


def test_a_risk_that_cannot_be_says_so_with_its_values(study_planned):
    space = space_of(study_planned, "{name: risk.stopLoss, percent: {min: 1%, max: 5%}}")
    with pytest.raises(StrategyError, match=r"risk\.stopLoss.*200%"):
        space.applied({"risk.stopLoss": "200%"})
