"""Two accounts of the same signals: what counts as the same, what is found to differ, and why.

An account is told as its positions ``(entry bar, entry price, quantity, exit bar, exit price)``, the last two left out of what is open at the end.
"""

import numpy as np
import pytest

from tidewright.domain.bars import Bars
from tidewright.domain.comparison import Cause, Comparison, compare
from tidewright.domain.ledger import Fills, Ledger, Reason

HOUR = 3_600_000
COUNT = 12
TRADE = (1, 100.0, 10.0, 3, 110.0)
LATER = (5, 100.0, 11.0, 7, 90.0)


def market(broken=()):
    """Twelve bars with all prices at 100 and a range of 50 to 150; the open of the `broken` ones is at 200."""
    flat = np.full(COUNT, 100.0)
    open_ = np.where(np.isin(np.arange(COUNT), broken), 200.0, 100.0)
    return Bars(HOUR * np.arange(COUNT), open_, flat + 50, flat - 50, flat, flat, step=HOUR)


def account(*positions, reason=Reason.SIGNAL):
    rows = []
    for number, (bar, price, quantity, *out) in enumerate(positions):
        rows.append((bar, 1, price, quantity, Reason.SIGNAL, number, quantity))
        if out:
            rows.append((out[0], -1, out[1], quantity, reason, number, 0.0))
    bar, side, price, quantity, why, number, held = np.array(rows, dtype=np.float64).reshape(-1, 7).T
    at = bar.astype(np.int64)
    cash = np.full(COUNT, 1_000.0)
    holding = np.zeros(COUNT)
    for i, row in zip(at, rows, strict=True):
        cash[i:] -= row[1] * row[2] * row[3]
        holding[i:] = row[6]
    codes = (column.astype(np.int8) for column in (side, why))
    direction, because = codes
    fills = Fills(
        at,
        at * HOUR,
        direction,
        price,
        quantity,
        0.0 * price,
        because,
        number.astype(np.int64),
        held,
        np.zeros_like(at),
    )
    return Ledger(1_000.0, fills, cash + holding * 100.0, float(cash[-1]), 0)


def found(comparison):
    return [(d.field, d.cause) for d in comparison.differences]


def test_the_same_account_has_no_differences():
    assert compare(market(), account(TRADE, LATER), account(TRADE, LATER)) == Comparison(2, ())


def test_an_account_without_trades_is_like_another():
    assert compare(market(), account(), account()) == Comparison(0, ())


@pytest.mark.parametrize(("relative", "same"), [(5e-10, True), (5e-9, False)])
@pytest.mark.parametrize(("field", "index"), [("entryPrice", 1), ("quantity", 2), ("exitPrice", 4)])
def test_prices_and_quantities_are_the_same_within_a_billionth(field, index, relative, same):
    other = list(TRADE)
    other[index] *= 1 + relative
    fields = [f for f, _ in found(compare(market(), account(TRADE), account(tuple(other))))]

    assert (field in fields) is not same


def test_what_differs_is_told_with_both_values_and_the_time_of_the_entry():
    comparison = compare(market(), account(TRADE), account((1, 100.0, 10.0, 4, 111.0)))

    assert [(d.time, d.field, d.ours, d.theirs) for d in comparison.differences] == [
        (HOUR, "exitTime", 3 * HOUR, 4 * HOUR),
        (HOUR, "exitPrice", 110.0, 111.0),
        (HOUR, "pnl", 100.0, 110.0),
        (3 * HOUR, "equity", 1_100.0, 1_000.0),
    ]
    assert {d.cause for d in comparison.differences} == {Cause.UNEXPLAINED}
    assert not comparison.passed


def test_another_reason_is_a_difference():
    comparison = compare(market(), account(TRADE), account(TRADE, reason=Reason.STOP_LOSS))

    assert [(d.field, d.ours, d.theirs) for d in comparison.differences] == [("reason", "Signal", "StopLoss")]


