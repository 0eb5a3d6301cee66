"""What must hold of the kernel whatever the market does, and a second, naive kernel that must agree with it."""

from dataclasses import dataclass, replace
from math import fsum, inf
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markets import bars_of, brokers, moves, protections, scales, wishes

from tidewright.domain.bars import Bars
from tidewright.domain.costs import Broker, Risk, Sizing
from tidewright.domain.kernel import simulate
from tidewright.domain.ledger import Reason
from tidewright.domain.strategies.strategy import Signals
from tidewright.domain.trades import trades_of

# Markets, signals and terms


class Scene(NamedTuple):
    bars: Bars
    signals: Signals
    broker: Broker
    risk: Risk

    def played(self):
        return simulate(*self)


@st.composite
def scenes(draw, brokers=brokers):
    count = draw(st.integers(0, 30))
    drawn = draw(st.lists(st.tuples(moves, wishes), min_size=count, max_size=count))
    bars = bars_of([move for move, _ in drawn], draw(scales))
    enter, leave = np.array([wish for _, wish in drawn], dtype=np.bool_).reshape(-1, 2).T.copy()
    risk = Risk(**draw(protections()))
    return Scene(bars, Signals(enter, leave), draw(brokers), risk)


# A second opinion. It keeps nothing between bars but the account and the highs that the position has seen: every stop and every target
# is derived from them anew.


class Bar(NamedTuple):
    time: int
    open: float
    high: float
    low: float
    close: float


@dataclass
class Holding:
    quantity: float
    price: float
    since: int
    number: int
    highs: list[float]


class Fill(NamedTuple):
    bar: int
    position: int
    reason: Reason
    price: float
    signed_quantity: float
    fee: float


class NaiveAccount:
    def __init__(self, broker, risk):
        self.broker, self.risk, self.cash = broker, risk, broker.cash
        self.holding, self.opened, self.unfilled, self.fills = None, 0, 0, []

    def live_through(self, index, bar, wants_in, wants_out):
        """One bar, from its open to its close; returns the account's value at the close."""
        if self.holding is not None and wants_out:
            self.sell(index, self.slipped_down(bar.open, bar), Reason.SIGNAL)
        elif self.holding is None and wants_in and not wants_out:
            self.buy(index, bar)
        if self.holding is not None:
            self.protect(index, bar)
        if self.holding is None:
            return self.cash
        self.holding.highs.append(bar.high)
        return self.cash + self.holding.quantity * bar.close

    def buy(self, index, bar):
        price = min(bar.open * (1 + self.broker.slippage), bar.high)
        each = price * (1 + self.broker.commission)
        size = self.risk.sizing
        if size.risk:
            stop = price * (1 - self.risk.stop_loss)
            proceeds = stop * (1 - self.broker.slippage) * (1 - self.broker.commission)
            quantity = min(size.risk * self.cash / (each - proceeds), self.cash / each)
        else:
            quantity = size.fraction * self.cash / each
        if quantity <= 0:
            self.unfilled += 1
            return
        self.holding = Holding(quantity, price, bar.time, self.opened, highs=[])
        self.opened += 1
        self.fill(index, price, quantity, Reason.SIGNAL)

    def sell(self, index, price, reason):
        self.fill(index, price, -self.holding.quantity, reason)
        self.holding = None

    def fill(self, index, price, signed_quantity, reason):
        fee = abs(signed_quantity) * price * self.broker.commission
        self.cash -= signed_quantity * price + fee
        self.fills.append(Fill(index, self.holding.number, reason, price, signed_quantity, fee))

    def protect(self, index, bar):
        stop, why_stop = self.stop()
        target, why_target = self.target(bar.time)
        if bar.open <= stop:
            self.sell(index, self.slipped_down(bar.open, bar), why_stop)
        elif bar.open >= target:
            self.sell(index, bar.open, why_target)
        elif bar.low <= stop:
            self.sell(index, self.slipped_down(stop, bar), why_stop)
        elif bar.high >= target:
            self.sell(index, target, why_target)

    def stop(self):
        """The higher of the stop-loss and, once activated, the trailing stop."""
        risk, entry = self.risk, self.holding.price
        fixed = entry * (1 - risk.stop_loss) if risk.stop_loss else -inf
        highest = max([entry, *self.holding.highs])
        active = risk.trail_distance and highest >= entry * (1 + risk.trail_activation)
        trailing = highest * (1 - risk.trail_distance) if active else -inf
        return (trailing, Reason.TRAILING_STOP) if trailing > fixed else (fixed, Reason.STOP_LOSS)

    def target(self, now):
        """The nearer of the take-profit and the last step of the ladder that the position is old enough for."""
        risk, entry = self.risk, self.holding.price
        goal = entry * (1 + risk.take_profit) if risk.take_profit else inf
        reached = [step.profit for step in risk.roi if now - self.holding.since >= step.after]
        wish = entry * (1 + reached[-1]) if reached else inf
        return (wish, Reason.ROI) if wish < goal else (goal, Reason.TAKE_PROFIT)

    def slipped_down(self, price, bar):
        return max(price * (1 - self.broker.slippage), bar.low)


