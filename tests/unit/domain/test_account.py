"""What an account does with several symbols and any orders, one scene at a time.

A symbol is a handful of bars ``(open, high, low, close)`` an hour apart, with signals or with orders ``{bar at whose close it is given: order}``, and the fills
that follow are ``(symbol, bar, price, quantity, reason)``, the quantity of a sale negative.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import inf, nan

import numpy as np
import pytest

from tidewright.domain.account import Book, trade_account
from tidewright.domain.bars import Bars
from tidewright.domain.costs import Bracket, Broker, Filters, Funding, Risk, RoiStep, Sizing
from tidewright.domain.ledger import Reason, Refusal
from tidewright.domain.orders import Order, buy, hold, leave, protect, sell, turn
from tidewright.domain.strategies.strategy import Signals
from tidewright.domain.watching import Watch, WatchFunction

HOUR = 3_600_000
FLAT = (100, 100, 100, 100)
SIGNAL, STOP_LOSS, TRAILING_STOP, TAKE_PROFIT, ROI, LIQUIDATION, DELISTED = Reason


def _follow_script(_state, _position, view):
    return Order(view.side, view.size, view.limit, view.trigger, view.stop, view.target, view.leave)


SCRIPT = WatchFunction(_follow_script, (), Order._fields, (), compile_it=False)


@dataclass
class Symbol:
    """`rows` begin at the hour `start`; `gaps` are hours without a bar."""

    rows: list[tuple[float, ...]]
    enter: tuple[int, ...] = ()
    exit: tuple[int, ...] = ()
    orders: dict[int, Order] | None = None
    start: int = 0
    gaps: tuple[int, ...] = ()
    volume: float = 1e9
    also: dict = field(default_factory=dict)

    def book(self):
        n = len(self.rows)
        hours = [hour for hour in range(self.start, self.start + n + len(self.gaps)) if hour not in self.gaps]
        columns = np.array(self.rows, dtype=np.float64).reshape(-1, 4).T.copy()
        volume = np.broadcast_to(np.asarray(self.volume, dtype=np.float64), n).copy()
        bars = Bars(HOUR * np.array(hours, dtype=np.int64), *columns, volume, step=HOUR)
        if self.orders is not None:
            script = np.array([self.orders.get(bar, hold()) for bar in range(n)])
            return Book(bars, watch=Watch(SCRIPT, script.T, [], []), **self.also)
        at = np.arange(n)
        return Book(bars, Signals(np.isin(at, self.enter), np.isin(at, self.exit)), **self.also)


def symbol(*rows, **described):
    names = ("enter", "exit", "orders", "start", "gaps", "volume")
    also = {name: value for name, value in described.items() if name not in names}
    return Symbol([*rows], **{name: described[name] for name in names if name in described}, also=also)


def trade(*symbols, broker=None, sizing=1.0, **risk):
    broker = Broker(1_000.0) if broker is None else broker
    sizing = sizing if isinstance(sizing, Sizing) else Sizing(sizing)
    return trade_account([one.book() for one in symbols], broker, Risk(sizing=sizing, **risk))


def fills_of(ledger):
    fills = ledger.fills
    columns = (fills.symbol, fills.bar, fills.price, fills.side * fills.quantity, map(Reason, fills.reason))
    return [*zip(*columns, strict=True)]


def assert_fills(ledger, *expected):
    actual = fills_of(ledger)
    assert [(one, bar, reason) for one, bar, *_, reason in actual] == [
        (one, bar, reason) for one, bar, *_, reason in expected
    ]
    for fill, wanted in zip(actual, expected, strict=True):
        assert fill[2:4] == pytest.approx(wanted[2:4], rel=1e-12)


def refusals_of(ledger):
    refused = ledger.refusals
    return [*zip(refused.symbol.tolist(), refused.bar.tolist(), map(Refusal, refused.reason), strict=True)]


class TestSharingOneWallet:
    def test_who_ranks_higher_goes_first_and_the_rest_is_for_the_others(self):
        first = symbol(FLAT, FLAT, enter=(0,), rank=np.array([1.0, 0.0]))
        second = symbol((50, 50, 50, 50), (50, 50, 50, 50), enter=(0,), rank=np.array([2.0, 0.0]))
        ledger = trade(first, second, sizing=0.8, max_open_positions=2)

        assert_fills(ledger, (1, 1, 50, 16, SIGNAL), (0, 1, 100, 2, SIGNAL))
        assert ledger.fills.position.tolist() == [0, 1]
        assert ledger.cash == 0

    def test_equals_go_in_the_order_of_the_books_and_a_rank_that_is_not_a_number_last(self):
        unranked = [symbol(FLAT, FLAT, enter=(0,)) for _ in range(2)]
        assert [fill[0] for fill in fills_of(trade(*unranked, sizing=0.5, max_open_positions=2))] == [0, 1]

        ranks = (nan, -1.0, 3.0, 3.0)
        ranked = [symbol(FLAT, FLAT, enter=(0,), rank=np.array([rank, 0.0])) for rank in ranks]
        assert [fill[0] for fill in fills_of(trade(*ranked, sizing=0.2, max_open_positions=4))] == [2, 3, 1, 0]

    def test_who_comes_too_late_for_the_cash_is_refused(self):
        ledger = trade(*[symbol(FLAT, FLAT, enter=(0,)) for _ in range(2)], max_open_positions=2)

        assert_fills(ledger, (0, 1, 100, 10, SIGNAL))
        assert refusals_of(ledger) == [(1, 1, Refusal.NO_CASH)]
        assert (ledger.unfilled, ledger.refusals.quantity.tolist(), ledger.refusals.price.tolist()) == (1, [10], [100])

    def test_what_rounding_leaves_of_the_cash_buys_nothing(self):
        """Of 1,000 three times 30 % and the rest, with commission, leave some 1e-14."""
        books = [symbol((13, 13, 13, 13), (13, 13, 13, 13), enter=(0,)) for _ in range(6)]
        ledger = trade(*books, broker=Broker(1_000.0, commission=0.001), sizing=0.3, max_open_positions=6)

        assert len(ledger.fills) == 4
        assert 0 < ledger.cash < 1e-9
        assert [reason for *_, reason in refusals_of(ledger)] == [Refusal.NO_CASH] * 2

    def test_what_an_exit_at_the_open_brings_pays_for_an_entry_at_that_open(self):
        leaving = symbol(FLAT, FLAT, (120, 120, 120, 120), enter=(0,), exit=(1,))
        entering = symbol(FLAT, FLAT, FLAT, enter=(1,))
        ledger = trade(entering, leaving)

        assert_fills(ledger, (1, 1, 100, 10, SIGNAL), (1, 2, 120, -10, SIGNAL), (0, 2, 100, 12, SIGNAL))

    def test_what_a_stop_brings_comes_too_late_for_an_entry_of_the_same_bar(self):
        stopped = symbol(FLAT, FLAT, (100, 100, 90, 90), FLAT, enter=(0,))
        entering = symbol(FLAT, FLAT, FLAT, FLAT, enter=(1,))
        ledger = trade(entering, stopped, stop_loss=0.05, max_open_positions=2)

        assert_fills(ledger, (1, 1, 100, 10, SIGNAL), (1, 2, 95, -10, STOP_LOSS))
        assert refusals_of(ledger) == [(0, 2, Refusal.NO_CASH)]

    def test_entries_are_sized_on_what_the_account_was_worth_at_the_last_close(self):
        """Not on what the first symbol's bar, of which only the open is known, will have come to."""
        risen = symbol(FLAT, (100, 120, 100, 120), (130, 200, 130, 200), enter=(0,))
        other = symbol(FLAT, FLAT, FLAT, enter=(1,))
        ledger = trade(risen, other, sizing=0.3, max_open_positions=2)

        assert_fills(ledger, (0, 1, 100, 3, SIGNAL), (1, 2, 100, 0.3 * (700 + 3 * 120) / 100, SIGNAL))

    def test_no_more_positions_are_open_than_may_be(self):
        ledger = trade(*[symbol(FLAT, FLAT, enter=(0,)) for _ in range(3)], sizing=0.1, max_open_positions=2)

        assert [fill[0] for fill in fills_of(ledger)] == [0, 1]
        assert refusals_of(ledger) == [(2, 1, Refusal.MAX_OPEN_POSITIONS)]
        assert ledger.refusals.quantity.tolist() == [0]

    def test_exposure_is_cut_to_its_limits_and_refused_beyond_them(self):
        books = [symbol(FLAT, FLAT, enter=(0,)) for _ in range(3)]
        ledger = trade(*books, max_open_positions=3, max_symbol_exposure=0.3, max_total_exposure=0.5)

        assert_fills(ledger, (0, 1, 100, 3, SIGNAL), (1, 1, 100, 2, SIGNAL))
        assert refusals_of(ledger) == [(2, 1, Refusal.TOTAL_EXPOSURE)]

    def test_two_symbols_are_taken_over_at_once_and_the_third_keeps_what_is_its_own(self):
        broker = Broker(1_000.0, leverage=5.0, maintenance_margin=0.01)
        crash = [symbol(FLAT, FLAT, (100, 100, 60, 70), enter=(0,)) for _ in range(2)]
        calm = symbol(FLAT, FLAT, (100, 110, 100, 110), enter=(0,))
        ledger = trade(*crash, calm, broker=broker, sizing=0.25, max_open_positions=3)

        assert_fills(
            ledger,
            *((one, 1, 100, 12.5, SIGNAL) for one in range(3)),
            *((one, 2, 80, -12.5, LIQUIDATION) for one in range(2)),
        )
        assert ledger.equity.tolist() == pytest.approx([1_000, 1_000, 500 + 125])


