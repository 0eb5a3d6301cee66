from dataclasses import replace

import numpy as np
import pytest

from tidewright.domain.bars import Market
from tidewright.domain.provenance import bars_digest
from tidewright.ports import StoreDamaged
from tidewright.runs.backtest import run_backtest
from tidewright.runs.data import load_period
from tidewright.runs.refusal import InputRefused
from tidewright.specs.backtest_run import Data

HOUR, DAY = 3_600_000, 86_400_000


def refused(planned, *edits, store):
    """Line, field and message of every problem, found before anything runs."""
    with pytest.raises(InputRefused) as caught:
        planned(*edits, store=store)
    return [(problem.line, ".".join(map(str, problem.path)), problem.message) for problem in caught.value.problems]


def without(bars, first, last):
    """The bars but for those from `first` to `last`."""
    kept = np.r_[0:first, last : len(bars)]
    return replace(
        bars, **{name: getattr(bars, name)[kept] for name in ("time", "open", "high", "low", "close", "volume")}
    )


def quality(found):
    """What there was to say of the bars of a run of one symbol."""
    (symbol,) = found.symbols
    return symbol.data.quality


def changed(bars, column, index, value):
    values = getattr(bars, column).copy()
    values[index] = value
    return replace(bars, **{column: values})


def loaded(bars, make_store, data, warmup=0, history=None, max_gap=DAY):
    def blame(*path, message, value=None):
        raise AssertionError(message)

    return load_period(bars.market, Data.model_validate(data), max_gap, warmup, history, make_store(bars), blame)


# The period


def test_without_a_period_all_bars_are_used_and_none_come_before(make_bars, make_store):
    bars, first = loaded(make_bars(), make_store, {"exchange": "binance"}, warmup=50)
    assert (len(bars), first) == (2_000, 0)


def test_bars_before_the_period_warm_the_strategy_up(make_bars, make_store):
    data = {"exchange": "binance", "start": "2023-01-11", "end": "2023-02-01"}
    bars, first = loaded(make_bars(), make_store, data, warmup=50)
    assert (first, len(bars)) == (50, 50 + 21 * 24)
    assert bars.time[first] == make_bars().time[240]


def test_a_gap_before_the_period_is_made_up_for_by_earlier_bars(make_bars, make_store):
    data = {"exchange": "binance", "start": "2023-01-11", "end": "2023-02-01"}
    bars, first = loaded(without(make_bars(), 200, 230), make_store, data, warmup=50)
    assert (first, bars.time[0]) == (50, make_bars().time[240 - 80])


def test_a_second_run_finds_the_same_history_behind_a_gap(make_bars, make_store):
    bars = without(make_bars(), 150, 240)
    data = {"exchange": "binance", "start": "2023-01-11", "end": "2023-02-01"}
    once, first = loaded(bars, make_store, data, warmup=50)
    assert first == 10
    again, _ = loaded(bars, make_store, data, warmup=50, history=first)
    assert bars_digest(again) == bars_digest(once)


def test_a_second_run_does_not_take_more_history_than_there_was(make_bars, make_store):
    data = {"exchange": "binance", "start": "2023-01-11", "end": "2023-02-01"}
    _, first = loaded(make_bars(), make_store, data, warmup=50, history=7)
    assert first == 7


def test_a_warm_up_of_any_length_is_no_reason_to_fail(make_bars, make_store):
    _, first = loaded(make_bars(), make_store, {"exchange": "binance", "start": "2023-01-11"}, warmup=10**30)
    assert first == 240


# What is missing


@pytest.mark.parametrize(
    ("symbol", "timeframe", "exchange", "line", "field"),
    [
        ("BTC/USDT", "1h", "kraken", 13, "spec.data.exchange"),
        ("ETH/USDT", "1h", "binance", 10, "spec.strategy.symbols"),
        ("BTC/USDT", "4h", "binance", 11, "spec.strategy.timeframe"),
    ],
)
def test_an_unknown_market_is_laid_to_the_part_of_it_that_is_unknown(
    make_bars, make_store, planned, symbol, timeframe, exchange, line, field
):
    edits = [("BTC/USDT", symbol), ("1h\n", f"{timeframe}\n"), ("exchange: binance", f"exchange: {exchange}")]
    problems = refused(planned, *edits, store=make_store(make_bars()))
    assert problems == [(line, field, f"there are no bars of {Market(exchange, symbol, timeframe)}")]


