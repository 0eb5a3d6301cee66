import numpy as np
import pytest

from tidewright.domain.ledger import Refusal
from tidewright.domain.metrics.table import METRICS
from tidewright.report import tables


def test_headline_figures_carry_their_interval_and_the_benchmark(document):
    sharpe = next(tile for tile in tables.headline(document) if "Sharpe" in tile.title)
    assert (sharpe.value, sharpe.interval, sharpe.benchmark) == ("1.23", "−0.20 to 2.60", "Buy and hold 0.30")


def test_an_interval_without_bounds_is_left_out(document):
    assert tables.interval(document, "cagr") == ""
    assert tables.interval({}, "sharpe") == ""


def test_every_metric_has_a_row_and_an_undefined_one_a_dash(document):
    rows = {row.title: row for row in tables.metrics(document)}
    assert list(rows) == [metric.title for metric in METRICS]
    assert rows["Calmar ratio"].value == "–"
    assert rows["Fees paid"].value == "86.00 USDT"


def test_the_calendar_has_a_row_a_year_with_twelve_months_its_total_and_the_benchmark(equity):
    (row,) = tables.calendar(equity, 10_000.0)
    assert row.year == 2024
    assert [cell.text for cell in row.months[7:]] == ["–"] * 5
    assert row.total.text == f"{equity['equity'][-1] / 10_000 - 1:.1%}".replace("-", "−")
    assert {cell.sign for cell in row.months if cell.heat} == {"gain", "loss"}
    assert max(cell.heat for cell in row.months) == 1.0


def test_a_flat_account_has_no_colours(equity):
    flat = {"time": equity["time"], "equity": np.full(len(equity["time"]), 100.0)}
    (row,) = tables.calendar(flat, 100.0)
    assert {cell.sign for cell in row.months} == {""}


def test_reasons_come_by_frequency(trades):
    signal, stop = tables.exit_reasons(trades)
    assert (signal.reason, signal.trades, signal.share, signal.win_rate, signal.pnl) == (
        "Signal",
        "2",
        "66.7%",
        "50.0%",
        "+480.00",
    )
    assert (stop.reason, stop.mean) == ("Stop loss", "−5.0%")


def test_costs_are_set_against_the_gross_profit(document, trades):
    costs = dict(tables.costs(document, trades))
    assert costs["Fees over initial cash"] == "0.86%"
    assert costs["Gross profit (winning trades before fees)"] == "550.00 USDT"
    assert costs["Fees over gross profit"] == "15.6%"
    assert costs["Result of all trades before fees"] == "+150.00 USDT"
    traded = 0.25 * 82_000 + 0.2 * 82_000 + 0.1 * 81_500
    assert costs["Slippage paid, estimated from the amount traded"] == f"{traded * 0.0005:.2f} USDT"


def test_funding_is_a_cost_where_there_is_any(document, trades):
    title = "Funding paid; below zero, received"
    assert title not in dict(tables.costs(document, trades))
    document["result"]["funding"] = -12.5
    assert dict(tables.costs(document, trades))[title] == dict(tables.costs(document, {}))[title] == "−12.50 USDT"


def test_costs_without_trades_say_what_is_known(document):
    assert dict(tables.costs(document, {}))["Commission"] == "0.1%"
    assert {value for _, value in tables.costs({}, {})} == {"–"}


@pytest.mark.parametrize(("copies", "first", "last"), [(0, 0, 0), (1, 3, 0), (100, 300, 0), (200, 200, 200)])
def test_long_trade_lists_keep_both_ends(trades, copies, first, last):
    many = {name: np.tile(column, copies) for name, column in trades.items()}
    heads, tails = tables.trade_list(many)
    assert (len(heads), len(tails)) == (first, last)
    if last:
        assert (heads[-1].number, tails[0].number, tails[-1].number) == (200, 401, 600)


def test_a_trade_row_reads_as_the_trade(trades):
    row = tables.trade_list(trades)[0][1]
    assert (row.number, row.sign) == (2, "loss")
    assert row.cells == [
        "Long", "2024-01-03 02:00", "2024-01-03 07:00", "0.2", "42,000.00", "40,000.00", "16.00", "−416.00", "−5.0%", "5", "Stop loss",
    ]  # fmt: skip


def test_a_trade_of_one_symbol_among_several_has_its_name(portfolio):
    _, _, trades = portfolio
    assert [row.symbol for row in tables.trade_list(trades)[0]] == ["BTC/USDT", "ETH/USDT", "SOL/USDT"]


def test_refused_orders_come_by_frequency_and_say_why():
    reasons = {reason.title: 1 + reason for reason in Refusal}
    rows = tables.refusals({"refused": reasons})
    assert [count for _, count, _ in rows] == [str(count) for count in sorted(reasons.values(), reverse=True)]
    assert all(meaning.endswith(".") for _, _, meaning in rows)
    assert tables.refusals({"refused": {}}) == tables.refusals({}) == []
