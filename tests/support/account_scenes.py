"""Random accounts: symbols with histories of their own, signals or scripted orders, limits, filters, margin and funding."""

from dataclasses import replace
from fractions import Fraction
from math import inf, nan
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from markets import HOUR, bars_of, moves, protections, scales, wishes
from naive_account import Bar, NaiveAccount, Symbol

from tidewright.domain.account import Book, trade_account
from tidewright.domain.bars import Bars
from tidewright.domain.costs import Bracket, Broker, Filters, Funding, Risk, Sizing
from tidewright.domain.orders import Order, hold
from tidewright.domain.strategies.strategy import Signals
from tidewright.domain.watching import Watch, WatchFunction


def follow_script(_state, _position, view):
    """Ask for what stands in the columns."""
    return Order(view.side, view.size, view.limit, view.trigger, view.stop, view.target, view.leave)


COMPILED = WatchFunction(follow_script, (), Order._fields, ())
PLAIN = WatchFunction(follow_script, (), Order._fields, (), compile_it=False)


class Listing(NamedTuple):
    """One symbol: its bars, and its signals or a script of orders, one for each bar's close."""

    bars: Bars
    signals: Signals | None
    script: list[Order] | None
    rates: dict[int, float]
    filters: Filters
    rank: np.ndarray | None
    delisted: bool

    def book(self, function=COMPILED):
        return Book(
            self.bars,
            self.signals,
            None if self.script is None else Watch(function, np.array(self.script).reshape(-1, 7).T, [], []),
            self.funding,
            self.filters,
            self.rank,
            self.delisted,
        )

    @property
    def funding(self):
        """Each rate falls due at its bar's close, published with some jitter."""
        if not self.rates:
            return None
        times = [int(self.bars.time[bar]) + HOUR + 7 for bar in self.rates]
        return Funding(np.array(times, dtype=np.int64), np.array([*self.rates.values()]))

    def part(self, until):
        """What was there before the time `until`."""
        n = int(np.searchsorted(self.bars.time, until))
        signals = self.signals
        if signals is not None:
            signals = Signals(**{name: array[:n] for name, array in signals.by_name().items()})
        return self._replace(
            bars=self.bars.part(0, n),
            signals=signals,
            script=None if self.script is None else self.script[:n],
            rates={bar: rate for bar, rate in self.rates.items() if bar < n},
            rank=None if self.rank is None else self.rank[:n],
            delisted=self.delisted and n == len(self.bars),
        )


class AccountScene(NamedTuple):
    listings: list[Listing]
    broker: Broker
    risk: Risk

    def played(self, function=COMPILED):
        return trade_account([listing.book(function) for listing in self.listings], self.broker, self.risk)

    def judged(self):
        """What the naive account does."""
        symbols = [_naive(index, listing) for index, listing in enumerate(self.listings)]
        return NaiveAccount(symbols, self.broker, self.risk).trade()


def _naive(index, listing):
    bars = [Bar(*row) for row in zip(*(getattr(listing.bars, name).tolist() for name in Bar._fields), strict=True)]
    signals = None
    if listing.signals is not None:
        none = np.zeros(len(bars), dtype=np.bool_)
        by_name = listing.signals.by_name()
        signals = [
            *zip(*(by_name.get(name, none) for name in ("enter", "exit", "enter_short", "exit_short")), strict=True)
        ]
    ranks = None if listing.rank is None else listing.rank.tolist()
    return Symbol(index, bars, listing.script, signals, listing.rates, listing.filters, ranks, listing.delisted)


# What is drawn

often_inf = st.just(inf) | st.just(inf)
filters = st.builds(
    Filters,
    tick=st.sampled_from(
        [Fraction(0), Fraction(0), Fraction(1, 10), Fraction(1, 4), Fraction(5), Fraction(1, 100_000)]
    ),
    lot=st.sampled_from([Fraction(0), Fraction(0), Fraction(1, 1000), Fraction(1, 10), Fraction(1, 4), Fraction(5)]),
    min_notional=st.sampled_from([0.0, 0.0, 100.0]),
    brackets=st.just(())
    | st.just((Bracket(4_000.0, 25.0, 0.004), Bracket(20_000.0, 10.0, 0.01), Bracket(100_000.0, 2.0, 0.05))),
)
brokers = st.builds(
    Broker,
    cash=st.sampled_from([10_000.0, 12_345.67, 1.0]),
    commission=st.sampled_from([0.0, 0.001, 0.05]),
    slippage=st.sampled_from([0.0, 0.0005, 0.01]),
    maker_commission=st.sampled_from([None, 0.0, 0.0002, 0.002]),
    leverage=st.sampled_from([1.0, 1.0, 2.0, 3.0, 10.0, 25.0]),
    maintenance_margin=st.sampled_from([0.0, 0.005, 0.02]),
    volume_share=often_inf | st.sampled_from([0.1, 0.5, 1.0]),
)


