"""What must hold of an account whatever its markets do, and a second, naive account that must agree with it."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from math import fsum, inf, isnan

import numpy as np
import pytest
from account_scenes import PLAIN, AccountScene, account_scenes, listings, without_limits
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tidewright.domain.account import trade_account
from tidewright.domain.costs import NO_FILTERS, Sizing
from tidewright.domain.kernel import simulate
from tidewright.domain.ledger import Fills, Reason, Refusal, Refusals
from tidewright.domain.orders import Order, hold
from tidewright.domain.strategies.strategy import Signals
from tidewright.domain.watching import Watch, WatchFunction

signalled, scripted = account_scenes(("signals",)), account_scenes(("script",))
anything = account_scenes()


def assert_same_bits(one, other, *ledgers_parts):
    for part in ledgers_parts:
        assert getattr(one, part).tobytes() == getattr(other, part).tobytes(), part
    for part, columns in (("fills", fields(Fills)), ("refusals", fields(Refusals))):
        for column in columns:
            mine, others = (getattr(getattr(ledger, part), column.name) for ledger in (one, other))
            assert mine.tobytes() == others.tobytes(), f"{part}.{column.name}"


# Second opinions


@given(scene=account_scenes(("signals",), most=1).map(without_limits))
def test_an_account_of_one_symbol_is_the_kernel(scene):
    listing, ledger = scene.listings[0], scene.played()
    single = simulate(listing.bars, listing.signals, scene.broker, scene.risk, listing.funding)

    assert_same_bits(replace(ledger, refusals=single.refusals), single, "equity", "funding")
    assert (ledger.cash, ledger.unfilled, ledger.initial) == (single.cash, single.unfilled, single.initial)


@settings(max_examples=5 * settings.default.max_examples)
@given(scene=anything)
def test_the_account_agrees_with_a_naive_one(scene):
    ledger, naive = scene.played(), scene.judged()
    # What an account that has lost everything has left is what rounding makes of nothing.
    assume((ledger.equity > 1e-6 * ledger.initial).all())
    filled, refused = ledger.fills, ledger.refusals

    assert [*zip(filled.symbol, filled.bar, filled.position, map(Reason, filled.reason), strict=True)] == [
        (fill.symbol, fill.bar, fill.position, fill.reason) for fill in naive.fills
    ]
    assert [*zip(refused.symbol, refused.bar, refused.side, map(Refusal, refused.reason), strict=True)] == naive.refused
    close = {"rtol": 1e-9, "atol": 1e-9 * scene.broker.cash}
    np.testing.assert_allclose(filled.price, [fill.price for fill in naive.fills], rtol=1e-9)
    np.testing.assert_allclose(filled.side * filled.quantity, [fill.signed_quantity for fill in naive.fills], **close)
    np.testing.assert_allclose(filled.fee, [fill.fee for fill in naive.fills], **close)
    np.testing.assert_allclose(filled.held, [fill.held for fill in naive.fills], **close)
    np.testing.assert_allclose(ledger.equity, naive.equity, **close)
    np.testing.assert_allclose([ledger.cash, fsum(ledger.funding)], [naive.cash, naive.funding], **close)


@given(scene=scripted)
def test_a_step_strategy_does_the_same_compiled_and_plain(scene):
    assert_same_bits(scene.played(), scene.played(PLAIN), "equity", "funding")


def _replay(_state, position, view):
    """The signals of the view as orders."""
    enter = view.enter > 0.0 and not view.exit > 0.0
    enter_short = view.enter_short > 0.0 and not view.exit_short > 0.0
    side = 0.0 if enter == enter_short else 1.0 if enter else -1.0
    leaves = (position.side > 0.0 and view.exit > 0.0) or (position.side < 0.0 and view.exit_short > 0.0)
    full = position.entries >= view.most or side != position.side
    if position.side != 0.0 and full and not leaves:
        side = 0.0
    order = hold()
    return Order(side, 1.0, order.limit, order.trigger, order.stop, order.target, 1.0 if leaves else 0.0)


REPLAY = WatchFunction(_replay, (), ("enter", "exit", "enter_short", "exit_short"), ("most",))


@given(scene=signalled)
def test_signals_and_a_step_strategy_that_replays_them_are_the_same(scene):
    """Where every exit goes through at once: of one that goes on a step strategy is not told."""
    scene, books = scene._replace(broker=replace(scene.broker, volume_share=inf)), []
    for listing in scene.listings:
        none, by_name = np.zeros(len(listing.bars)), listing.signals.by_name()
        columns = [by_name.get(name, none) for name in ("enter", "exit", "enter_short", "exit_short")]
        watch = Watch(REPLAY, columns, [scene.risk.max_entries], [])
        books.append(replace(listing.book(), signals=None, watch=watch))

    assert_same_bits(scene.played(), trade_account(books, scene.broker, scene.risk), "equity", "funding")


# Money


@given(scene=anything)
def test_cash_is_conserved_over_symbols(scene):
    ledger = scene.played()
    fills = ledger.fills
    spent = fsum(fills.side * fills.price * fills.quantity) + fsum(fills.fee) + fsum(ledger.funding)

    assert ledger.initial - spent == pytest.approx(ledger.cash, rel=1e-9, abs=1e-9 * ledger.initial)
    np.testing.assert_allclose(ledger.funding, ledger.funding_by_symbol.sum(axis=0), rtol=1e-9)


@given(scene=anything)
def test_equity_is_cash_and_positions_at_their_last_closes(scene):
    ledger = scene.played()
    fills, times = ledger.fills, times_of(scene)
    flows = -fills.side * fills.quantity * fills.price - fills.fee
    for k, now in enumerate(times):
        worth = ledger.initial + fsum(flows[fills.time <= now]) - fsum(ledger.funding[: k + 1])
        for symbol, listing in enumerate(scene.listings):
            own = np.flatnonzero((fills.symbol == symbol) & (fills.time <= now))
            if len(own):
                worth += fills.held[own[-1]] * listing.bars.close[listing.bars.time <= now][-1]
        assert ledger.equity[k] == pytest.approx(worth, rel=1e-9, abs=1e-9 * ledger.initial)


@given(scene=anything)
def test_the_account_never_owes(scene):
    """Isolated margin, and spot all the more: whatever happens, the worst is that everything is gone."""
    ledger = scene.played()
    owed = 1e-9 * max(ledger.initial, ledger.equity.max(initial=0.0))

    assert (ledger.equity >= -owed).all()


@given(scene=anything)
def test_no_position_loses_more_than_its_margin(scene):
    scene = scene._replace(listings=[listing._replace(rates={}) for listing in scene.listings])
    for position in positions_of(scene.played().fills):
        if position.is_closed:
            margin = position.value_of_entries / scene.broker.leverage
            assert position.result >= -margin * (1 + 1e-9)


@given(scene=anything)
def test_free_cash_is_never_negative(scene):
    """What all positions were bought for and the margins set aside for them come out of the cash there is."""
    scene = scene._replace(listings=[listing._replace(rates={}) for listing in scene.listings])
    ledger = scene.played()
    for moment in moments_of(scene, ledger):
        free = moment.cash
        for position in moment.open.values():
            free += position.side * position.cost - position.cost / scene.broker.leverage
        assert free >= -1e-9 * ledger.initial


# Limits


@given(scene=anything)
def test_limits_hold_at_every_entry(scene):
    risk = scene.risk
    for moment in moments_of(scene, scene.played()):
        position = moment.open.get(moment.symbol)
        if not moment.is_entry:
            continue
        most = moment.equity * (1 + 1e-9)
        assert len(moment.open) <= risk.max_open_positions
        assert position.entries <= risk.max_entries
        assert position.held * moment.price <= risk.max_symbol_exposure * most
        assert moment.exposure <= risk.max_total_exposure * most


@given(scene=anything)
def test_after_a_close_a_symbol_is_left_alone_for_the_cooldown(scene):
    closed = {}
    for moment in moments_of(scene, scene.played()):
        if moment.is_entry and moment.open[moment.symbol].entries == 1:
            assert moment.time >= closed.get(moment.symbol, -inf) + scene.risk.cooldown
        if moment.symbol not in moment.open:
            closed[moment.symbol] = moment.time


@given(scene=anything)
def test_the_account_takes_no_more_than_its_share_of_a_bars_volume(scene):
    fills = scene.played().fills
    taken = Counter()
    for k in range(len(fills)):
        if fills.reason[k] not in {Reason.LIQUIDATION, Reason.DELISTED}:
            taken[fills.symbol[k], fills.bar[k]] += fills.quantity[k]
    for (symbol, bar), quantity in taken.items():
        volume = scene.listings[symbol].bars.volume[bar]
        assert scene.broker.volume_share == inf or quantity <= scene.broker.volume_share * volume * (1 + 1e-12)


@given(scene=anything)
def test_an_exchange_would_take_every_order(scene):
    """As decimals, as they are written down: a liquidation alone has a price of its own."""
    for moment in moments_of(scene, scene.played()):
        filters = scene.listings[moment.symbol].filters
        price, quantity = (Fraction(repr(float(number))) for number in (moment.price, moment.quantity))
        held = Fraction(repr(moment.held))
        assert not filters.tick or moment.reason == Reason.LIQUIDATION or price % filters.tick == 0
        assert not filters.lot or quantity % filters.lot == held % filters.lot == 0
        assert not moment.is_entry or moment.price * moment.quantity >= filters.min_notional
        if moment.is_entry and filters.brackets:
            allowed = [bracket.notional for bracket in filters.brackets if bracket.leverage >= scene.broker.leverage]
            assert moment.open[moment.symbol].held * moment.price <= max(allowed) * (1 + 1e-9)


# Fills


@given(scene=anything)
def test_fills_of_one_time_come_in_the_order_of_events(scene):
    """Times never go back, and once an exit within the bar is filled no entry of that time follows."""
    fills = scene.played().fills

    assert (np.diff(fills.time) >= 0).all()
    for symbol, listing in enumerate(scene.listings):
        own = fills.of(symbol)
        assert (own.bar > 0).all()
        np.testing.assert_array_equal(own.time, listing.bars.time[own.bar])


@given(scene=anything)
def test_no_fill_but_of_a_liquidation_lies_further_outside_its_bar_than_a_tick(scene):
    fills = scene.played().fills
    for k in np.flatnonzero(fills.reason != Reason.LIQUIDATION):
        listing = scene.listings[fills.symbol[k]]
        low, high = listing.bars.low[fills.bar[k]], listing.bars.high[fills.bar[k]]
        tick = float(listing.filters.tick)
        assert low - tick * (1 + 1e-9) <= fills.price[k] <= high + tick * (1 + 1e-9)


@given(scene=scripted)
def test_no_limit_is_exceeded(scene):
    for moment in moments_of(scene, scene.played()):
        if moment.is_entry:
            limit = scene.listings[moment.symbol].script[moment.bar - 1].limit
            assert isnan(limit) or moment.side * moment.price <= moment.side * limit


@given(scene=scripted)
def test_every_entry_that_comes_about_is_filled_or_refused(scene):
    """Each market order for an entry has one outcome: there is no third."""
    ledger = scene.played()
    outcomes = Counter((m.symbol, m.bar) for m in moments_of(scene, ledger) if m.is_entry)
    outcomes += Counter(zip(ledger.refusals.symbol.tolist(), ledger.refusals.bar.tolist(), strict=True))
    for symbol, listing in enumerate(scene.listings):
        for bar, order in enumerate(listing.script[:-1], start=1):
            if order.side and isnan(order.limit) and isnan(order.trigger):
                assert outcomes.pop((symbol, bar)) == 1
    assert all(count == 1 for count in outcomes.values())


@given(scene=anything)
def test_a_delisted_symbol_is_held_no_longer_than_it_is_listed(scene):
    ledger = scene.played()
    for symbol, listing in enumerate(scene.listings):
        own = ledger.fills.of(symbol)
        if listing.delisted and len(own):
            assert own.held[-1] == 0.0


# What a result may depend on


@given(scene=anything, hours=st.integers(0, 40))
def test_what_comes_later_changes_nothing(scene, hours):
    until = hours * 3_600_000
    whole, part = scene.played(), scene._replace(listings=[one.part(until) for one in scene.listings]).played()
    known = {name: int(np.count_nonzero(getattr(whole, name).time < until)) for name in ("fills", "refusals")}

    assert part.equity.tobytes() == whole.equity[: len(part.equity)].tobytes()
    assert len(part.equity) == np.count_nonzero(times_of(scene) < until)
    for name, columns in (("fills", fields(Fills)), ("refusals", fields(Refusals))):
        for column in columns:
            mine, all_ = (getattr(getattr(ledger, name), column.name) for ledger in (part, whole))
            assert mine.tobytes() == all_[: known[name]].tobytes(), column.name


@given(scene=anything, idle=listings(("signals",)), first=st.booleans())
def test_a_symbol_that_never_trades_changes_nothing(scene, idle, first):
    none = np.zeros(len(idle.bars), dtype=np.bool_)
    idle = idle._replace(signals=Signals(none, none), rates={})
    alone = scene.played()
    beside = scene._replace(listings=[idle, *scene.listings] if first else [*scene.listings, idle]).played()
    shared = np.isin(times_of(scene._replace(listings=[*scene.listings, idle])), times_of(scene))

    assert beside.equity[shared].tobytes() == alone.equity.tobytes()
    fills = replace(beside.fills, symbol=beside.fills.symbol - first)
    for column in fields(Fills):
        assert getattr(fills, column.name).tobytes() == getattr(alone.fills, column.name).tobytes()


@given(scene=anything)
def test_the_order_of_the_symbols_matters_only_where_there_is_not_enough_for_all(scene):
    risk = replace(
        scene.risk,
        sizing=Sizing(0.001),
        max_open_positions=len(scene.listings),
        max_symbol_exposure=inf,
        max_total_exposure=inf,
    )
    forwards = [one._replace(filters=NO_FILTERS) for one in scene.listings]
    one, other = (
        AccountScene(order, replace(scene.broker, volume_share=inf), risk).played()
        for order in (forwards, forwards[::-1])
    )

    np.testing.assert_allclose(one.equity, other.equity, rtol=1e-9)
    for symbol in range(len(forwards)):
        mine, others = one.fills.of(symbol), other.fills.of(len(forwards) - 1 - symbol)
        np.testing.assert_array_equal(mine.bar, others.bar)
        np.testing.assert_array_equal(mine.reason, others.reason)
        np.testing.assert_allclose(mine.quantity, others.quantity, rtol=1e-9)


@given(scene=anything)
def test_limits_that_cannot_bind_change_nothing(scene):
    loose = replace(scene.risk, max_symbol_exposure=1e9, max_total_exposure=1e9)
    none = replace(scene.risk, max_symbol_exposure=inf, max_total_exposure=inf)

    assert_same_bits(scene._replace(risk=loose).played(), scene._replace(risk=none).played(), "equity", "funding")


# Reading a ledger


def times_of(scene):
    return np.unique(np.concatenate([listing.bars.time for listing in scene.listings]))


@dataclass
class OpenPosition:
    """A position as its fills tell of it; `cost` is what is held of it at the average price of its entries."""

    side: float
    held: float = 0.0
    cost: float = 0.0
    entries: int = 0
    value_of_entries: float = 0.0
    result: float = 0.0
    """What it brought less what it cost, without the fees of its entries, which the free cash has paid."""
    is_closed: bool = False


def positions_of(fills):
    """All positions, as their fills leave them."""
    positions = {}
    for k in range(len(fills)):
        followed(positions.setdefault(int(fills.position[k]), OpenPosition(float(fills.side[k]))), fills, k)
    return positions.values()


def followed(position, fills, k):
    """Take the position on by one fill; whether that was an entry."""
    value = float(fills.quantity[k] * fills.price[k])
    entry = fills.side[k] == position.side
    if entry:
        position.entries += 1
        position.cost += value
        position.value_of_entries += value
    else:
        position.cost *= abs(float(fills.held[k])) / position.held
    position.result -= float(fills.side[k]) * value + (0.0 if entry else float(fills.fee[k]))
    position.held = abs(float(fills.held[k]))
    position.is_closed = position.held == 0.0
    return entry


@dataclass
class Moment:
    """A fill, and the account right after it; `equity` is the account's before the entries of that time were decided."""

    symbol: int
    bar: int
    time: int
    side: float
    price: float
    quantity: float
    held: float
    reason: Reason
    is_entry: bool
    cash: float
    open: dict[int, OpenPosition] = field(repr=False)
    equity: float
    exposure: float
    """Of all positions, at the price of this fill and, of the others, the last known ones."""


