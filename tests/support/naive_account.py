"""A second account, to judge `tidewright.domain.account` by: one bar after the other, in plain Python.

It shares the descriptions of terms, orders and reasons with the first and nothing else. What a position's stop, target and maintenance margin are is derived anew from its
entries at every bar; ticks and lots are fractions, and a bracket's margin is what progressive rates add up to.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor, inf, isnan
from typing import NamedTuple

from tidewright.domain.ledger import Reason, Refusal
from tidewright.domain.orders import Order, hold

MARKET_AT_OPEN, WITHIN = "at the open", "within the bar"
DUST = 1e-9


class Bar(NamedTuple):
    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Fill(NamedTuple):
    symbol: int
    bar: int
    position: int
    reason: Reason
    price: float
    signed_quantity: float
    fee: float
    held: float


class Refused(NamedTuple):
    symbol: int
    bar: int
    side: int
    reason: Refusal


@dataclass
class Position:
    number: int
    side: float
    bar: int
    time: int
    held: float
    average: float
    gone: float
    """Signed price at which the margin is gone."""
    peak: float
    entries: int = 1
    trailing: float | None = None
    own_stop: float | None = None
    own_target: float | None = None
    target_set_in: int = -1
    leaving: Reason | None = None
    """Of an exit that the volume has not let through yet."""
    came_within: float | None = None
    """The price of an entry within the present bar."""
    by_limit: bool = False


@dataclass
class Symbol:
    index: int
    bars: list[Bar]
    orders: list[Order] | None
    """A step strategy's, by the bar at whose close they were given; or `signals`."""
    signals: list[tuple[bool, bool, bool, bool]] | None
    rates: dict[int, float]
    filters: object
    ranks: list[float] | None
    delisted: bool
    position: Position | None = None
    closed_at: int | None = None
    used: float = 0.0
    at: dict[int, int] = field(default_factory=dict)
    entered_at: dict[int, float] = field(default_factory=dict)
    order: Order = field(default_factory=hold)

    def __post_init__(self):
        self.at = {bar.time: index for index, bar in enumerate(self.bars)}

    def known_price(self, now):
        """The last close before `now`."""
        return [bar.close for bar in self.bars if bar.time < now][-1]

    def asked(self, i):
        """What was asked for at the close before bar `i`."""
        if self.orders is not None:
            return self.orders[i - 1]
        enter, leave, enter_short, leave_short = self.signals[i - 1]
        enter, enter_short = enter and not leave, enter_short and not leave_short
        side = 0.0 if enter == enter_short else 1.0 if enter else -1.0
        held = self.position.side if self.position else 0.0
        out = leave if held > 0 else leave_short if held < 0 else False
        return hold()._replace(side=side, leave=float(out))

    def rank(self, i):
        return 0.0 if self.ranks is None else self.ranks[i - 1]

    # On the exchange's units; a float stands for the shortest decimal that names it.

    def tick_below(self, signed):
        return down_to(signed, self.filters.tick)

    def tick_above(self, signed):
        return -down_to(-signed, self.filters.tick)

    def maintenance(self, notional, share):
        """Each part of the position's value at the rate of the bracket that it lies in."""
        if not self.filters.brackets:
            return share * notional
        total, below = 0.0, 0.0
        for k, bracket in enumerate(self.filters.brackets):
            last = k == len(self.filters.brackets) - 1
            part = min(notional, inf if last else bracket.notional) - below
            total += max(part, 0.0) * bracket.maintenance_margin
            below = bracket.notional
        return total


def down_to(value, unit):
    if not unit or value in {inf, -inf}:
        return value
    return float(floor(Fraction(repr(value)) / unit) * unit)


def total(unit, *quantities):
    """A sum of quantities; in lots, exactly."""
    return float(sum(Fraction(repr(quantity)) for quantity in quantities)) if unit else sum(quantities)