class TestHistoriesOfTheirOwn:
    def test_a_late_listing_trades_from_its_first_bars_on(self):
        old = symbol(FLAT, FLAT, FLAT, FLAT, enter=(0,))
        new = symbol((10, 10, 10, 10), (10, 12, 10, 12), start=2, enter=(0,))
        ledger = trade(old, new, sizing=0.5, max_open_positions=2)

        assert_fills(ledger, (0, 1, 100, 5, SIGNAL), (1, 1, 10, 50, SIGNAL))
        assert ledger.fills.time.tolist() == [HOUR, 3 * HOUR]
        assert ledger.equity.tolist() == [1_000, 1_000, 1_000, 1_100]

    def test_a_symbol_without_a_bar_is_worth_its_last_close(self):
        halted = symbol(FLAT, (100, 110, 100, 110), (50, 50, 50, 50), gaps=(2, 3), enter=(0,))
        ledger = trade(halted, symbol(*[FLAT] * 5), sizing=0.5)

        assert ledger.equity.tolist() == [1_000, 1_050, 1_050, 1_050, 750]

    def test_the_last_known_price_of_a_halted_symbol_counts_for_the_size_of_other_entries(self):
        halted = symbol(FLAT, (100, 120, 100, 120), (50, 50, 50, 50), gaps=(2, 3), enter=(0,))
        other = symbol(FLAT, FLAT, FLAT, FLAT, FLAT, enter=(2,))
        ledger = trade(halted, other, sizing=0.25, max_open_positions=2)

        assert_fills(ledger, (0, 1, 100, 2.5, SIGNAL), (1, 3, 100, 0.25 * (750 + 2.5 * 120) / 100, SIGNAL))

    def test_what_is_held_of_a_delisted_symbol_is_sold_at_its_last_close(self):
        """Also where nothing else happens in its last bar."""
        broker = Broker(1_000.0, commission=0.001, slippage=0.01)
        ledger = trade(
            symbol(FLAT, FLAT, FLAT, (100, 100, 95, 98), enter=(0,), delisted=True), symbol(*[FLAT] * 6), broker=broker
        )

        quantity = 1_000 / 100.1
        assert_fills(ledger, (0, 1, 100, quantity, SIGNAL), (0, 3, 98 * 0.99, -quantity, DELISTED))
        assert ledger.equity[3:].tolist() == [ledger.cash] * 3

    def test_what_is_held_of_a_symbol_that_merely_ends_is_not_sold(self):
        ledger = trade(symbol(FLAT, FLAT, FLAT, enter=(0,)), symbol(*[FLAT] * 5))

        assert_fills(ledger, (0, 1, 100, 10, SIGNAL))
        assert ledger.equity.tolist() == [1_000] * 5

    def test_a_delisting_needs_no_volume(self):
        ledger = trade(
            symbol(FLAT, FLAT, FLAT, enter=(0,), volume=[0, 10, 0], delisted=True),
            broker=Broker(1_000.0, volume_share=1.0),
        )

        assert_fills(ledger, (0, 1, 100, 10, SIGNAL), (0, 2, 100, -10, DELISTED))

    def test_no_bars_at_all_are_no_trades(self):
        ledger = trade(symbol(), symbol(FLAT, FLAT))

        assert (len(ledger.fills), ledger.equity.tolist(), ledger.cash) == (0, [1_000, 1_000], 1_000)

    def test_funding_is_each_symbols_own(self):
        rates = Funding(np.array([2 * HOUR]), np.array([0.01]))
        paying = symbol(FLAT, FLAT, FLAT, enter=(0,), funding=rates)
        ledger = trade(paying, symbol(FLAT, FLAT, FLAT, enter=(0,)), sizing=0.5, max_open_positions=2)

        assert ledger.funding.tolist() == [0, 5, 0]
        assert ledger.funding_by_symbol.tolist() == [[0, 5, 0], [0, 0, 0]]
        assert ledger.equity.tolist() == [1_000, 995, 995]