@st.composite
def risks(draw):
    of_one = draw(protections())
    if of_one["sizing"].fraction and draw(st.booleans()):
        of_one["sizing"] = Sizing(draw(st.sampled_from([0.1, 0.2, 0.3])))
    return Risk(
        **of_one,
        max_open_positions=draw(st.integers(1, 4)),
        max_entries=draw(st.integers(1, 3)),
        cooldown=draw(st.sampled_from([0, 0, HOUR, 3 * HOUR])),
        max_symbol_exposure=draw(often_inf | st.sampled_from([0.25, 1.0, 3.0])),
        max_total_exposure=draw(often_inf | st.sampled_from([0.5, 1.5])),
    )


@st.composite
def orders(draw, close, scale):
    """An order at a bar's close; its prices are some ticks from that close, so that bars come to them."""

    def near(reach):
        return max(close + draw(st.integers(-reach, reach)), 1) * scale

    kind = draw(st.sampled_from(["none", "none", "market", "limit", "trigger", "leave", "protect", "turn"]))
    if kind == "none":
        return hold()
    order = hold()._replace(
        stop=near(15) if draw(st.booleans()) else nan, target=near(15) if draw(st.booleans()) else nan
    )
    if kind == "protect":
        return order
    if kind == "leave":
        return hold()._replace(leave=1.0)
    order = order._replace(
        side=draw(st.sampled_from([1.0, 1.0, -1.0])), size=draw(st.sampled_from([1.0, 1.0, 0.5, 2.0]))
    )
    if kind == "turn":
        return order._replace(leave=1.0)
    return order if kind == "market" else order._replace(**{kind: near(8)})


@st.composite
def listings(draw, kinds=("signals", "script"), longest=14):
    rows = draw(st.lists(moves, max_size=longest))
    scale = draw(scales)
    volumes = draw(st.lists(st.sampled_from([0.0, 3.0, 40.0, 1e6]), min_size=len(rows), max_size=len(rows)))
    bars = bars_of(rows, scale, volumes, start=draw(st.sampled_from([0, 0, 3, 8])) * HOUR)
    signals, script = None, None
    if draw(st.sampled_from(kinds)) == "signals":
        signals = draw(signals_for(len(bars)))
    else:
        script = [draw(orders(round(float(close) / scale), scale)) for close in bars.close]
    rates = st.sampled_from([0.0, 0.001, -0.001, 0.05])
    ranks = st.sampled_from([0.0, 1.0, 2.0, nan])
    by_bar = draw(st.just([]) | st.lists(rates, min_size=len(bars), max_size=len(bars)))
    rank = draw(st.none() | st.lists(ranks, min_size=len(bars), max_size=len(bars)))
    return Listing(
        bars,
        signals,
        script,
        {bar: rate for bar, rate in enumerate(by_bar) if rate},
        draw(st.just(Filters()) | filters),
        None if rank is None else np.array(rank, dtype=np.float64),
        draw(st.booleans()),
    )


@st.composite
def signals_for(draw, count):
    both = draw(st.lists(st.tuples(wishes, wishes), min_size=count, max_size=count))
    columns = np.array(both, dtype=np.bool_).reshape(-1, 4).T.copy()
    return Signals(*columns) if draw(st.booleans()) else Signals(columns[0], columns[1])


@st.composite
def account_scenes(draw, kinds=("signals", "script"), most=4):
    drawn = draw(st.lists(listings(kinds), min_size=1, max_size=most))
    return AccountScene(drawn, draw(brokers), draw(risks()))


def without_limits(scene):
    """The same scene on the kernel's terms: one position at a time, no filters, no limits, no cap on the volume."""
    listings = [listing._replace(filters=Filters(), rank=None, delisted=False) for listing in scene.listings]
    risk = replace(scene.risk, max_entries=1, cooldown=0, max_symbol_exposure=inf, max_total_exposure=inf)
    return AccountScene(listings, replace(scene.broker, volume_share=inf), risk)