class NaiveAccount:
    def __init__(self, symbols, broker, risk):
        self.symbols, self.broker, self.risk, self.cash = symbols, broker, risk, broker.cash
        self.maker = broker.commission if broker.maker_commission is None else broker.maker_commission
        self.margin = 1.0 / broker.leverage
        self.opened, self.fills, self.refused, self.equity, self.funding = 0, [], [], [], 0.0

    def trade(self):
        for now in sorted({bar.time for symbol in self.symbols for bar in symbol.bars}):
            present = [symbol for symbol in self.symbols if symbol.at.get(now, 0) > 0]
            for symbol in present:
                symbol.used = 0.0
                self.at_the_open(symbol, symbol.at[now])
            self.enter(present, now)
            for symbol in present:
                self.within_the_bar(symbol, symbol.at[now])
            self.equity.append(self.cash + sum(self.value_of(symbol, now + 1) for symbol in self.symbols))
        return self

    def value_of(self, symbol, now):
        held = symbol.position
        return held.side * held.held * symbol.known_price(now) if held else 0.0

    # Exits at the open

    def at_the_open(self, symbol, i):
        symbol.order, bar, held = symbol.asked(i), symbol.bars[i], symbol.position
        if held is None:
            return
        held.came_within = None
        if symbol.order.leave or held.leaving is not None:
            price = self.slipped(-held.side, bar.open, bar)
            if self.ruined(symbol, held.side * bar.open) or self.beyond_margin(held, price, self.broker.commission):
                self.take_over(symbol, i)
            else:
                reason = Reason.SIGNAL if held.leaving is None else held.leaving
                self.leave(symbol, i, price, reason, self.broker.commission)
        elif symbol.orders is not None and not symbol.order.side:
            self.take_levels(symbol, i)

    def take_levels(self, symbol, i):
        held, order = symbol.position, symbol.order
        if not isnan(order.stop):
            held.own_stop, held.trailing = held.side * order.stop, None
        if not isnan(order.target):
            held.own_target, held.target_set_in = held.side * order.target, i

    # Entries

    def enter(self, present, now):
        waiting = [symbol for symbol in present if self.wants_in(symbol)]
        ranks = {symbol.index: symbol.rank(symbol.at[now]) for symbol in waiting}
        waiting.sort(key=lambda symbol: (isnan(ranks[symbol.index]), -ranks[symbol.index]))
        equity, tried = self.cash, set()
        for symbol in self.symbols:
            equity += self.value_of(symbol, now)
        for phase in (MARKET_AT_OPEN, WITHIN):
            for symbol in waiting:
                i = symbol.at[now]
                found = self.entry_price(symbol.order, symbol, symbol.bars[i], phase)
                if found and symbol.index not in tried:
                    tried.add(symbol.index)
                    why = self.try_entry(symbol, i, phase, *found, equity, now)
                    if why is not None:
                        self.refused.append(Refused(symbol.index, i, int(symbol.order.side), why))

    def wants_in(self, symbol):
        order, held = symbol.order, symbol.position
        if not order.side:
            return False
        if symbol.signals is not None and held and not order.leave:
            return order.side == held.side and held.entries < self.risk.max_entries
        return True

    def entry_price(self, order, symbol, bar, phase):
        """The signed price that the market has to come to, and that of the fill; None if it does not."""
        side = order.side
        first, worst, best = sorted_prices(side, bar)
        if not isnan(order.limit):
            limit = symbol.tick_below(side * order.limit)
            if phase == MARKET_AT_OPEN:
                market = symbol.tick_above(side * self.slipped(side, bar.open, bar))
                return (first, min(market, limit)) if first <= limit else None
            return (limit, limit) if worst <= limit else None
        if not isnan(order.trigger):
            trigger = symbol.tick_above(side * order.trigger)
            reached = first if phase == MARKET_AT_OPEN else trigger
            if (first if phase == MARKET_AT_OPEN else best) < trigger:
                return None
            return reached, symbol.tick_above(side * self.slipped(side, side * reached, bar))
        if phase == MARKET_AT_OPEN:
            return first, symbol.tick_above(side * self.slipped(side, bar.open, bar))
        return None

    def try_entry(self, symbol, i, phase, reached, price, equity, now):
        """Fill it, or say why not."""
        bar, price = symbol.bars[i], abs(price)
        by_limit = phase == WITHIN and not isnan(symbol.order.limit)
        why = self.refused_outright(symbol, bar, reached, by_limit)
        if why is not None:
            return why
        rate = self.maker if by_limit else self.broker.commission
        quantity, why = self.admitted(symbol, price, rate, equity, now, bar)
        if why is not None:
            return why
        self.bought(symbol, i, price, quantity, rate)
        symbol.position.came_within = price if phase == WITHIN else None
        symbol.position.by_limit = by_limit
        return None

    def refused_outright(self, symbol, bar, reached, by_limit):  # noqa: PLR0911 - one return a refusal
        """Why there is no entry whatever its size."""
        side, held, risk = symbol.order.side, symbol.position, self.risk
        if held and held.leaving is not None:
            return Refusal.LEAVING
        if held and held.side != side:
            return Refusal.OTHER_SIDE
        if held and held.entries >= risk.max_entries:
            return Refusal.MAX_ENTRIES
        if held:
            return Refusal.LEAVING if self.leaves_before(symbol, bar, reached, by_limit) else None
        if symbol.closed_at is not None and bar.time < symbol.closed_at + risk.cooldown:
            return Refusal.COOLDOWN
        if sum(other.position is not None for other in self.symbols) >= risk.max_open_positions:
            return Refusal.MAX_OPEN_POSITIONS
        return None

    def leaves_before(self, symbol, bar, reached, by_limit):
        """Whether the position may be left before the price comes to where it would be added to."""
        target = self.target(symbol, bar.time)[0]
        _, _, best = sorted_prices(symbol.position.side, bar)
        if reached <= self.stop(symbol)[0] or self.ruined(symbol, reached) or reached >= target:
            return True
        return by_limit and best >= target

    def admitted(self, symbol, price, rate, equity, now, bar):
        order, risk, broker, held = symbol.order, self.risk, self.broker, symbol.position
        side, have = order.side, held.held if held else 0.0
        stop = price * (1 - side * risk.stop_loss) if isnan(order.stop) else order.stop
        if risk.sizing.risk:
            if side * stop >= side * price:
                return 0.0, Refusal.NO_STOP
            opened = price * (1 + side * broker.commission)
            closed = stop * (1 - side * broker.slippage) * (1 - side * broker.commission)
            wanted = order.size * (risk.sizing.risk * equity / (side * (opened - closed)))
        else:
            wanted = order.size * (risk.sizing.fraction * equity / (price * (self.margin + broker.commission)))
        free = self.free()
        most = {Refusal.NO_CASH: min(wanted, free / (price * (self.margin + rate)))}
        if self.margin * most[Refusal.NO_CASH] * price + most[Refusal.NO_CASH] * price * rate > free:
            most[Refusal.NO_CASH] *= 1 - 2**-50
        if risk.max_symbol_exposure < inf:
            most[Refusal.SYMBOL_EXPOSURE] = risk.max_symbol_exposure * equity / price - have
        if risk.max_total_exposure < inf:
            most[Refusal.TOTAL_EXPOSURE] = (risk.max_total_exposure * equity - self.exposure(now)) / price
        allowed = [bracket.notional for bracket in symbol.filters.brackets if bracket.leverage >= broker.leverage]
        notional = max(allowed, default=0.0) if symbol.filters.brackets else inf
        most[Refusal.LEVERAGE_BRACKET] = notional / price - have
        most[Refusal.NO_VOLUME] = self.volume_left(symbol, bar)
        # Of equal limits the first to be asked is the one that is named.
        why = min(most, key=most.__getitem__)
        if most[why] * price <= DUST * equity:
            return 0.0, why
        quantity = down_to(most[why], symbol.filters.lot)
        if quantity <= 0:
            return 0.0, Refusal.BELOW_LOT
        return quantity, Refusal.BELOW_MIN_NOTIONAL if quantity * price < symbol.filters.min_notional else None

    def free(self):
        """Cash that is no position's margin."""
        free = self.cash
        for symbol in self.symbols:
            free += symbol.position.held * symbol.position.gone if symbol.position else 0.0
        return free

    def exposure(self, now):
        """Of positions at their last known prices, those entered at this time at that of their entry."""
        value = 0.0
        for symbol in self.symbols:
            if symbol.position:
                value += symbol.position.held * symbol.entered_at.get(now, symbol.known_price(now))
        return value

    def volume_left(self, symbol, bar):
        share = self.broker.volume_share
        return inf if share == inf else share * bar.volume - symbol.used

    def bought(self, symbol, i, price, quantity, rate):
        order, held, bar = symbol.order, symbol.position, symbol.bars[i]
        side, value = order.side, quantity * price
        fee = value * rate
        gone = side * (price * (1 - side * self.margin))
        if held is None:
            held = Position(self.opened, side, i, bar.time, quantity, price, gone, peak=side * price)
            symbol.position = held
            self.opened += 1
            self.raise_trailing(symbol, self.fixed_stop(held))
        else:
            new = total(symbol.filters.lot, held.held, quantity)
            held.average = (held.held * held.average + value) / new
            held.gone = (held.held * held.gone + quantity * gone) / new
            held.held, held.entries = new, held.entries + 1
            if held.trailing is not None and held.own_stop is None and self.fixed_stop(held) > held.trailing:
                held.trailing = None
        symbol.entered_at = {bar.time: price}
        self.take_levels(symbol, i)
        self.cash -= side * value + fee
        self.filled(symbol, i, held, Reason.SIGNAL, price, side * quantity, fee)

    # Exits within the bar

    def within_the_bar(self, symbol, i):
        bar, held = symbol.bars[i], symbol.position
        if held:
            self.protect(symbol, i)
        if symbol.position and (rate := symbol.rates.get(i)):
            left = held.held * (held.side * bar.close - held.gone)
            paid = min(held.side * held.held * bar.close * rate, left)
            held.gone += paid / held.held
            self.cash -= paid
            self.funding += paid
        if symbol.position and symbol.delisted and i == len(symbol.bars) - 1:
            price = self.slipped(-held.side, bar.close, bar)
            if self.ruined(symbol, held.side * bar.close) or self.beyond_margin(held, price, self.broker.commission):
                self.take_over(symbol, i)
            else:
                self.leave(symbol, i, price, Reason.DELISTED, self.broker.commission, inf)

    def protect(self, symbol, i):
        bar, held = symbol.bars[i], symbol.position
        first, worst, best = sorted_prices(held.side, bar)
        reached = best
        if held.came_within is not None:
            first = held.side * held.came_within
            reached = max(first, held.side * bar.close if held.by_limit else best)
        stop, why_stop = self.stop(symbol)
        target, why_target = self.target(symbol, bar.time)
        stopped = worst <= stop or self.ruined(symbol, worst)
        if held.leaving is not None:
            if self.ruined(symbol, worst):
                self.take_over(symbol, i)
        elif stopped and (first < target or first <= stop or self.ruined(symbol, first)):
            price = self.slipped(-held.side, held.side * min(first, stop), bar)
            if stop == -inf or self.ruined(symbol, stop) or self.beyond_margin(held, price, self.broker.commission):
                self.take_over(symbol, i)
            else:
                self.leave(symbol, i, price, why_stop, self.broker.commission)
        elif reached >= target:
            price, rate = held.side * max(first, target), self.maker
            if self.beyond_margin(held, price, rate):
                self.take_over(symbol, i)
                return
            if held.target_set_in == i and first > target:
                market, rate = held.side * self.slipped(-held.side, held.side * first, bar), self.broker.commission
                price = held.side * max(market, target)
            self.leave(symbol, i, price, why_target, rate)
        else:
            new = reached if held.bar == i else best
            if self.risk.trail_distance and new > held.peak:
                held.peak = new
                self.raise_trailing(symbol, stop)

    def fixed_stop(self, held):
        """The stop that is measured from the average entry price."""
        if not self.risk.stop_loss:
            return -inf
        return held.side * (held.average * (1 - held.side * self.risk.stop_loss))

    def stop(self, symbol):
        held = symbol.position
        fixed = symbol.tick_below(self.fixed_stop(held) if held.own_stop is None else held.own_stop)
        if held.trailing is not None and held.trailing >= fixed:
            return held.trailing, Reason.TRAILING_STOP
        return fixed, Reason.STOP_LOSS

    def raise_trailing(self, symbol, stop):
        held, risk = symbol.position, self.risk
        if not risk.trail_distance:
            return
        if held.peak >= held.side * (held.average * (1 + held.side * risk.trail_activation)):
            level = held.peak * (1 - held.side * risk.trail_distance)
            if level > stop:
                held.trailing = symbol.tick_below(level)

    def target(self, symbol, now):
        held, risk = symbol.position, self.risk
        goal = held.own_target
        if goal is None:
            goal = held.side * (held.average * (1 + held.side * risk.take_profit)) if risk.take_profit else inf
        goal = symbol.tick_above(goal)
        rungs = [rung.profit for rung in risk.roi if now - held.time >= rung.after]
        wish = held.side * (held.average * (1 + held.side * rungs[-1])) if rungs else inf
        return (symbol.tick_above(wish), Reason.ROI) if wish < goal else (goal, Reason.TAKE_PROFIT)

    # Margin

    def ruined(self, symbol, signed):
        """Whether no more than the maintenance margin is left at a signed price."""
        held = symbol.position
        needed = symbol.maintenance(held.held * abs(signed), self.broker.maintenance_margin) / held.held
        return signed - held.gone <= needed

    def beyond_margin(self, held, price, rate):
        return held.side * price - price * rate <= held.gone

    def take_over(self, symbol, i):
        held = symbol.position
        self.left(symbol, i, held.side * held.gone, held.held, Reason.LIQUIDATION, 0.0)

    def leave(self, symbol, i, price, reason, rate, volume=None):
        held = symbol.position
        price = held.side * symbol.tick_below(held.side * price)
        if self.beyond_margin(held, price, rate):
            self.take_over(symbol, i)
            return
        quantity = held.held
        volume = self.volume_left(symbol, symbol.bars[i]) if volume is None else volume
        if volume < quantity:
            quantity = down_to(volume, symbol.filters.lot) if volume > 0 else 0.0
            held.leaving = reason
        if quantity > 0:
            self.left(symbol, i, price, quantity, reason, quantity * price * rate)

    def left(self, symbol, i, price, quantity, reason, fee):
        held = symbol.position
        held.held = 0.0 if quantity == held.held else total(symbol.filters.lot, held.held, -quantity)
        self.cash += held.side * quantity * price - fee
        self.filled(symbol, i, held, reason, price, -held.side * quantity, fee)
        if not held.held:
            symbol.position, symbol.closed_at = None, symbol.bars[i].time

    # What both sides need

    def slipped(self, side, price, bar):
        worse = price * (1 + side * self.broker.slippage)
        return min(worse, bar.high) if side > 0 else max(worse, bar.low)

    def filled(self, symbol, i, held, reason, price, signed_quantity, fee):
        symbol.used += abs(signed_quantity)
        self.fills.append(
            Fill(symbol.index, i, held.number, reason, price, signed_quantity, fee, held.side * held.held)
        )


def sorted_prices(side, bar):
    """A bar's first, worst and best price, signed."""
    return (bar.open, bar.low, bar.high) if side > 0 else (-bar.open, -bar.high, -bar.low)