def test_a_trade_of_one_engine_alone_is_counted_and_told():
    comparison = compare(market(), account(TRADE), account(TRADE, LATER))

    assert comparison.trades == 2
    assert [(d.time, d.field, d.ours, d.theirs) for d in comparison.differences] == [
        (5 * HOUR, "trade", None, 11.0),
        (7 * HOUR, "equity", 1_100.0, 990.0),
    ]


def test_results_that_almost_break_even_are_compared_by_what_they_are_made_of():
    one, other = (1, 100.0, 10.0, 3, 100.0 + 1e-9), (1, 100.0, 10.0, 3, 100.0 + 1.05e-9)

    assert compare(market(), account(one), account(other)).differences == ()


def test_what_is_open_at_the_end_is_no_trade_but_is_compared():
    comparison = compare(market(), account((5, 100.0, 10.0)), account((5, 100.0, 9.0)))

    assert comparison.trades == 0
    assert found(comparison) == [("quantity", Cause.UNEXPLAINED)]
    assert compare(market(), account((5, 100.0, 10.0)), account((5, 100.0, 10.0))).differences == ()


def test_a_position_that_one_engine_never_left_is_a_difference():
    comparison = compare(market(), account(TRADE), account((1, 100.0, 10.0)))

    assert comparison.trades == 1
    assert comparison.differences[0].field == "exitTime"
    assert comparison.differences[0].theirs is None


def test_an_equity_that_no_trade_explains_is_a_difference():
    other = account(TRADE)
    other.equity[9:] -= 0.5

    comparison = compare(market(), account(TRADE), other)

    assert [(d.time, d.field, d.cause) for d in comparison.differences] == [(9 * HOUR, "equity", Cause.UNEXPLAINED)]


# Causes that are known


def test_a_fill_in_a_bar_whose_open_is_out_of_its_range_explains_itself():
    comparison = compare(market(broken=[3]), account(TRADE), account((1, 100.0, 10.0, 3, 120.0)))

    assert found(comparison) == [(field, Cause.BROKEN_BAR) for field in ("exitPrice", "pnl", "equity")]
    assert comparison.passed


def test_other_money_later_follows_from_an_earlier_difference():
    # One engine came out of the broken bar with 1,100, the other with 1,200: it buys twelve elevenths as much.
    other = account((1, 100.0, 10.0, 3, 120.0), (5, 100.0, 12.0, 7, 90.0))

    comparison = compare(market(broken=[3]), account(TRADE, LATER), other)

    assert found(comparison)[2:4] == [("quantity", Cause.EARLIER_DIFFERENCE), ("pnl", Cause.EARLIER_DIFFERENCE)]
    assert comparison.passed


def test_an_earlier_difference_does_not_explain_another_size_or_price():
    other = account((1, 100.0, 10.0, 3, 120.0), (5, 100.0, 11.0, 7, 91.0))

    comparison = compare(market(broken=[3]), account(TRADE, LATER), other)

    assert found(comparison)[2:4] == [("exitPrice", Cause.UNEXPLAINED), ("pnl", Cause.UNEXPLAINED)]
    assert not comparison.passed


def test_a_trade_while_the_other_engine_was_still_in_a_differing_one_follows_from_it():
    ours, theirs = account((1, 100.0, 10.0, 9, 100.0)), account((1, 100.0, 10.0, 3, 100.0), (5, 100.0, 10.0, 7, 100.0))

    comparison = compare(market(broken=[3]), ours, theirs)

    assert found(comparison) == [("exitTime", Cause.BROKEN_BAR), ("trade", Cause.EARLIER_DIFFERENCE)]


def test_a_trade_of_one_engine_alone_after_both_were_out_is_unexplained():
    ours, theirs = account((1, 100.0, 10.0, 4, 100.0)), account((1, 100.0, 10.0, 3, 100.0), (5, 100.0, 10.0, 7, 100.0))

    comparison = compare(market(broken=[3]), ours, theirs)

    assert found(comparison) == [("exitTime", Cause.BROKEN_BAR), ("trade", Cause.UNEXPLAINED)]