class TestAdding:
    def test_each_entry_signal_adds_to_the_position_and_moves_its_average_price_and_its_stop(self):
        rows = [FLAT, FLAT, (80, 80, 80, 80), (80, 80, 70, 75)]
        ledger = trade(symbol(*rows, enter=(0, 1)), sizing=0.1, stop_loss=0.20001, max_entries=2)

        added = 0.1 * (900 + 100) / 80
        average = (100 + 80 * added) / (1 + added)
        assert_fills(
            ledger,
            (0, 1, 100, 1, SIGNAL),
            (0, 2, 80, added, SIGNAL),
            (0, 3, average * (1 - 0.20001), -(1 + added), STOP_LOSS),
        )
        assert ledger.fills.position.tolist() == [0, 0, 0]
        assert ledger.fills.held.tolist() == [1, 1 + added, 0]

    def test_a_position_is_made_of_no_more_entries_than_may_be(self):
        """Signals beyond them are none; an order is refused."""
        rows = [FLAT] * 5
        assert len(trade(symbol(*rows, enter=(0, 1, 2, 3)), sizing=0.1, max_entries=3).fills) == 3

        ordered = trade(symbol(*rows, orders={0: buy(), 1: buy(), 2: buy()}), sizing=0.1, max_entries=2)
        assert refusals_of(ordered) == [(0, 3, Refusal.MAX_ENTRIES)]

    @pytest.mark.parametrize("order", [buy(limit=90), buy()], ids=["on the way to a limit", "passed by the open"])
    def test_a_position_is_not_added_to_once_its_stop_has_been_reached(self, order):
        """Averaged down to 95, with the stop at 87.4, it would have lived on."""
        last = (93, 93, 89, 90) if order.limit == 90 else (91, 92, 89, 90)
        ledger = trade(symbol(FLAT, FLAT, last, orders={0: buy(), 1: order}), sizing=0.1, stop_loss=0.08, max_entries=2)

        assert_fills(ledger, (0, 1, 100, 1, SIGNAL), (0, 2, min(last[0], 92), -1, STOP_LOSS))
        assert refusals_of(ledger) == [(0, 2, Refusal.LEAVING)]

    def test_nor_once_its_margin_is_gone(self):
        book = symbol(FLAT, FLAT, (100, 100, 78, 90), orders={0: buy(), 1: buy(limit=79)})
        ledger = trade(book, broker=Broker(1_000.0, leverage=5.0), sizing=0.1, max_entries=2)

        assert_fills(ledger, (0, 1, 100, 5, SIGNAL), (0, 2, 80, -5, LIQUIDATION))
        assert refusals_of(ledger) == [(0, 2, Refusal.LEAVING)]

    def test_nor_where_its_target_lies_on_the_way(self):
        """A trigger at 110 beyond a target at 105, and a limit on the other side of the open, which may have come later."""
        for order, last in ((buy(trigger=110), (100, 112, 100, 111)), (buy(limit=98), (100, 106, 97, 98))):
            book = symbol(FLAT, FLAT, last, orders={0: buy(), 1: order})
            ledger = trade(book, sizing=0.1, take_profit=0.05, max_entries=2)
            assert_fills(ledger, (0, 1, 100, 1, SIGNAL), (0, 2, 105, -1, TAKE_PROFIT))
            assert refusals_of(ledger) == [(0, 2, Refusal.LEAVING)]

    def test_a_stop_of_ones_own_stays_where_it_is(self):
        rows = [FLAT, FLAT, FLAT, (100, 100, 96, 97)]
        orders = {0: buy(stop=97.5), 1: buy()}
        ledger = trade(symbol(*rows, orders=orders), sizing=0.1, stop_loss=0.05, max_entries=2)

        assert_fills(ledger, (0, 1, 100, 1, SIGNAL), (0, 2, 100, 1, SIGNAL), (0, 3, 97.5, -2, STOP_LOSS))

    def test_the_next_position_has_none_of_it(self):
        rows = [FLAT, FLAT, FLAT, (98, 98, 94, 94)]
        orders = {0: buy(stop=90, target=200), 1: turn(buy()), 2: buy()}
        ledger = trade(symbol(*rows, orders=orders), sizing=0.1, stop_loss=0.05, max_entries=2)

        assert fills_of(ledger)[-1][1:3] == (3, pytest.approx(200 / (1 + 100 / 98) * 0.95))

    def test_the_high_of_a_bar_with_an_addition_counts_for_the_trailing_stop(self):
        """The position was there all along, and its target out of reach; only of what a limit has opened it is not known."""
        rows = [FLAT, FLAT, (100, 110, 99, 105), (105, 105, 104, 104)]
        book = symbol(*rows, orders={0: buy(), 1: buy(limit=99)})
        ledger = trade(book, sizing=0.1, trail_distance=0.05, max_entries=2)

        assert fills_of(ledger)[-1][1:3] == (3, pytest.approx(110 * 0.95))

    def test_averaging_down_does_not_wake_the_trailing_stop(self):
        """The peak of 101.9 is not 2 % above 100. It is above the new average of 97.5, but nothing has risen."""
        rows = [FLAT, (100, 101.9, 100, 100), (95, 96, 94, 95)]
        ledger = trade(
            symbol(*rows, enter=(0, 1)), sizing=0.1, trail_activation=0.02, trail_distance=0.01, max_entries=2
        )

        assert [reason for *_, reason in fills_of(ledger)] == [SIGNAL, SIGNAL]

    def test_a_trailing_stop_is_not_let_down(self):
        rows = [FLAT, (100, 110, 100, 110), (110, 110, 110, 110), (110, 110, 100, 100)]
        ledger = trade(symbol(*rows, enter=(0, 1)), sizing=0.1, stop_loss=0.2, trail_distance=0.05, max_entries=2)

        assert fills_of(ledger)[-1][2:] == (
            pytest.approx(110 * 0.95),
            pytest.approx(-1 - 0.1 * 1_010 / 110),
            TRAILING_STOP,
        )

    def test_targets_follow_the_average_price(self):
        """1 at 100 and 100 / 90 at 90."""
        rows = [FLAT, FLAT, (90, 90, 90, 90), (90, 110, 90, 100)]
        average = 200 / (1 + 100 / 90)
        for reason, target in ((TAKE_PROFIT, {"take_profit": 0.1}), (ROI, {"roi": (RoiStep(0, 0.1),)})):
            ledger = trade(symbol(*rows, enter=(0, 1)), sizing=0.1, max_entries=2, **target)
            assert fills_of(ledger)[-1][1::3] == (3, reason)
            assert fills_of(ledger)[-1][2] == pytest.approx(average * 1.1)

    def test_the_ladder_keeps_the_age_of_the_first_entry(self):
        rows = [FLAT, FLAT, FLAT, (100, 102, 100, 102)]
        roi = (RoiStep(0, 0.10), RoiStep(2 * HOUR, 0.01))
        ledger = trade(symbol(*rows, enter=(0, 1)), sizing=0.1, roi=roi, max_entries=2)

        assert_fills(ledger, (0, 1, 100, 1, SIGNAL), (0, 2, 100, 1, SIGNAL), (0, 3, 101, -2, ROI))

    def test_a_margin_of_two_entries_is_gone_at_their_average(self):
        """8 at 100 and 116 / 15 at 120, each with half its value: margins of 400 and 464 in all."""
        rows = [FLAT, (100, 120, 100, 120), (120, 120, 120, 120), (60, 60, 50, 55)]
        broker = Broker(1_000.0, leverage=2.0)
        ledger = trade(symbol(*rows, enter=(0, 1)), broker=broker, sizing=0.4, max_entries=2)

        added = 0.4 * (1_000 + 8 * 20) / 60
        gone = (8 * 50 + added * 60) / (8 + added)
        assert_fills(ledger, (0, 1, 100, 8, SIGNAL), (0, 2, 120, added, SIGNAL), (0, 3, gone, -8 - added, LIQUIDATION))
        assert ledger.cash == pytest.approx(1_000 - 400 - 464)


