"""What becomes of a resource before it runs: everything that it refers to, and what is wrong with it, laid to its field."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tidewright.domain.bars import Market
from tidewright.domain.costs import Funding
from tidewright.domain.provenance import bars_digest, record_digest
from tidewright.runs.backtest import run_backtest
from tidewright.runs.plan import plan_backtest
from tidewright.runs.record import document_of
from tidewright.runs.refusal import InputRefused
from tidewright.runs.warnings import warnings_of
from tidewright.specs.manifest import Manifest

INLINE = """\
    source:
      builtin: MovingAverageCross
    parameters: {fast: 5, slow: 20}
    symbols: [BTC/USDT]
    timeframe: 1h
"""
BY_NAME = "    name: cross\n"
STRATEGY = """\
apiVersion: tidewright.io/v1alpha1
kind: TradingStrategy
metadata:
  name: cross
spec:
  source: {builtin: MovingAverageCross}
  parameters: {fast: 5, slow: 20}
  symbols: [BTC/USDT]
  timeframe: 1h
"""


TWO = ("[BTC/USDT]", "[BTC/USDT, ETH/USDT]")
ETHER = Market("binance", "ETH/USDT", "1h")
HOUR, DAY = 3_600_000, 86_400_000
START = 1_672_531_200_000  # 2023-01-01


def problems(planned, *edits, **more):
    """Every problem of a backtest, by its field."""
    with pytest.raises(InputRefused) as caught:
        planned(*edits, **more)
    return [(".".join(map(str, problem.path)), problem.message) for problem in caught.value.problems]


def refused(planned, *edits, **more):
    """File, line and message of every problem."""
    with pytest.raises(InputRefused) as caught:
        planned(*edits, **more)
    return [(problem.file, problem.line, problem.message) for problem in caught.value.problems]


# The strategy


def test_a_strategy_by_name_is_the_same_as_in_place(make_bars, make_store, planned):
    store = make_store(make_bars())
    in_place, by_name = planned(store=store), planned((INLINE, BY_NAME), also=STRATEGY, store=store)
    assert in_place.strategy.digest == by_name.strategy.digest
    assert run_backtest(in_place, store).digest == run_backtest(by_name, store).digest


@pytest.mark.parametrize(
    ("also", "message"),
    [
        ("", "no TradingStrategy of this name in the files given; name its file too"),
        (STRATEGY.replace("name: cross", "name: crosss"),
         "no TradingStrategy of this name in the files given (did you mean 'crosss'?); there are crosss; name its file too"),
    ],
)  # fmt: skip
def test_a_strategy_that_is_not_in_the_files(planned, also, message):
    assert refused(planned, (INLINE, BY_NAME), also=also) == [("bt.yaml", 7, message)]


def test_a_strategy_whose_file_is_broken_is_not_called_missing_as_well(planned):
    manifest = Manifest()
    manifest.read("strategy.yaml", STRATEGY.replace("1h", "1H"))
    text = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
    manifest.read("bt.yaml", text.split('MANIFEST = """\\\n')[1].split('"""')[0].replace(INLINE, BY_NAME))
    run, document = manifest.resources["BacktestRun", "demo"]
    with pytest.raises(InputRefused) as caught:
        plan_backtest(run, document, manifest)
    assert caught.value.problems == ()


def test_a_problem_of_a_named_strategy_is_located_where_that_is_written(planned):
    problems = refused(planned, (INLINE, BY_NAME), also=STRATEGY.replace("fast: 5", "fast: 1"))
    assert problems == [("strategy.yaml", 7, "fast must be at least 2; it is 1")]


@pytest.mark.parametrize("engine", ["Backtrader", "Both"])
def test_an_engine_that_is_not_installed_is_refused_with_the_one_that_is(planned, engine):
    ((file, line, message),) = refused(planned, ("  seed: 7", f"  engine: {engine}"))
    assert (file, line) == ("bt.yaml", 15)
    assert message.endswith("use engine: Fast")


def test_problems_of_engine_strategy_and_data_are_told_at_once(make_bars, make_store, planned):
    edits = [
        ("  seed: 7", "  engine: Both"),
        ("fast: 5", "fast: 50"),
        ("exchange: binance", "exchange: binance\n    end: 2031-01-01"),
    ]
    assert [line for _, line, _ in refused(planned, *edits, store=make_store(make_bars()))] == [9, 16, 14]


def test_without_a_store_the_data_is_judged_by_the_run(make_bars, make_store, planned):
    plan = planned(("exchange: binance", "exchange: binance\n    end: 2031-01-01"))
    with pytest.raises(InputRefused, match="move end, or import more"):
        run_backtest(plan, make_store(make_bars()))


def test_another_engine_judges_spot_accounts_alone(make_bars, make_store, planned):
    wanted = ("  seed: 7\n", "  seed: 7\n  engine: Both\n  broker: {account: Margin}\n")
    messages = [message for _, _, message in refused(planned, wanted, store=make_store(make_bars()))]
    assert "the other engine judges spot accounts alone; use engine: Fast" in messages


# Several symbols on one account


@pytest.fixture
def bitcoin(make_bars):
    return make_bars()


@pytest.fixture
def ether(make_bars):
    return make_bars(market=ETHER, seed=6)


def test_each_symbol_has_its_own_bars_and_filters(bitcoin, ether, make_store, planned):
    filters = (
        "  seed: 7",
        "  broker: {filters: [{symbol: ETH/USDT, lot: 0.001, tick: 0.1, minNotional: 10}]}\n  seed: 7",
    )
    store = make_store(bitcoin, ether)
    found = run_backtest(planned(TWO, filters, store=store), store)
    first, second = (one.data.series for one in found.symbols)

    assert [bars_digest(one.bars) for one in (first, second)] == [bars_digest(bitcoin), bars_digest(ether)]
    assert (first.filters.lot, second.filters.lot) == (0, Fraction(1, 1000))
    assert (second.filters.tick, second.filters.min_notional) == (Fraction(1, 10), 10.0)


def test_symbols_must_share_a_currency_and_be_named_once(planned):
    several = ("[BTC/USDT]", "[BTC/USDT, ETH/USDT:USDT, ETH/BTC, BTC/USDT]")
    assert problems(planned, several) == [
        (
            "spec.strategy.symbols",
            (
                "an account is kept in one currency (BTC/USDT is kept in USDT, ETH/USDT:USDT is kept in USDT, "
                "ETH/BTC is kept in BTC); write a BacktestRun for each currency"
            ),
        ),
        ("spec.strategy.symbols", "named more than once: BTC/USDT; name each symbol once"),
    ]


def test_everything_that_is_missing_of_several_symbols_is_told_at_once(bitcoin, make_bars, make_store, planned):
    later = make_bars(100, market=ETHER, start=START + 200 * DAY)
    edits = [
        ("[BTC/USDT]", "[BTC/USDT, ETH/USDT, SOL/USDT]"),
        ("exchange: binance", "exchange: binance\n    end: 2023-03-01"),
        ("slow: 20", "slow: 1"),
    ]
    assert problems(planned, *edits, store=make_store(bitcoin, later)) == [
        ("spec.strategy.parameters.slow", "slow must be at least 2; it is 1"),
        (
            "spec.strategy.symbols",
            (
                "no bars of ETH/USDT 1h on binance in the period; there are bars from 2023-07-20T00:00:00Z to "
                "2023-07-24T04:00:00Z: remove the symbol, or import more"
            ),
        ),
        ("spec.strategy.symbols", "there are no bars of SOL/USDT 1h on binance"),
    ]


def test_broken_bars_are_laid_to_the_symbol_that_has_them(bitcoin, ether, make_store, planned):
    for bars in (bitcoin, ether):
        bars.high[100] = bars.low[100] / 2
    told = problems(planned, TWO, store=make_store(bitcoin, ether))
    assert [field for field, _ in told] == ["spec.checks.dataQuality"] * 2
    assert [message.split(" ")[0] for _, message in told] == ["BTC/USDT:", "ETH/USDT:"]


def test_several_symbols_must_cover_the_period_together(make_bars, make_store, planned):
    """One is there from the second day on, the other up to the 80th: between them all but the first day and the last days are covered."""
    late, early = make_bars(79 * 24, start=START + DAY), make_bars(60 * 24, market=ETHER, start=START + 2 * DAY)
    period = "exchange: binance\n    start: {}\n    end: {}"
    store = make_store(late, early)

    wanted = period.format("2023-01-01", "2023-03-22")
    assert len(planned(TWO, ("exchange: binance", wanted), store=store).markets) == 2

    wanted = period.format("2022-12-31", "2023-03-24")
    assert problems(planned, TWO, ("exchange: binance", wanted), store=store) == [
        ("spec.data.start", "no symbol has a bar before 2023-01-02T00:00:00Z; move start, or import more"),
        ("spec.data.end", "no symbol has a bar after 2023-03-22T00:00:00Z; move end, or import more"),
    ]


def test_late_listings_and_delistings_are_warnings(make_bars, make_store, planned):
    store = make_store(make_bars(1_000), make_bars(1_000, market=ETHER, start=START + 1_000 * HOUR, seed=6))
    told = dict(warnings_of(run_backtest(planned(TWO), store)))

    assert told["ListedLate"] == "ETH/USDT has no bars before 2023-02-11T16:00:00Z."
    assert told["Delisted"] == (
        "BTC/USDT has no bars after 2023-02-11T15:00:00Z: what was held of it was closed at its last close."
    )


def test_symbols_that_begin_and_end_within_the_longest_gap_are_no_news(bitcoin, make_bars, make_store, planned):
    ether = make_bars(1_952, market=ETHER, start=START + DAY, seed=6)
    told = dict(warnings_of(run_backtest(planned(TWO), make_store(bitcoin, ether))))
    assert not {"ListedLate", "Delisted"} & told.keys()


def test_the_data_of_several_symbols_are_pinned_by_one_digest(bitcoin, ether, make_store, planned):
    def pinned(digest):
        return "exchange: binance", f"exchange: binance\n    digest: {digest}"

    store = make_store(bitcoin, ether)
    digest = record_digest({"BTC/USDT": bars_digest(bitcoin), "ETH/USDT": bars_digest(ether)})
    assert run_backtest(planned(TWO, pinned(digest), store=store), store).data_digest == digest

    message = f"the bars of this run have the digest {digest}; import the data that was meant, or change digest"
    assert problems(planned, TWO, pinned(f"sha256:{'0' * 64}"), store=store) == [("spec.data.digest", message)]


def test_funding_is_each_symbols_own(make_bars, make_store, planned):
    names = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
    time = np.arange(START, START + 90 * DAY, 8 * HOUR)
    rates = {name: Funding(time, np.full(len(time), rate)) for name, rate in zip(names, (0.0001, 0.0002), strict=True)}
    series = [make_bars(market=Market("binance", name, "1h")) for name in names]
    edits = [
        ("[BTC/USDT]", f"[{', '.join(names)}]"),
        ("builtin: MovingAverageCross", "rules: {enter: close > 0, exit: close < 0}"),
        ("{fast: 5, slow: 20}", "{}"),
        ("timeframe: 1h", "timeframe: 1h\n    risk: {maxOpenPositions: 2, positionSize: {fraction: 40%}}"),
        ("  seed: 7", "  broker: {account: Margin, funding: Stored}\n  seed: 7"),
    ]
    store = make_store(*series, funding=rates)
    found = run_backtest(planned(*edits, store=store), store)
    paid = found.outcome.ledger.funding_by_symbol
    assert paid[1] == pytest.approx(2 * paid[0], rel=0.05)
    data = document_of(found)["provenance"]["data"]["symbols"]
    assert [data[name]["funding"]["count"] for name in names] == [250, 250]

    store = make_store(*series, funding={names[0]: rates[names[0]]})
    message = "there is no ETH/USDT:USDT funding on binance; or set funding: Ignore"
    assert problems(planned, *edits, store=store) == [("spec.broker.funding", message)]


# Filters, ranks and limits


def test_a_filter_of_a_symbol_that_is_not_traded_is_refused_with_a_suggestion(planned):
    filters = ("  seed: 7", "  broker: {filters: [{symbol: BTC/USDT, lot: 1}, {symbol: ETC/USDT, lot: 1}]}\n  seed: 7")
    assert problems(planned, TWO, filters) == [
        (
            "spec.broker.filters.1.symbol",
            "the strategy does not trade it (did you mean 'ETH/USDT'?); remove the entry, or name one of its symbols",
        )
    ]


def test_symbols_are_ranked_by_a_column_that_there_is(bitcoin, ether, make_store, planned):
    def ranked(column):
        return TWO, ("timeframe: 1h", f"timeframe: 1h\n    risk: {{rankBy: {column}}}")

    store = make_store(bitcoin, ether)
    run_backtest(planned(*ranked("fast_average")), store)
    with pytest.raises(InputRefused) as caught:
        run_backtest(planned(*ranked("momentum")), store)
    (problem,) = caught.value.problems
    assert str(problem) == (
        "bt.yaml:12: spec.strategy.risk.rankBy: 'momentum': the strategy has no such column; it has fast_average, slow_average"
    )


@pytest.mark.parametrize(
    "edit",
    [
        TWO,
        ("timeframe: 1h", "timeframe: 1h\n    risk: {maxEntries: 2}"),
        ("timeframe: 1h", "timeframe: 1h\n    risk: {cooldown: 4h}"),
        ("timeframe: 1h", "timeframe: 1h\n    risk: {maxSymbolExposure: 50%}"),
        ("timeframe: 1h", "timeframe: 1h\n    risk: {maxTotalExposure: 50%}"),
        ("  seed: 7", "  broker: {volumeShare: 10%}\n  seed: 7"),
        ("  seed: 7", "  broker: {filters: [{symbol: BTC/USDT, tick: 0.01}]}\n  seed: 7"),
    ],
    ids=["symbols", "maxEntries", "cooldown", "maxSymbolExposure", "maxTotalExposure", "volumeShare", "filters"],
)
def test_another_engine_judges_one_symbol_without_limits_and_filters(planned, edit):
    told = problems(planned, edit, ("  seed: 7", "  seed: 7\n  engine: Both"))
    message = "the other engine judges one symbol without limits and filters alone; use engine: Fast"
    assert ("spec.engine", message) in told