def test_a_period_that_begins_before_the_bars(make_bars, make_store, planned):
    edit = ("exchange: binance", "exchange: binance\n    start: 2022-12-30")
    assert refused(planned, edit, store=make_store(make_bars())) == [
        (14, "spec.data.start",
         ("the first bar of BTC/USDT 1h on binance after it opens at 2023-01-01T00:00:00Z; there are bars from 2023-01-01T00:00:00Z "
          "to 2023-03-25T08:00:00Z: move start, or import more")),
    ]  # fmt: skip


def test_a_period_that_ends_after_the_bars(make_bars, make_store, planned):
    edit = ("exchange: binance", "exchange: binance\n    end: 2023-04-01")
    assert refused(planned, edit, store=make_store(make_bars())) == [
        (14, "spec.data.end",
         ("the last bar of BTC/USDT 1h on binance before it closes at 2023-03-25T08:00:00Z; there are bars from 2023-01-01T00:00:00Z "
          "to 2023-03-25T08:00:00Z: move end, or import more")),
    ]  # fmt: skip


def test_both_ends_are_told_at_once(make_bars, make_store, planned):
    edit = ("exchange: binance", "exchange: binance\n    start: 2022-01-01\n    end: 2024-01-01")
    fields = [field for _, field, _ in refused(planned, edit, store=make_store(make_bars()))]
    assert fields == ["spec.data.start", "spec.data.end"]


@pytest.mark.parametrize("period", ["start: 2031-01-01", "end: 2020-01-01", "start: 2022-01-01\n    end: 2022-02-01"])
def test_a_period_without_any_bar(make_bars, make_store, planned, period):
    edit = ("exchange: binance", f"exchange: binance\n    {period}")
    ((line, field, message),) = refused(planned, edit, store=make_store(make_bars()))
    assert (line, field) == (12, "spec.data")
    assert message.startswith(
        "no bars of BTC/USDT 1h on binance in the period; there are bars from 2023-01-01T00:00:00Z"
    )


def test_the_ends_may_miss_as_much_as_a_gap_may(make_bars, make_store, planned):
    edit = ("exchange: binance", "exchange: binance\n    start: 2022-12-31\n    end: 2023-03-26T08:00:00Z")
    planned(edit, store=make_store(make_bars()))


# What is broken


@pytest.mark.parametrize("mode", ["Block", "Warn", "Ignore"])
def test_a_gap_longer_than_allowed_blocks_only_where_it_should(make_bars, make_store, planned, mode):
    store = make_store(without(make_bars(), 100, 140))
    edit = ("dataQuality: Block", f"dataQuality: {mode}")
    if mode == "Block":
        ((line, field, message),) = refused(planned, edit, store=store)
        assert (line, field) == (14, "spec.checks.maxGap")
        assert message == (
            "1 gap longer than 1d, 40 bars missing in all; the longest is 40 bars after 2023-01-05T03:00:00Z; "
            "raise maxGap, choose another period, or set dataQuality: Warn"
        )
    else:
        found = run_backtest(planned(edit, store=store), store)
        assert any(finding.rule == "LongGap" for finding in quality(found)) == (mode == "Warn")


def test_a_gap_as_long_as_allowed_is_a_finding_only(make_bars, make_store, planned):
    store = make_store(without(make_bars(), 100, 124))
    assert [finding.rule for finding in quality(run_backtest(planned(store=store), store))] == ["Gap"]