class TestVolume:
    SHARE = Broker(1_000.0, commission=0.001, maker_commission=0.0, volume_share=0.1)

    def test_an_entry_is_cut_down_to_its_share_of_the_bars_volume(self):
        ledger = trade(symbol(FLAT, FLAT, enter=(0,), volume=30), broker=self.SHARE)

        assert_fills(ledger, (0, 1, 100, 3, SIGNAL))

    def test_without_volume_it_is_refused(self):
        ledger = trade(symbol(FLAT, FLAT, enter=(0,), volume=0), broker=self.SHARE)

        assert refusals_of(ledger) == [(0, 1, Refusal.NO_VOLUME)]

    def test_an_exit_goes_on_at_the_following_opens_until_all_is_sold(self):
        rows = [FLAT, FLAT, FLAT, (98, 98, 98, 98), FLAT, (97, 97, 97, 97)]
        book = symbol(*rows, enter=(0,), exit=(1,), volume=[0, 80, 30, 20, 0, 1_000])
        ledger = trade(book, broker=self.SHARE)

        sold = [(0, 2, 100, -3, SIGNAL), (0, 3, 98, -2, SIGNAL), (0, 5, 97, -3, SIGNAL)]
        assert_fills(ledger, (0, 1, 100, 8, SIGNAL), *sold)
        assert ledger.fills.held.tolist() == [8, 5, 3, 0]

    def test_what_is_left_of_a_target_is_sold_at_the_market(self):
        """The target's own fill is the maker's, the rest the taker's."""
        rows = [FLAT, FLAT, (100, 111, 100, 110), (104, 104, 104, 104)]
        book = symbol(*rows, enter=(0,), volume=[0, 80, 30, 1_000])
        ledger = trade(book, broker=self.SHARE, take_profit=0.1)

        assert_fills(ledger, (0, 1, 100, 8, SIGNAL), (0, 2, 110, -3, TAKE_PROFIT), (0, 3, 104, -5, TAKE_PROFIT))
        assert ledger.fills.fee.tolist() == pytest.approx([0.8, 0, 0.52])

    def test_meanwhile_there_is_no_entry(self):
        book = symbol(*[FLAT] * 6, orders={0: buy(), 1: turn(sell()), 2: buy()}, volume=[0, 80, 30, 30, 30, 30])
        ledger = trade(book, broker=self.SHARE, max_entries=3)

        assert [quantity for *_, quantity, _ in fills_of(ledger)] == pytest.approx([8, -3, -3, -2])
        assert refusals_of(ledger) == [(0, 2, Refusal.LEAVING), (0, 3, Refusal.LEAVING)]

    def test_meanwhile_the_margin_may_be_lost(self):
        broker = Broker(1_000.0, leverage=10.0, volume_share=0.1)
        book = symbol(FLAT, FLAT, FLAT, (99, 99, 80, 85), enter=(0,), exit=(1,), volume=[0, 1_000, 100, 10])
        ledger = trade(book, broker=broker)

        assert_fills(
            ledger,
            (0, 1, 100, 100, SIGNAL),
            (0, 2, 100, -10, SIGNAL),
            (0, 3, 99, -1, SIGNAL),
            (0, 3, 90, -89, LIQUIDATION),
        )

    def test_fills_of_one_bar_share_its_volume(self):
        book = symbol(FLAT, FLAT, (100, 120, 100, 120), orders={0: buy(), 1: turn(sell(stop=110))}, volume=[0, 50, 60])
        ledger = trade(book, broker=self.SHARE)

        assert_fills(ledger, (0, 1, 100, 5, SIGNAL), (0, 2, 100, -5, SIGNAL), (0, 2, 100, -1, SIGNAL))