def moments_of(scene, ledger):
    """Follow the account through its fills."""
    fills, times = ledger.fills, times_of(scene)
    funding = np.cumsum(ledger.funding) if len(ledger.funding) else np.zeros(len(times))
    flows, positions, marks = 0.0, {}, defaultdict(float)
    now, equity = -1, ledger.initial
    for k in range(len(fills)):
        if fills.time[k] != now:
            now, entered = int(fills.time[k]), False
            before = int(np.searchsorted(times, now))
            marks = {symbol: last_close(scene.listings[symbol], now) for symbol in positions}
        cash = ledger.initial + flows - (float(funding[before - 1]) if before else 0.0)
        symbol, price = int(fills.symbol[k]), float(fills.price[k])
        position = positions.setdefault(symbol, OpenPosition(float(fills.side[k])))
        if not entered:
            equity = cash + fsum(p.side * p.held * marks[s] for s, p in positions.items() if p.held)
        is_entry = followed(position, fills, k)
        entered = entered or is_entry
        marks[symbol] = price
        value = float(fills.side[k] * fills.quantity[k]) * price + float(fills.fee[k])
        flows -= value
        if position.is_closed:
            del positions[symbol]
        yield Moment(
            symbol,
            int(fills.bar[k]),
            now,
            float(fills.side[k]),
            price,
            float(fills.quantity[k]),
            float(fills.held[k]),
            Reason(fills.reason[k]),
            is_entry,
            cash - value,
            positions,
            equity,
            fsum(p.held * marks[s] for s, p in positions.items()),
        )


def last_close(listing, now):
    return float(listing.bars.close[listing.bars.time < now][-1])
