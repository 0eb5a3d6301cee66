"""Trades are read off fills that are written by hand here: also of kinds that the spot kernel does not make yet."""

import numpy as np
import pytest

from tidewright.domain.bars import Bars
from tidewright.domain.ledger import Fills, Reason
from tidewright.domain.trades import trades_of

HOUR = 3_600_000
#           open  high  low  close
MARKET = [
    (100, 300, 10, 100),
    (100, 110, 95, 105),
    (105, 120, 90, 100),
    (102, 400, 5, 104),
    (108, 112, 104, 110),
]


def bars():
    open_, high, low, close = np.array(MARKET, dtype=np.float64).T.copy()
    return Bars(HOUR * np.arange(len(MARKET)), open_, high, low, close, np.ones(len(MARKET)), step=HOUR)


def fills(*rows):
    """From rows of ``(position, bar, signed quantity, price, fee)``; the last fill of a position is a stop-loss."""
    position, bar, signed, price, fee = np.array(rows, dtype=np.float64).reshape(-1, 5).T.copy()
    held = np.array([signed[: k + 1][position[: k + 1] == position[k]].sum() for k in range(len(rows))])
    return Fills(
        bar=bar.astype(np.int64),
        time=HOUR * bar.astype(np.int64),
        side=np.sign(signed).astype(np.int8),
        price=price,
        quantity=np.abs(signed),
        fee=fee,
        reason=np.where(held == 0, Reason.STOP_LOSS, Reason.SIGNAL).astype(np.int8),
        position=position.astype(np.int64),
        held=held,
        symbol=np.zeros(len(bar), dtype=np.int64),
    )


def trade(*rows):
    trades = trades_of(bars(), fills(*rows))
    assert len(trades) == 1
    return {name: getattr(trades, name).tolist()[0] for name in trades.__dataclass_fields__}


def test_a_trade_is_an_entry_and_its_exit_net_of_both_fees():
    assert trade((0, 1, 10, 100, 5), (0, 3, -10, 110, 7)) == pytest.approx(
        {
            "entry_bar": 1,
            "exit_bar": 3,
            "entry_time": HOUR,
            "exit_time": 3 * HOUR,
            "direction": 1,
            "quantity": 10,
            "entry_price": 100,
            "exit_price": 110,
            "fees": 12,
            "pnl": 88,
            "net_return": 0.088,
            "adverse": -0.1,
            "favourable": 0.2,
            "reason": Reason.STOP_LOSS,
            "symbol": 0,
        }
    )


def test_of_the_exit_bar_only_its_open_and_the_exit_are_sure_to_have_come_first():
    """Bar 3 reaches from 5 to 400, but who was in the market for how much of that is unknown."""
    trade_to_bar_3 = trade((0, 1, 10, 100, 0), (0, 3, -10, 102, 0))
    assert (trade_to_bar_3["adverse"], trade_to_bar_3["favourable"]) == pytest.approx((-0.1, 0.2))

    stopped_low = trade((0, 1, 10, 100, 0), (0, 3, -10, 50, 0))
    assert (stopped_low["adverse"], stopped_low["favourable"]) == pytest.approx((-0.5, 0.2))
    left_high = trade((0, 1, 10, 100, 0), (0, 3, -10, 200, 0))
    assert (left_high["adverse"], left_high["favourable"]) == pytest.approx((-0.1, 1))


@pytest.mark.parametrize(("open_", "adverse", "favourable"), [(110, 0, 0.1), (90, -0.1, 0.05)])
def test_the_open_of_the_exit_bar_counts_where_it_is_the_extreme(open_, adverse, favourable):
    market = bars()
    market.high[1:4], market.low[1:4], market.open[4] = 102, 100, open_
    trades = trades_of(market, fills((0, 1, 10, 100, 0), (0, 4, -10, 105, 0)))

    assert (trades.adverse[0], trades.favourable[0]) == pytest.approx((adverse, favourable))


def test_of_the_entry_bar_everything_came_after_the_entry():
    short_lived = trade((0, 1, 10, 100, 0), (0, 2, -10, 105, 0))

    assert (short_lived["adverse"], short_lived["favourable"]) == pytest.approx((-0.05, 0.1))


def test_within_one_bar_only_the_two_fills_are_known():
    stopped = trade((0, 1, 10, 105, 0), (0, 1, -10, 104, 0))

    assert (stopped["adverse"], stopped["favourable"]) == pytest.approx((-1 / 105, 0))
    assert stopped["entry_bar"] == stopped["exit_bar"] == 1


def test_what_goes_up_is_adverse_to_a_short_position():
    short = trade((0, 1, -10, 100, 1), (0, 3, 10, 95, 1))

    assert short["direction"] == -1
    assert short["pnl"] == 48
    assert short["net_return"] == pytest.approx(0.048)
    assert (short["adverse"], short["favourable"]) == pytest.approx((-0.2, 0.1))


def test_prices_are_averages_over_a_positions_fills():
    added = trade((0, 1, 10, 100, 1), (0, 2, 30, 108, 2), (0, 3, -20, 104, 3), (0, 4, -20, 108, 4))

    assert added["quantity"] == 40
    assert added["entry_price"] == pytest.approx(106)
    assert added["exit_price"] == pytest.approx(106)
    assert added["fees"] == 10
    assert added["pnl"] == pytest.approx(-10)
    assert added["net_return"] == pytest.approx(-10 / 4_240)
    assert (added["entry_bar"], added["exit_bar"]) == (1, 4)


def test_trades_are_in_order_of_entry_and_an_open_position_is_none():
    trades = trades_of(
        bars(), fills((0, 1, 10, 100, 0), (0, 2, -10, 105, 0), (1, 2, 5, 106, 0), (1, 3, -5, 104, 0), (2, 4, 1, 108, 0))
    )

    assert trades.entry_bar.tolist() == [1, 2]
    assert trades.pnl.tolist() == [50, -10]
    assert trades.exit_time.tolist() == [2 * HOUR, 3 * HOUR]


def test_no_fills_are_no_trades():
    assert len(trades_of(bars(), fills())) == 0


def test_an_average_that_differs_from_its_only_price_by_a_rounding_makes_nothing_adverse_favourable():
    """0.3 units at 1.1 cost 0.33 rounded, whose quotient by 0.3 need not be 1.1."""
    for quantity in (0.3, 0.7, 1.3, 4.9):
        flat = bars()
        for name in ("open", "high", "low", "close"):
            getattr(flat, name)[:] = 1.1
        trades = trades_of(flat, fills((0, 1, quantity, 1.1, 0), (0, 3, -quantity, 1.1, 0)))
        assert trades.adverse[0] <= 0 <= trades.favourable[0]