class TestLimits:
    COSTS = Broker(1_000.0, commission=0.002, slippage=0.01, maker_commission=0.001)

    def ordered(self, order, *rows, **risk):
        return trade(symbol(FLAT, *rows, orders={0: order}), broker=self.COSTS, sizing=0.5, **risk)

    def test_where_the_bar_comes_to_it_a_limit_fills_at_its_price_as_the_maker(self):
        ledger = self.ordered(buy(limit=98), (100, 101, 98, 99))

        assert_fills(ledger, (0, 1, 98, 500 / (98 * 1.002), SIGNAL))
        assert ledger.fills.fee[0] == pytest.approx(ledger.fills.quantity[0] * 98 * 0.001)
        assert len(self.ordered(buy(limit=98), (100, 101, 98.01, 99)).fills) == 0

    def test_where_the_open_is_there_already_it_fills_at_the_market_as_the_taker(self):
        """And never beyond its limit, whatever the slippage."""
        below = self.ordered(buy(limit=98), (96, 99, 95, 97))
        assert_fills(below, (0, 1, 96 * 1.01, 500 / (96 * 1.01 * 1.002), SIGNAL))
        assert below.fills.fee[0] == pytest.approx(500 * 0.002 / 1.002)

        assert fills_of(self.ordered(buy(limit=98), (97.5, 99, 97, 98)))[0][2] == 98
        assert fills_of(self.ordered(sell(limit=102), (102.5, 103, 100, 101)))[0][2] == 102

    def test_all_the_cash_pays_for_the_makers_commission_also_where_that_is_the_higher(self):
        broker = Broker(1_000.0, commission=0.0, maker_commission=0.01)
        ledger = trade(symbol(FLAT, (100, 100, 98, 99), orders={0: buy(limit=98)}), broker=broker)

        assert_fills(ledger, (0, 1, 98, 1_000 / (98 * 1.01), SIGNAL))
        assert 0 <= ledger.cash < 1e-9

    def test_an_order_that_is_not_filled_in_its_bar_is_gone(self):
        assert len(self.ordered(buy(limit=98), FLAT, (90, 90, 90, 90)).fills) == 0

    def test_the_high_of_a_limits_bar_does_not_count_for_the_target(self):
        """It may have come first. The close came last."""
        missed = self.ordered(buy(limit=95, target=99), (100, 100, 95, 97))
        assert len(missed.fills) == 1

        reached = self.ordered(buy(limit=95, target=99), (100, 100, 95, 99.5))
        assert fills_of(reached)[1][2::2] == (99, TAKE_PROFIT)

    def test_nor_for_the_trailing_stop(self):
        """From a peak of 100 it would be at 97."""
        ledger = self.ordered(buy(limit=95), (100, 100, 95, 96), (96, 96.5, 96, 96), trail_distance=0.03)
        assert len(ledger.fills) == 1

    def test_its_low_counts_for_the_stop(self):
        ledger = self.ordered(buy(limit=95, stop=93), (100, 100, 92, 99))
        assert fills_of(ledger)[1][2::2] == (pytest.approx(93 * 0.99), STOP_LOSS)