@pytest.mark.parametrize("mode", ["Block", "Warn", "Ignore"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, -1.0])
@pytest.mark.parametrize("column", ["open", "close"])
def test_prices_that_are_no_prices_are_refused_in_every_mode(make_bars, make_store, planned, mode, value, column):
    store = make_store(changed(make_bars(), column, 100, value))
    problems = refused(planned, ("dataQuality: Block", f"dataQuality: {mode}"), store=store)
    if mode == "Block":
        assert {field for _, field, _ in problems} == {"spec.checks.dataQuality"}
        assert "2023-01-05T04:00:00Z; mend the data, or set dataQuality: Warn" in problems[0][2]
    else:
        assert problems == [
            (13, "spec.data.exchange",
             ("BTC/USDT 1h on binance has prices that are not positive numbers, or times out of order, which cannot be traded on "
              "whatever dataQuality says; `tidewright data verify` lists them: mend the data and import it again")),
        ]  # fmt: skip


@pytest.mark.parametrize("mode", ["Block", "Warn", "Ignore"])
@pytest.mark.parametrize("order", [[0, 1, 1, 2], [0, 2, 1, 3]], ids=["duplicate", "unsorted"])
def test_duplicate_and_unsorted_bars_are_refused_in_every_mode(make_bars, make_store, planned, mode, order):
    bars = make_bars()
    moved = np.r_[order, 4 : len(bars)]
    columns = {name: getattr(bars, name)[moved] for name in ("time", "open", "high", "low", "close", "volume")}
    problems = refused(
        planned, ("dataQuality: Block", f"dataQuality: {mode}"), store=make_store(replace(bars, **columns))
    )
    assert len(problems) == 1


@pytest.mark.parametrize("mode", ["Block", "Warn", "Ignore"])
def test_a_high_below_the_close_blocks_only_where_it_should(make_bars, make_store, planned, mode):
    bars = make_bars()
    store = make_store(changed(bars, "high", 100, bars.low[100]))
    edit = ("dataQuality: Block", f"dataQuality: {mode}")
    if mode == "Block":
        assert "HighTooLow: 1 bar where the high is below" in refused(planned, edit, store=store)[0][2]
    else:
        run_backtest(planned(edit, store=store), store)


def test_bars_without_volume_are_a_finding_only(make_bars, make_store, planned):
    bars = make_bars()
    store = make_store(replace(bars, volume=np.zeros(len(bars))))
    found = run_backtest(planned(store=store), store)
    assert [(finding.rule, finding.count) for finding in quality(found)] == [("ZeroVolume", 2_000)]


def test_a_damaged_store_is_refused_input(make_bars, make_store, planned):
    class Damaged(make_store):
        def read(self, market, start=None, end=None):
            raise StoreDamaged("the stored bars are damaged; import them again")

    problems = refused(planned, store=Damaged(make_bars()))
    assert problems == [(13, "spec.data.exchange", "the stored bars are damaged; import them again")]


# The digest


def test_the_right_digest_is_accepted(make_bars, make_store, planned):
    digest = bars_digest(make_bars())
    planned(("exchange: binance", f"exchange: binance\n    digest: {digest}"), store=make_store(make_bars()))


def test_a_wrong_digest_is_refused_with_the_one_that_was_found(make_bars, make_store, planned):
    wrong = f"sha256:{'0' * 64}"
    edit = ("exchange: binance", f"exchange: binance\n    digest: {wrong}\n    start: 2023-01-11")
    ((line, field, message),) = refused(planned, edit, store=make_store(make_bars()))
    assert (line, field) == (14, "spec.data.digest")
    assert message.startswith(
        "the 1780 bars of this run, 20 of them before the period for the strategy's warm-up have the digest sha256:"
    )
    assert message.endswith("; import the data that was meant, or change digest")


def test_the_refusal_names_the_very_digest_that_is_accepted(make_bars, make_store, planned):
    pinned = "exchange: binance\n    start: 2023-01-11\n    digest: "
    store = make_store(make_bars())
    ((_, _, message),) = refused(planned, ("exchange: binance", pinned + f"sha256:{'0' * 64}"), store=store)
    found = message.split("have the digest ")[1].split(";")[0]
    planned(("exchange: binance", pinned + found), store=store)