def naive(scene):
    account = NaiveAccount(scene.broker, scene.risk)
    bars = zip(*(getattr(scene.bars, name).tolist() for name in Bar._fields), strict=True)
    wishes = [(False, False), *zip(scene.signals.enter, scene.signals.exit, strict=True)]
    equity = [
        account.live_through(index, Bar(*bar), *wish)
        for index, (bar, wish) in enumerate(zip(bars, wishes, strict=False))
    ]
    return account, equity


@given(scene=scenes())
def test_the_kernel_agrees_with_a_naive_one(scene):
    ledger = scene.played()
    account, equity = naive(scene)
    fills = ledger.fills

    assert fills.bar.tolist() == [fill.bar for fill in account.fills]
    assert fills.reason.tolist() == [fill.reason for fill in account.fills]
    assert fills.position.tolist() == [fill.position for fill in account.fills]
    assert ledger.unfilled == account.unfilled
    close = {"rtol": 1e-12, "atol": 1e-12 * scene.broker.cash}
    np.testing.assert_allclose(fills.price, [fill.price for fill in account.fills], rtol=1e-12)
    np.testing.assert_allclose(fills.side * fills.quantity, [fill.signed_quantity for fill in account.fills], **close)
    np.testing.assert_allclose(fills.fee, [fill.fee for fill in account.fills], **close)
    np.testing.assert_allclose(ledger.equity, equity, **close)
    np.testing.assert_allclose(ledger.cash, account.cash, **close)


# Money


@given(scene=scenes())
def test_cash_is_conserved(scene):
    ledger = scene.played()
    fills = ledger.fills
    spent = fsum(fills.side * fills.price * fills.quantity) + fsum(fills.fee)

    assert ledger.initial - spent == pytest.approx(ledger.cash, rel=1e-9, abs=1e-9 * ledger.initial)


@given(scene=scenes())
def test_fees_are_the_commission_on_what_was_traded(scene):
    fills = scene.played().fills

    np.testing.assert_array_equal(fills.fee, fills.quantity * fills.price * scene.broker.commission)


@given(scene=scenes())
def test_equity_is_cash_and_the_position_at_the_close(scene):
    """Also after each fill: the cash is followed through the fills, bar by bar."""
    ledger = scene.played()
    fills = ledger.fills
    flows = -fills.side * fills.quantity * fills.price - fills.fee
    cash = [ledger.initial + fsum(flows[fills.bar <= bar]) for bar in range(len(scene.bars))]

    np.testing.assert_allclose(
        ledger.equity, cash + ledger.holding() * scene.bars.close, rtol=1e-9, atol=1e-9 * ledger.initial
    )


@given(scene=scenes())
def test_the_account_never_borrows(scene):
    ledger = scene.played()
    fills = ledger.fills
    flows = -fills.side * fills.quantity * fills.price - fills.fee

    assert ledger.cash >= 0
    assert (ledger.equity >= 0).all()
    assert all(ledger.initial + fsum(flows[: k + 1]) >= -1e-12 * ledger.initial for k in range(len(flows)))


@given(scene=scenes())
def test_what_the_account_gained_is_what_its_trades_did(scene):
    ledger = scene.played()
    fills = ledger.fills
    trades = trades_of(scene.bars, fills)
    open_result = 0.0
    if len(fills) and fills.held[-1]:
        open_result = fills.held[-1] * (scene.bars.close[-1] - fills.price[-1]) - fills.fee[-1]

    final = ledger.equity[-1] if len(ledger.equity) else ledger.initial
    assert fsum(trades.pnl) + open_result == pytest.approx(final - ledger.initial, rel=1e-9, abs=1e-9 * ledger.initial)


@given(scene=scenes(), price=st.sampled_from([100.0, 33.37, 0.07]))
def test_where_the_price_never_moves_equity_never_rises(scene, price):
    still = np.full(len(scene.bars), price)
    bars = replace(scene.bars, open=still, high=still, low=still, close=still)
    equity = simulate(bars, *scene[1:]).equity

    assert (np.diff(equity, prepend=scene.broker.cash) <= 1e-12 * scene.broker.cash).all()


@given(scene=scenes())
def test_equity_rises_by_no_more_than_the_price_could_have_carried_it(scene):
    """At best all of it rode from the lower of last close and low to the high."""
    ledger = scene.played()
    before = np.concatenate(([ledger.initial], ledger.equity[:-1]))[: len(ledger.equity)]
    last = np.concatenate((scene.bars.open[:1], scene.bars.close[:-1]))

    assert (ledger.equity <= before * scene.bars.high / np.minimum(last, scene.bars.low) * (1 + 1e-12)).all()


# Fills


@given(scene=scenes())
def test_no_fill_lies_outside_its_bars_range(scene):
    fills = scene.played().fills

    assert (fills.price <= scene.bars.high[fills.bar]).all()
    assert (fills.price >= scene.bars.low[fills.bar]).all()


