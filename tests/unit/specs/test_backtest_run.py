import pytest
import yaml
from pydantic import ValidationError

from tidewright.specs import backtest_run
from tidewright.specs.backtest_run import BacktestRun, Broker, Checks, Data, Filters

INLINE = {"source": {"builtin": "MacdCross"}, "symbols": ["BTC/USDT"], "timeframe": "1h"}

# As in the design, where the strategy is named and the data, broker, checks and scheduling are all given.
DESIGN = """
apiVersion: tidewright.io/v1alpha1
kind: BacktestRun
metadata: {name: full, namespace: research, labels: {team: a}}
spec:
  strategy: {name: ma-cross}
  data: {exchange: binance, start: '2020-01-01', end: '2024-01-01', digest: 'sha256:%s'}
  broker: {cash: 10000, commission: 0.1%%, slippage: 0.05%%}
  engine: Both
  checks: {lookAhead: true, dataQuality: Block, maxGap: 2d}
  seed: 7
  suspend: false
  ttlAfterFinished: 7d
  deadline: 1h
  retries: 2
  pod:
    image: registry/tidewright@sha256:0
    queueName: research
    nodeSelector: {disk: ssd}
    tolerations: [{key: spot, operator: Exists}]
    resources: {limits: {cpu: '2'}}
""" % ("0" * 64)


def messages(model, value):
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    return [str(details["ctx"]["error"]) for details in caught.value.errors()]


def test_the_resource_of_the_design_is_read_and_written_back():
    run = BacktestRun.model_validate(yaml.safe_load(DESIGN))
    assert run.spec.data.start == "2020-01-01"
    assert BacktestRun.model_validate(run.record()) == run


def test_what_is_left_out_takes_sensible_values():
    assert Broker().record() == {
        "cash": 10_000.0,
        "commission": "0.1%",
        "slippage": "0.05%",
        "account": "Spot",
        "leverage": 1.0,
        "maintenanceMargin": "0.5%",
        "funding": "Ignore",
        "filters": [],
    }
    assert Checks().record().items() >= {"lookAhead": True, "dataQuality": "Block", "maxGap": "1d"}.items()


@pytest.mark.parametrize("paths", [0, 1, 100_000])
def test_other_histories_are_as_many_as_asked_for(paths):
    assert Checks.model_validate({"monteCarlo": paths}).monte_carlo == paths


@pytest.mark.parametrize("paths", [-1, 100_001, 1.5, "1000", True])
def test_no_number_of_other_histories_but_a_whole_and_bounded_one_is_taken(paths):
    with pytest.raises(ValidationError, match="monteCarlo"):
        Checks.model_validate({"monteCarlo": paths})


@pytest.mark.parametrize(
    ("broker", "message"),
    [
        ({"leverage": 2}, "leverage needs account: Margin; set it, or remove leverage"),
        ({"funding": "Stored"}, "funding is of perpetuals and needs account: Margin; set it, or remove funding"),
        (
            {"account": "Margin", "leverage": 50, "maintenanceMargin": "2%"},
            "the maintenance margin must be smaller than the margin itself, 100% over leverage; lower one of the two",
        ),
    ],
)
def test_leverage_and_funding_need_an_account_and_a_margin_that_fit(broker, message):
    assert messages(Broker, broker) == [message]


def test_a_whole_number_of_cash_is_a_number_of_cash():
    assert Broker.model_validate({"cash": 5}).cash == 5.0


def test_a_strategy_in_place_becomes_the_strategy_that_is_tested():
    spec = backtest_run.TestedStrategy.model_validate(INLINE | {"parameters": {"fast": 3}}).inline()
    assert (spec.source.builtin, spec.parameters, spec.timeframe, spec.risk.max_open_positions) == (
        "MacdCross",
        {"fast": 3},
        "1h",
        1,
    )


@pytest.mark.parametrize("value", [{}, INLINE | {"name": "x"}])
def test_a_strategy_is_named_or_written_in_place(value):
    assert messages(backtest_run.TestedStrategy, value) == [
        "set exactly one of name (of a TradingStrategy) and source (of a strategy written in place)"
    ]


