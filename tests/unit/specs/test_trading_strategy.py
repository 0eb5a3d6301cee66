import pytest
import yaml
from pydantic import ValidationError

from tidewright.specs.trading_strategy import (
    Execution,
    PositionSize,
    Risk,
    RuleParameter,
    Rules,
    Source,
    TradingStrategy,
)

DESIGN = """
apiVersion: tidewright.io/v1alpha1
kind: TradingStrategy
metadata: {name: ma-cross}
spec:
  source: {builtin: MovingAverageCross}
  parameters: {fast: 10, slow: 30, kind: ema, ratio: 0.5, filter: true}
  symbols: [BTC/USDT, ETH/USDT:USDT]
  timeframe: 1h
  risk:
    stopLoss: 5%
    takeProfit: 10%
    trailingStop: {activateAt: 2%, distance: 1%}
    roi: [{after: 0m, profit: 10%}, {after: 60m, profit: 5%}, {after: 2h, profit: 3%}, {after: 4h, profit: 1%}]
    positionSize: {fraction: 95%}
    maxOpenPositions: 3
  signals: {replicas: 1}
  execution:
    mode: DryRun
    exchange: binance
    credentials: {secretName: binance-keys}
    approval: {memory: {maxRisk: 60%}, policy: {trainingName: ppo-btc, minConfidence: 70%}}
    updates: Manual
  promotion:
    backtest: {minSharpe: 1.0, maxDrawdown: 25%, minTrades: 50, minPeriod: 365d}
    study: {minDeflatedSharpe: 95%, maxPbo: 40%, minWalkForwardEfficiency: 50%}
    dryRun: {minPeriod: 14d, maxDivergence: 10%}
"""


def messages(model, value):
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    return [str(details["ctx"]["error"]) for details in caught.value.errors()]


@pytest.fixture
def design() -> TradingStrategy:
    return TradingStrategy.model_validate(yaml.safe_load(DESIGN))


def test_the_resource_of_the_design_is_read_and_written_back(design):
    assert TradingStrategy.model_validate(design.record()) == design


def test_a_backtest_snapshots_what_decides_the_trades_and_nothing_else(design):
    snapshot = design.spec.snapshot()
    assert snapshot.record().keys() == {"source", "parameters", "symbols", "timeframe", "risk"}
    assert snapshot.risk == design.spec.risk


def test_parameters_keep_their_types(design):
    parameters = design.spec.parameters
    assert {name: type(value) for name, value in parameters.items()} == {
        "fast": int,
        "slow": int,
        "kind": str,
        "ratio": float,
        "filter": bool,
    }


@pytest.mark.parametrize("value", [{}, {"builtin": "A", "rules": {"enter": "a", "exit": "b"}}])
def test_a_source_is_exactly_one(value):
    assert messages(Source, value) == ["set exactly one of builtin, rules, classRef and sourceRef"]


@pytest.mark.parametrize("value", [{}, {"fraction": "5%", "risk": "5%"}])
def test_a_size_is_exactly_one(value):
    assert messages(PositionSize, value) == ["set exactly one of fraction and risk"]


def test_sizing_by_risk_needs_a_stop():
    assert messages(Risk, {"positionSize": {"risk": "1%"}}) == [
        "risk needs a stopLoss to measure the risk by; add stopLoss, or use fraction"
    ]
    Risk.model_validate({"positionSize": {"risk": "1%"}, "stopLoss": "5%"})


@pytest.mark.parametrize("ages", [("1h", "30m"), ("60m", "1h")])
def test_a_ladder_of_profits_goes_up_in_age(ages):
    assert messages(Risk, {"roi": [{"after": age, "profit": "1%"} for age in ages]}) == [
        "the steps must be in order of after, each later than the one before; reorder them"
    ]


def test_live_trading_needs_keys():
    assert messages(Execution, {"mode": "Live", "exchange": "binance"}) == [
        "needs credentials.secretName; add it, or use mode: DryRun"
    ]


def test_a_rules_parameter_lies_within_its_range_and_is_whole_where_it_is_an_int():
    parameter = {"name": "fast", "default": 1, "min": 2, "max": 9}
    assert messages(RuleParameter, parameter) == ["must lie between min and max"]
    assert messages(RuleParameter, parameter | {"default": 2.5}) == [
        "default, min and max of an Int parameter must be whole numbers; write them without a point, or set type: Float"
    ]
    RuleParameter.model_validate(parameter | {"default": 2.5, "type": "Float"})


def test_a_number_without_a_fraction_is_a_whole_one():
    parameter = RuleParameter.model_validate({"name": "fast", "default": 3.0, "min": 2, "max": 9})
    assert isinstance(parameter.default, int)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("x" * 65, "longer than 64 characters; name one of the parameter's choices"),
        ([1], "a parameter's value is a number, true or false, or one of its choices; write one of these"),
        (10**16, "not a number between -1e15 and 1e15; write one, without quotes"),
    ],
)
def test_a_parameters_value_is_a_bounded_scalar(design, value, message):
    resource = design.record()
    resource["spec"]["parameters"] = {"fast": value}
    assert messages(TradingStrategy, resource) == [message]


@pytest.mark.parametrize("value", ["ten", True, [], float("nan"), float("inf"), 10**400])
def test_a_rules_parameter_is_a_number(value):
    assert messages(RuleParameter, {"name": "fast", "default": value, "min": 2, "max": 9}) == [
        "not a number between -1e15 and 1e15; write one, without quotes"
    ]


def test_short_conditions_go_together():
    with pytest.raises(ValidationError, match="enterShort and exitShort go together; add the one that is missing"):
        Rules.model_validate({"enter": "true", "exit": "false", "enterShort": "true"})


# Limits


def test_one_entry_and_no_limits_unless_they_are_said():
    risk = Risk().record()
    assert (risk["maxOpenPositions"], risk["maxEntries"]) == (1, 1)
    assert not {"cooldown", "maxSymbolExposure", "maxTotalExposure", "rankBy"} & risk.keys()


@pytest.mark.parametrize(
    ("field", "right", "wrong"),
    [
        ("maxEntries", [1, 100], [0, 101, 1.5, "2"]),
        ("cooldown", ["30m", "4h"], ["4", 4, "four hours"]),
        ("maxSymbolExposure", ["0.01%", "12500%"], ["0%", "12501%", 50]),
        ("maxTotalExposure", ["0.01%", "12500%"], ["0%", "12501%", 0.5]),
        ("rankBy", ["momentum", "rsi_14"], ["rsi(14)", "", 3]),
    ],
)
def test_limits_are_written_as_what_they_are_and_bounded(field, right, wrong):
    for value in right:
        assert Risk.model_validate({field: value}).record()[field] == value
    for value in wrong:
        with pytest.raises(ValidationError, match=field):
            Risk.model_validate({field: value})