@given(scene=scenes())
def test_no_fill_comes_before_its_signal(scene):
    fills = scene.played().fills
    entries = fills.bar[fills.side > 0]
    exits = fills.bar[(fills.side < 0) & (fills.reason == Reason.SIGNAL)]

    assert (fills.bar > 0).all()
    assert scene.signals.enter[entries - 1].all()
    assert not scene.signals.exit[entries - 1].any()
    assert scene.signals.exit[exits - 1].all()


@given(scene=scenes())
def test_positions_follow_one_another(scene):
    fills = scene.played().fills
    buys, sells = fills.side[0::2], fills.side[1::2]

    assert (buys == 1).all()
    assert (sells == -1).all()
    assert (fills.reason[0::2] == Reason.SIGNAL).all()
    assert (fills.quantity > 0).all()
    np.testing.assert_array_equal(fills.quantity[1::2], fills.quantity[0::2][: len(sells)])
    np.testing.assert_array_equal(fills.held, np.where(fills.side > 0, fills.quantity, 0.0))
    np.testing.assert_array_equal(fills.position, np.arange(len(fills)) // 2)
    assert (np.diff(fills.bar[0::2]) > 0).all()
    assert (fills.bar[2::2] > fills.bar[1::2][: len(fills.bar[2::2])]).all()
    np.testing.assert_array_equal(fills.time, scene.bars.time[fills.bar])


@given(scene=scenes())
def test_every_signal_is_obeyed(scene):
    """A position that the kernel left open had no exit signal, and while flat no entry signal went by."""
    ledger = scene.played()
    held = ledger.holding() > 0
    enter, leave = scene.signals.enter[:-1], scene.signals.exit[:-1]
    bought = np.isin(np.arange(len(scene.bars)), ledger.fills.bar[ledger.fills.side > 0])

    assert not (held[1:] & leave & held[:-1]).any()
    assert (bought[1:] | held[:-1] | ~enter | leave).all()
    assert ledger.unfilled == 0


@given(scene=scenes())
def test_no_bar_that_a_position_survives_has_reached_its_stop_loss_or_take_profit(scene):
    ledger = scene.played()
    risk, bars = scene.risk, scene.bars
    for k in np.flatnonzero(ledger.fills.side > 0):
        entry = ledger.fills.price[k]
        last = ledger.fills.bar[k + 1] if k + 1 < len(ledger.fills) else len(bars)
        through = slice(ledger.fills.bar[k], last)
        if risk.stop_loss:
            assert (bars.low[through] > entry * (1 - risk.stop_loss)).all()
        if risk.take_profit:
            assert (bars.high[through] < entry * (1 + risk.take_profit)).all()


# What a result may depend on


@given(scene=scenes(), data=st.data())
def test_what_comes_later_changes_nothing(scene, data):
    cut = data.draw(st.integers(0, len(scene.bars)))
    whole = scene.played()
    part = simulate(
        scene.bars.part(0, cut),
        Signals(scene.signals.enter[:cut], scene.signals.exit[:cut]),
        scene.broker,
        scene.risk,
    )
    known = int(np.searchsorted(whole.fills.bar, cut))

    assert part.equity.tobytes() == whole.equity[:cut].tobytes()
    for name in whole.fills.__dataclass_fields__:
        assert getattr(part.fills, name).tobytes() == getattr(whole.fills, name)[:known].tobytes()


@given(scene=scenes())
def test_the_clock_may_begin_anywhere(scene):
    ledger = scene.played()
    later = simulate(replace(scene.bars, time=scene.bars.time + 1_700_000_000_000), *scene[1:])

    assert later.equity.tobytes() == ledger.equity.tobytes()


@given(scene=scenes())
def test_twice_the_cash_buys_exactly_twice_as_much(scene):
    ledger = scene.played()
    rich = scene._replace(broker=replace(scene.broker, cash=2 * scene.broker.cash)).played()

    assert rich.fills.quantity.tobytes() == (2 * ledger.fills.quantity).tobytes()
    assert rich.fills.price.tobytes() == ledger.fills.price.tobytes()
    assert rich.equity.tobytes() == (2 * ledger.equity).tobytes()


@given(scene=scenes())
def test_in_half_units_of_price_the_account_is_worth_the_same(scene):
    prices = {name: 2 * getattr(scene.bars, name) for name in ("open", "high", "low", "close")}
    ledger, doubled = scene.played(), simulate(replace(scene.bars, **prices), *scene[1:])

    assert doubled.fills.quantity.tobytes() == (ledger.fills.quantity / 2).tobytes()
    assert doubled.equity.tobytes() == ledger.equity.tobytes()


@given(scene=scenes(brokers=st.just(Broker(10_000.0))))
def test_costs_never_help_a_position_that_only_signals_open_and_close(scene):
    plain = Risk(sizing=Sizing(1.0))
    free = simulate(scene.bars, scene.signals, scene.broker, plain)
    costly = simulate(scene.bars, scene.signals, Broker(10_000.0, 0.001, 0.01), plain)

    assert (costly.equity <= free.equity * (1 + 1e-12)).all()