@pytest.mark.parametrize("missing", ["symbols", "timeframe"])
def test_a_strategy_in_place_is_whole(missing):
    value = {name: given for name, given in INLINE.items() if name != missing}
    assert messages(backtest_run.TestedStrategy, value) == [
        "a strategy written in place needs symbols and timeframe; add them"
    ]


@pytest.mark.parametrize("more", [{"parameters": {"fast": 1}}, {"timeframe": "1h"}, {"risk": {"stopLoss": "5%"}}])
def test_a_strategy_by_name_brings_its_own(more):
    assert messages(backtest_run.TestedStrategy, {"name": "x"} | more) == [
        "a strategy by name brings its own parameters, symbols, timeframe and risk; remove them here"
    ]


@pytest.mark.parametrize("end", ["2023-01-01", "2022-12-31", "2023-01-01T00:00:00+01:00"])
def test_an_end_that_is_not_after_the_start(end):
    assert messages(Data, {"exchange": "x", "start": "2023-01-01", "end": end}) == [
        "must be after start; end is exclusive, so the last day tested is the day before it"
    ]


def test_a_period_may_be_open_at_either_end():
    for period in ({}, {"start": "2023-01-01"}, {"end": "2023-01-01"}):
        Data.model_validate({"exchange": "x"} | period)


# Filters

BRACKET = {"notional": 50_000, "leverage": 20, "maintenanceMargin": "0.5%"}
LARGER = {"notional": 250_000, "leverage": 10, "maintenanceMargin": "1%"}


def test_what_an_exchange_asks_of_orders_is_nothing_unless_it_is_said():
    assert Filters(symbol="BTC/USDT").record() == {"symbol": "BTC/USDT", "brackets": []}


@pytest.mark.parametrize(
    ("field", "right", "wrong"),
    [
        ("tick", [1e-9, 1e9], [0, -0.01, 1e10, "0.01"]),
        ("lot", [1e-9, 1], [0, -1, 1e10]),
        ("minNotional", [0, 10.5], [-1, 1e13]),
    ],
)
def test_ticks_and_lots_are_positive_and_bounded(field, right, wrong):
    for value in right:
        Filters.model_validate({"symbol": "BTC/USDT", field: value})
    for value in wrong:
        with pytest.raises(ValidationError, match=field):
            Filters.model_validate({"symbol": "BTC/USDT", field: value})


@pytest.mark.parametrize(
    "brackets",
    [
        [LARGER, BRACKET],
        [BRACKET, BRACKET],
        [BRACKET, LARGER | {"leverage": 25}],
    ],
    ids=["larger first", "twice the same", "more leverage for more"],
)
def test_brackets_are_in_order(brackets):
    assert messages(Filters, {"symbol": "BTC/USDT", "brackets": brackets}) == [
        "each bracket must be larger than the one before it, and allow no more leverage; reorder them"
    ]
    Filters.model_validate({"symbol": "BTC/USDT", "brackets": [BRACKET, LARGER]})


@pytest.mark.parametrize(
    ("broker", "message"),
    [
        (
            {"filters": [{"symbol": "BTC/USDT"}, {"symbol": "BTC/USDT", "lot": 1}]},
            "each symbol may be named once; put all that is asked of it in one entry",
        ),
        (
            {"account": "Margin", "leverage": 25, "filters": [{"symbol": "BTC/USDT", "brackets": [BRACKET, LARGER]}]},
            "the leverage is beyond what the exchange's first bracket allows; lower it to that",
        ),
    ],
)
def test_filters_fit_each_other_and_the_account(broker, message):
    assert messages(Broker, broker) == [message]


def test_an_account_may_use_the_leverage_of_the_first_bracket():
    filters = [{"symbol": "BTC/USDT", "brackets": [BRACKET, LARGER]}]
    Broker.model_validate({"account": "Margin", "leverage": 20, "filters": filters})


@pytest.mark.parametrize("share", ["0.01%", "100%"])
def test_a_share_of_the_volume_is_more_than_none_and_at_most_all(share):
    assert Broker.model_validate({"volumeShare": share}).volume_share == share


@pytest.mark.parametrize("share", ["0%", "101%", 10, "10"])
def test_no_other_share_of_the_volume_is_taken(share):
    with pytest.raises(ValidationError, match="volumeShare"):
        Broker.model_validate({"volumeShare": share})