class TestTriggers:
    def test_a_trigger_fills_at_the_market_once_the_price_is_there(self):
        broker = Broker(1_000.0, slippage=0.01)
        within = trade(symbol(FLAT, (100, 110, 100, 108), orders={0: buy(trigger=105)}), broker=broker)
        assert fills_of(within)[0][2] == pytest.approx(105 * 1.01)

        at_open = trade(symbol(FLAT, (106, 110, 106, 108), orders={0: buy(trigger=105)}), broker=broker)
        assert fills_of(at_open)[0][2] == pytest.approx(106 * 1.01)

        short = trade(symbol(FLAT, (100, 100, 90, 92), orders={0: sell(trigger=95)}), broker=broker)
        assert fills_of(short)[0][2] == pytest.approx(95 * 0.99)

        assert len(trade(symbol(FLAT, (100, 104.9, 100, 104), orders={0: buy(trigger=105)})).fills) == 0

    def test_after_it_the_low_of_its_bar_may_have_come_and_the_stop_with_it(self):
        ledger = trade(symbol(FLAT, (100, 110, 99, 108), orders={0: buy(trigger=105, stop=102)}))

        assert_fills(ledger, (0, 1, 105, 1_000 / 105, SIGNAL), (0, 1, 102, -1_000 / 105, STOP_LOSS))

    def test_after_it_the_high_counts_for_the_target(self):
        ledger = trade(symbol(FLAT, (100, 110, 100, 103), orders={0: buy(trigger=105, target=109)}))

        assert_fills(ledger, (0, 1, 105, 1_000 / 105, SIGNAL), (0, 1, 109, -1_000 / 105, TAKE_PROFIT))

    def test_an_addition_by_trigger_is_stopped_no_worse_than_at_its_stop(self):
        """The open at 100 was before: it is no gap through the stop, which the addition at 110 has moved up to 101.85."""
        rows = [FLAT, FLAT, (100, 112, 100, 112)]
        book = symbol(*rows, orders={0: buy(), 1: buy(trigger=110, size=1.1)})
        ledger = trade(book, sizing=0.1, stop_loss=0.03, max_entries=2)

        assert_fills(ledger, (0, 1, 100, 1, SIGNAL), (0, 2, 110, 1, SIGNAL), (0, 2, 105 * 0.97, -2, STOP_LOSS))


class TestLevelsOfOnesOwn:
    def test_they_take_the_place_of_those_of_the_risk(self):
        rows = [FLAT, FLAT, (100, 100, 94, 95), (95, 107, 95, 106)]
        book = symbol(*rows, orders={0: buy(stop=93, target=107)})

        assert_fills(
            trade(book, stop_loss=0.05, take_profit=0.05), (0, 1, 100, 10, SIGNAL), (0, 3, 107, -10, TAKE_PROFIT)
        )

    def test_they_may_be_moved_and_act_from_the_next_bar_on(self):
        rows = [FLAT, FLAT, (100, 100, 94, 95), (95, 96, 93, 94)]
        book = symbol(*rows, orders={0: buy(), 2: protect(stop=93.5)})

        assert_fills(trade(book), (0, 1, 100, 10, SIGNAL), (0, 3, 93.5, -10, STOP_LOSS))

    def test_the_ladder_goes_on_beside_a_target_of_ones_own(self):
        rows = [FLAT, FLAT, FLAT, (100, 103, 100, 100)]
        book = symbol(*rows, orders={0: buy(), 2: protect(target=120)})

        assert_fills(trade(book, roi=(RoiStep(0, 0.02),)), (0, 1, 100, 10, SIGNAL), (0, 3, 102, -10, ROI))

    def test_a_target_that_the_price_has_passed_already_is_a_market_order(self):
        """No way around slippage and the taker's commission; but a limit all the same."""
        broker = Broker(1_000.0, commission=0.001, slippage=0.01, maker_commission=0.0)
        rows = [FLAT, FLAT, (100, 100, 90, 100)]
        sold = trade(symbol(*rows, orders={0: buy(), 1: protect(target=50)}), broker=broker)
        assert fills_of(sold)[1][2::2] == (99, TAKE_PROFIT)
        assert sold.fills.fee[1] == pytest.approx(sold.fills.quantity[1] * 99 * 0.001)

        limited = trade(symbol(*rows, orders={0: buy(), 1: protect(target=99.5)}), broker=broker)
        assert fills_of(limited)[1][2] == 99.5

    def test_a_target_that_waited_is_a_limit_order(self):
        broker = Broker(1_000.0, commission=0.001, slippage=0.01, maker_commission=0.0)
        rows = [FLAT, FLAT, FLAT, (103, 104, 100, 100)]
        ledger = trade(symbol(*rows, orders={0: buy(), 1: protect(target=102)}), broker=broker)

        assert fills_of(ledger)[1][1:3] == (3, 103)
        assert ledger.fills.fee[1] == 0

    def test_turning_around_leaves_and_enters_at_one_open(self):
        ledger = trade(symbol(FLAT, FLAT, (110, 110, 110, 110), orders={0: buy(), 1: turn(sell())}))

        assert_fills(ledger, (0, 1, 100, 10, SIGNAL), (0, 2, 110, -10, SIGNAL), (0, 2, 110, -10, SIGNAL))
        assert ledger.fills.held.tolist() == [10, 0, -10]

    def test_a_closed_short_position_holds_exactly_nothing(self):
        ledger = trade(symbol(FLAT, FLAT, FLAT, orders={0: sell(), 1: leave()}))

        assert ledger.fills.held.tobytes() == np.array([-10.0, 0.0]).tobytes()

    def test_what_there_is_nothing_to_do_with_is_nothing(self):
        ledger = trade(symbol(FLAT, FLAT, FLAT, orders={0: leave(), 1: protect(stop=90)}))

        assert (len(ledger.fills), len(ledger.refusals)) == (0, 0)


