import math
from dataclasses import replace

import numpy as np
import pytest

from tidewright.domain.bars import Market
from tidewright.domain.costs import Funding
from tidewright.domain.provenance import funding_digest
from tidewright.ports import StoreDamaged
from tidewright.runs.backtest import run_backtest
from tidewright.runs.record import document_of, equity_table
from tidewright.runs.refusal import InputRefused
from tidewright.runs.warnings import warnings_of

HOUR, DAY = 3_600_000, 86_400_000
PERPETUAL = Market("binance", "BTC/USDT:USDT", "1h")
MARGIN = [("symbols: [BTC/USDT]", "symbols: [BTC/USDT:USDT]"), ("  seed: 7", "  broker: {account: Margin}\n  seed: 7")]
STORED = [MARGIN[0], ("  seed: 7", "  broker: {account: Margin, funding: Stored}\n  seed: 7")]
FEBRUARY = ("exchange: binance", "exchange: binance\n    start: 2023-02-01\n    end: 2023-03-01")
FEBRUARY_1 = 1_675_209_600_000


@pytest.fixture
def perpetual(make_bars):
    return make_bars(market=PERPETUAL)


def rates_of(bars, rate=0.0001, jitter=3):
    """A rate every eight hours, from the day before the first bar to two days after the last one opens, all a little late."""
    time = np.arange(int(bars.time[0]) - DAY, int(bars.time[-1]) + 2 * DAY, 8 * HOUR)
    return Funding(time + jitter, np.full(len(time), rate))


def refused(planned, *edits, store):
    """Line, field and message of every problem, found before anything runs."""
    with pytest.raises(InputRefused) as caught:
        planned(*edits, store=store)
    return [(problem.line, ".".join(map(str, problem.path)), problem.message) for problem in caught.value.problems]


def test_what_fell_due_over_the_period_is_paid_and_recorded(perpetual, make_store, planned):
    funding = rates_of(perpetual)
    store = make_store(perpetual, funding=funding)
    found = run_backtest(planned(*STORED, FEBRUARY, store=store), store)
    record, table = document_of(found), equity_table(found)
    inside = (funding.time - 3 > FEBRUARY_1) & (funding.time - 3 <= FEBRUARY_1 + 28 * DAY)

    assert record["provenance"]["data"]["funding"] == {
        "digest": funding_digest(*PERPETUAL[:2], Funding(funding.time[inside], funding.rate[inside])),
        "count": 3 * 28,
        "first": "2023-02-01T08:00:00Z",
        "last": "2023-03-01T00:00:00Z",
    }
    assert record["result"]["funding"] == pytest.approx(table["funding"].sum())
    due = (table["time"] + HOUR) % (8 * HOUR) == 0
    expected = np.where(due, table["holding"] * table["close"] * 0.0001, 0.0)
    assert table["funding"] == pytest.approx(expected)
    assert expected.max() > 0.0


def test_the_benchmark_holds_the_same_perpetual_and_pays_too(perpetual, make_store, planned):
    store = make_store(perpetual, funding=rates_of(perpetual))
    benchmark = run_backtest(planned(*STORED), store).benchmark
    free = run_backtest(planned(*MARGIN), store).benchmark

    assert benchmark.metrics.funding > 0.0
    assert benchmark.ledger.equity[-1] == pytest.approx(free.ledger.equity[-1] - benchmark.metrics.funding)


def test_rates_of_zero_change_no_digest_but_are_on_the_record(perpetual, make_store, planned):
    store = make_store(perpetual, funding=rates_of(perpetual, rate=0.0))
    with_it, without = run_backtest(planned(*STORED), store), run_backtest(planned(*MARGIN), store)

    assert with_it.digest == without.digest
    assert document_of(with_it)["result"]["funding"] == 0.0
    assert document_of(without)["result"]["funding"] is None
    assert "funding" not in document_of(without)["provenance"]["data"]
    assert "funding" not in equity_table(without)


def test_funding_that_is_left_out_of_a_perpetual_is_a_warning(perpetual, make_bars, make_store, planned):
    store = make_store(perpetual, make_bars(), funding=rates_of(perpetual))

    assert "FundingIgnored" in dict(warnings_of(run_backtest(planned(*MARGIN), store)))
    assert "FundingIgnored" not in dict(warnings_of(run_backtest(planned(*STORED), store)))
    assert "FundingIgnored" not in dict(warnings_of(run_backtest(planned(*MARGIN[1:]), store)))


def test_a_perpetual_without_funding_is_refused_together_with_everything_else(perpetual, make_store, planned):
    message = "there is no BTC/USDT:USDT funding on binance; or set funding: Ignore"

    assert refused(planned, *STORED, store=make_store(perpetual)) == [(15, "spec.broker.funding", message)]
    fields = [field for _, field, _ in refused(planned, *STORED, ("slow: 20", "slow: 1"), store=make_store())]
    assert fields == ["spec.strategy.parameters.slow", "spec.data.exchange", "spec.broker.funding"]