class TestRefusals:
    def test_an_order_of_the_other_side_needs_an_exit(self):
        ledger = trade(symbol(FLAT, FLAT, FLAT, orders={0: buy(), 1: sell()}), max_entries=2)

        assert refusals_of(ledger) == [(0, 2, Refusal.OTHER_SIDE)]
        assert ledger.refusals.side.tolist() == [-1]

    def test_a_symbol_rests_for_the_cooldown(self):
        rows = [FLAT, FLAT, (100, 100, 90, 92), FLAT, FLAT, FLAT]
        ledger = trade(symbol(*rows, enter=(0, 2, 3, 4)), stop_loss=0.05, cooldown=2 * HOUR)

        assert [bar for _, bar, *_ in fills_of(ledger)] == [1, 2, 4]
        assert refusals_of(ledger) == [(0, 3, Refusal.COOLDOWN)]

    def test_what_is_sized_by_risk_needs_a_stop_on_the_right_side(self):
        sizing = Sizing(0.0, risk=0.01)
        assert_fills(trade(symbol(FLAT, FLAT, orders={0: buy(stop=95)}), sizing=sizing), (0, 1, 100, 2, SIGNAL))

        for order in (buy(stop=105), sell(stop=95), buy()):
            ledger = trade(symbol(FLAT, FLAT, orders={0: order}), sizing=sizing)
            assert refusals_of(ledger) == [(0, 1, Refusal.NO_STOP)]

    def test_only_an_order_whose_price_has_come_is_refused(self):
        ledger = trade(symbol(FLAT, FLAT, FLAT, orders={0: buy(), 1: buy(limit=90)}), max_entries=1)

        assert len(ledger.refusals) == 0

    def test_a_book_with_values_for_other_bars_is_refused(self):
        bars = symbol(FLAT, FLAT).book().bars
        none = np.zeros(2, dtype=np.bool_)
        with pytest.raises(ValueError, match="enter has 3 values for 2 bars; give one for each"):
            Book(bars, Signals(np.zeros(3, dtype=np.bool_), none))
        with pytest.raises(ValueError, match="rank has 1 values for 2 bars; give one for each"):
            Book(bars, Signals(none, none), rank=np.zeros(1))
        with pytest.raises(ValueError, match="either signals or a watch"):
            Book(bars)


class TestFilters:
    def test_prices_are_on_the_tick_to_the_traders_disadvantage(self):
        broker = Broker(1_000.0, slippage=0.001)
        book = symbol(
            FLAT, (100, 101, 99, 100), (100, 100, 99, 100), enter=(0,), exit=(1,), filters=Filters(tick=Fraction(1, 4))
        )

        assert [price for _, _, price, *_ in fills_of(trade(book, broker=broker))] == [100.25, 99.75]

    def test_stops_and_targets_are_on_the_tick(self):
        filters = Filters(tick=Fraction(1, 2))
        down = symbol(FLAT, FLAT, (100, 100, 90, 90), enter=(0,), filters=filters)
        assert fills_of(trade(down, stop_loss=0.033))[1][2] == 96.5
        up = symbol(FLAT, FLAT, (100, 110, 100, 110), enter=(0,), filters=filters)
        assert fills_of(trade(up, take_profit=0.033))[1][2] == 103.5

    def test_a_limit_is_put_on_the_tick_within_it_and_a_trigger_beyond_it(self):
        """A limit to buy at 98.3 waits at 98, so that a low of 98.2 does not reach it; a trigger at 105.2 waits for 105.5."""
        filters = Filters(tick=Fraction(1, 2))

        def bought(order, row):
            return [price for _, _, price, *_ in fills_of(trade(symbol(FLAT, row, orders={0: order}, filters=filters)))]

        assert bought(buy(limit=98.3), (100, 100, 98.2, 99)) == []
        assert bought(buy(limit=98.3), (100, 100, 98.0, 99)) == [98.0]
        assert bought(buy(trigger=105.2), (100, 105.4, 100, 105)) == []
        assert bought(buy(trigger=105.2), (100, 105.5, 100, 105)) == [105.5]

    def test_quantities_are_whole_lots_also_after_additions_and_parts(self):
        """Of 0.1 and 0.2 the sum is 0.3, as the exchange writes it, and not 0.30000000000000004."""
        filters = Filters(lot=Fraction(1, 10))
        book = symbol(FLAT, FLAT, FLAT, FLAT, orders={0: buy(), 1: buy(size=2.0), 2: leave()}, filters=filters)
        ledger = trade(book, broker=Broker(100.0), sizing=0.1, max_entries=2)
        assert ledger.fills.quantity.tolist() == [0.1, 0.2, 0.3]

        parts = symbol(*[FLAT] * 5, orders={0: buy(), 1: leave()}, filters=filters, volume=[0, 3, 1, 1, 1])
        ledger = trade(parts, broker=Broker(100.0, volume_share=0.1))
        assert ledger.fills.held.tolist() == [0.3, 0.2, 0.1, 0]

    def test_what_is_too_small_is_refused(self):
        lot = symbol(FLAT, FLAT, enter=(0,), filters=Filters(lot=Fraction(11)))
        assert refusals_of(trade(lot)) == [(0, 1, Refusal.BELOW_LOT)]

        notional = symbol(FLAT, FLAT, enter=(0,), filters=Filters(lot=Fraction(1), min_notional=1_000.01))
        ledger = trade(notional)
        assert refusals_of(ledger) == [(0, 1, Refusal.BELOW_MIN_NOTIONAL)]
        assert ledger.refusals.quantity.tolist() == [10]
        assert ledger.unfilled == 0

    def test_on_its_tick_an_exit_may_cost_more_than_the_margin_has_left(self):
        """Bought at 100 on a margin of 1, the stop at 99.05 would be sold on the tick at 95."""
        broker = Broker(1_000.0, leverage=100.0)
        book = symbol(
            FLAT, FLAT, (100, 100, 99.02, 100), orders={0: buy(), 1: leave()}, filters=Filters(tick=Fraction(5))
        )
        below = symbol(
            FLAT, FLAT, (99.5, 99.5, 99.2, 99.2), orders={0: buy(), 1: leave()}, filters=Filters(tick=Fraction(5))
        )

        assert fills_of(trade(book, broker=broker))[1][2::2] == (100, SIGNAL)
        assert fills_of(trade(below, broker=broker))[1][2::2] == (99, LIQUIDATION)
        assert trade(below, broker=broker).cash == 0


class TestBrackets:
    BRACKETS = (Bracket(1_000.0, 10.0, 0.01), Bracket(4_000.0, 5.0, 0.02), Bracket(inf, 2.0, 0.1))

    def taken(self, leverage, *rows, cash=10_000.0):
        book = symbol(FLAT, FLAT, *rows, enter=(0,), filters=Filters(brackets=self.BRACKETS))
        return trade(book, broker=Broker(cash, leverage=leverage, maintenance_margin=0.5))

    def test_a_position_is_no_larger_than_the_bracket_of_its_leverage(self):
        assert [fills_of(self.taken(leverage))[0][3] for leverage in (10.0, 5.0, 2.0)] == [10, 40, 200]

    def test_beyond_all_brackets_there_is_none(self):
        assert refusals_of(self.taken(11.0)) == [(0, 1, Refusal.LEVERAGE_BRACKET)]

    def test_it_is_taken_over_where_its_brackets_margin_is_all_that_is_left(self):
        """30 at 100 on a fifth: gone at 80, where the value is in the second bracket, of which the first 1,000 need 1 % less: at (80 - 10 / 30) / 0.98."""
        ruin = (80 - 10 / 30) / 0.98
        kept = self.taken(5.0, (100, 100, ruin + 1e-9, 100), cash=600.0)
        lost = self.taken(5.0, (100, 100, ruin - 1e-9, 100), cash=600.0)

        assert [reason for *_, reason in fills_of(kept)] == [SIGNAL]
        assert fills_of(lost)[1][2::2] == (pytest.approx(80), LIQUIDATION)

    def test_a_smaller_value_falls_into_a_smaller_bracket(self):
        """12 at 100 on a half are worth less than 1,000 below 83.33: there it is 1 % of all, at 50 / 0.99, and not the second bracket's."""
        kept = self.taken(2.0, (100, 100, 50 / 0.99 + 1e-9, 100), cash=600.0)
        lost = self.taken(2.0, (100, 100, 50 / 0.99 - 1e-9, 100), cash=600.0)

        assert [reason for *_, reason in fills_of(kept)] == [SIGNAL]
        assert fills_of(lost)[1][2::2] == (pytest.approx(50), LIQUIDATION)

    def test_what_funding_takes_from_the_margin_may_carry_it_into_a_larger_bracket(self):
        """12 at 100 on a half, of which funding takes 40 %: gone at 90, where the first 1,000 need 1 % and the rest 10 %: at (90 - 90 / 12) / 0.9."""
        brackets = (Bracket(1_000.0, 10.0, 0.01), Bracket(4_000.0, 5.0, 0.1))
        rates = Funding(np.array([2 * HOUR]), np.array([0.4]))
        ruin = (90 - 90 / 12) / 0.9
        for low, reasons in ((ruin + 1e-9, [SIGNAL]), (ruin - 1e-9, [SIGNAL, LIQUIDATION])):
            book = symbol(
                FLAT, FLAT, (100, 100, low, 100), enter=(0,), filters=Filters(brackets=brackets), funding=rates
            )
            ledger = trade(book, broker=Broker(600.0, leverage=2.0))
            assert [reason for *_, reason in fills_of(ledger)] == reasons

    def test_what_is_left_of_a_position_falls_into_a_smaller_bracket(self):
        """30 at 100 on a fifth would be taken over at 81.29; the 5 that the volume has left of them, at 80 / 0.99."""
        for low, last in ((80 / 0.99 + 1e-9, SIGNAL), (80 / 0.99 - 1e-9, LIQUIDATION)):
            book = symbol(
                FLAT,
                FLAT,
                (100, 100, low, 100),
                enter=(0,),
                exit=(1,),
                volume=[0, 100, 25],
                filters=Filters(brackets=self.BRACKETS),
            )
            ledger = trade(book, broker=Broker(600.0, leverage=5.0, volume_share=1.0))
            assert fills_of(ledger)[1][3:] == (-25, SIGNAL)
            assert fills_of(ledger)[-1][4] == last