def part(funding, first, last):
    kept = (funding.time >= FEBRUARY_1 + first * DAY) & (funding.time < FEBRUARY_1 + last * DAY)
    return Funding(funding.time[kept], funding.rate[kept])


@pytest.mark.parametrize(
    ("first", "last", "stretch"),
    [
        (10, 40, "2023-02-01T00:00:00Z to 2023-02-11T00:00:00Z"),
        (-10, 20, "2023-02-20T16:00:00Z to 2023-03-01T00:00:00Z"),
        (-20, -10, "2023-02-01T00:00:00Z to 2023-03-01T00:00:00Z"),
        (30, 40, "2023-02-01T00:00:00Z to 2023-03-01T00:00:00Z"),
    ],
    ids=["begins later", "ends earlier", "only before", "only after"],
)
def test_funding_that_does_not_cover_the_period_is_refused(perpetual, make_store, planned, first, last, stretch):
    store = make_store(perpetual, funding=part(rates_of(perpetual), first, last))
    ((line, field, message),) = refused(planned, *STORED, FEBRUARY, store=store)

    assert (line, field) == (17, "spec.broker.funding")
    assert message.startswith(f"no funding rate of BTC/USDT:USDT on binance is due from {stretch}, where one every 8h")
    assert message.endswith("import more, move start or end, or set funding: Ignore")


def test_holes_are_told_from_when_to_when(perpetual, make_store, planned):
    funding = rates_of(perpetual)
    kept = np.delete(np.arange(len(funding.time)), [100, 120, 121, 130, 140, 150])
    store = make_store(perpetual, funding=Funding(funding.time[kept], funding.rate[kept]))
    ((_, _, message),) = refused(planned, *STORED, store=store)

    assert "2023-02-02T00:00:00Z to 2023-02-02T16:00:00Z, 2023-02-08T16:00:00Z to 2023-02-09T16:00:00Z, " in message
    assert " and 2 more stretches, where one every 8h is usual" in message


def test_damaged_funding_is_refused(perpetual, make_store, planned):
    class Damaged(make_store):
        def read_funding(self, exchange, symbol):
            raise StoreDamaged("funding.parquet is torn; remove it")

    ((_, field, message),) = refused(planned, *STORED, store=Damaged(perpetual))
    assert (field, message) == ("spec.broker.funding", "funding.parquet is torn; remove it; or set funding: Ignore")


def test_a_run_judges_again_what_its_plan_has_not_seen(perpetual, make_store, planned):
    with pytest.raises(InputRefused, match="there is no BTC/USDT:USDT funding"):
        run_backtest(planned(*STORED), make_store(perpetual))


@pytest.mark.parametrize("jitter", [-499, -8, 0, 10, 499])
def test_no_rate_of_the_period_is_dropped_whatever_its_jitter(perpetual, make_store, planned, jitter):
    """All bars in February, one row a rate: each is found in the table once, at the bar that closes with it."""
    store = make_store(perpetual, funding=rates_of(perpetual, rate=0.001, jitter=jitter))
    always = [
        ("builtin: MovingAverageCross", "rules: {enter: close > 0, exit: close < 0}"),
        ("{fast: 5, slow: 20}", "{}"),
    ]
    found = run_backtest(planned(*STORED, FEBRUARY, *always), store)
    table = equity_table(found)

    paid = np.flatnonzero(table["funding"])
    assert len(paid) == document_of(found)["provenance"]["data"]["funding"]["count"] == 84
    assert np.all((table["time"][paid] + HOUR) % (8 * HOUR) == 0)
    assert math.isclose(found.outcome.metrics.funding, table["funding"].sum())


def test_a_day_of_three_rates_pays_all_of_them_at_its_close(make_bars, make_store, planned):
    hourly = make_bars(market=PERPETUAL)
    daily = replace(
        hourly, **{name: getattr(hourly, name)[::24] for name in ("open", "high", "low", "close", "volume")},
        time=hourly.time[::24], step=DAY, market=PERPETUAL._replace(timeframe="1d"),
    )  # fmt: skip
    high, low = np.maximum(daily.open, daily.close), np.minimum(daily.open, daily.close)
    store = make_store(replace(daily, high=high, low=low), funding=rates_of(daily))
    edits = [
        *STORED,
        ("timeframe: 1h", "timeframe: 1d"),
        ("builtin: MovingAverageCross", "rules: {enter: close > 0, exit: close < 0}"),
    ]
    table = equity_table(run_backtest(planned(*edits, ("{fast: 5, slow: 20}", "{}")), store))

    assert table["funding"][1:] == pytest.approx(3 * 0.0001 * (table["holding"] * table["close"])[1:])
