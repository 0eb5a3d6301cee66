"""What the kernel does with orders, stops and targets, one scene at a time.

A scene is a handful of bars ``(open, high, low, close)`` an hour apart, the bars at whose close a signal is given, and the fills
that follow: ``(bar, price, quantity, fee, reason)``, the quantity of a sale negative.
"""

import numpy as np
import pytest

from tidewright.domain.bars import Bars
from tidewright.domain.costs import Broker, Risk, RoiStep, Sizing
from tidewright.domain.kernel import Workspace, needs_compiling, simulate
from tidewright.domain.ledger import Reason
from tidewright.domain.position import terms
from tidewright.domain.strategies.strategy import Signals

HOUR = 3_600_000
CALM = (100, 101, 99, 100)
SIGNAL, STOP_LOSS, TRAILING_STOP, TAKE_PROFIT, ROI, LIQUIDATION, _ = Reason


def market(*rows):
    open_, high, low, close = np.array(rows, dtype=np.float64).reshape(-1, 4).T.copy()
    return Bars(HOUR * np.arange(len(rows)), open_, high, low, close, np.ones(len(rows)), step=HOUR)


def signals(bars, enter, leave):
    at = np.arange(len(bars))
    return Signals(np.isin(at, enter), np.isin(at, leave))


def trade(*rows, enter=(0,), leave=(), cash=1_000.0, commission=0.0, slippage=0.0, **risk):
    bars = market(*rows)
    return simulate(bars, signals(bars, enter, leave), Broker(cash, commission, slippage), Risk(**risk))


def assert_fills(ledger, *expected):
    fills = ledger.fills
    actual = list(
        zip(fills.bar, fills.price, fills.side * fills.quantity, fills.fee, map(Reason, fills.reason), strict=True)
    )
    assert [(bar, reason) for bar, *_, reason in actual] == [(bar, reason) for bar, *_, reason in expected]
    for fill, wanted in zip(actual, expected, strict=True):
        assert fill[1:4] == pytest.approx(wanted[1:4], rel=1e-12)


# Market orders


def test_an_entry_signal_buys_at_the_next_open_with_all_the_cash():
    ledger = trade(CALM, (102, 105, 101, 104), (104, 106, 103, 105), cash=1_020)

    assert_fills(ledger, (1, 102, 10, 0, SIGNAL))
    assert ledger.equity.tolist() == [1_020, 1_040, 1_050]
    assert ledger.initial == 1_020
    assert ledger.cash == 0
    assert ledger.holding().tolist() == [0, 10, 10]


def test_an_exit_signal_sells_at_the_next_open():
    ledger = trade(CALM, CALM, (105, 107, 104, 106), (108, 109, 107, 108), CALM, leave=[2])

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (3, 108, -10, 0, SIGNAL))
    assert ledger.equity.tolist() == [1_000, 1_000, 1_060, 1_080, 1_080]
    assert ledger.cash == 1_080
    assert ledger.holding().tolist() == [0, 10, 10, 0, 0]


def test_every_fill_pays_commission_on_its_notional():
    ledger = trade(CALM, CALM, CALM, (110, 111, 109, 110), leave=[2], cash=1_010, commission=0.01)

    assert_fills(ledger, (1, 100, 10, 10, SIGNAL), (3, 110, -10, 11, SIGNAL))
    assert ledger.equity == pytest.approx([1_010, 1_000, 1_000, 1_089], rel=1e-12)
    assert ledger.cash == pytest.approx(1_089, rel=1e-12)


def test_market_orders_slip_against_the_trader():
    ledger = trade(CALM, (100, 103, 99, 100), (100, 101, 97, 100), leave=[1], cash=1_010, slippage=0.01)

    assert_fills(ledger, (1, 101, 10, 0, SIGNAL), (2, 99, -10, 0, SIGNAL))


def test_slippage_never_leaves_the_bars_range():
    ledger = trade(CALM, (100, 100.5, 99, 100), (100, 101, 99.5, 100), leave=[1], cash=1_005, slippage=0.01)

    assert_fills(ledger, (1, 100.5, 10, 0, SIGNAL), (2, 99.5, -10, 0, SIGNAL))


def test_a_signal_on_the_last_bar_finds_no_bar_to_fill_in():
    assert_fills(trade(CALM, CALM, enter=[1]))
    assert_fills(trade(CALM, CALM, CALM, leave=[2]), (1, 100, 10, 0, SIGNAL))


def test_with_both_signals_on_one_bar_nothing_is_opened():
    ledger = trade(CALM, CALM, CALM, enter=[0], leave=[0])

    assert_fills(ledger)
    assert ledger.unfilled == 0


def test_with_both_signals_on_one_bar_an_open_position_is_closed_and_stays_closed():
    ledger = trade(CALM, CALM, CALM, CALM, CALM, enter=[0, 2], leave=[2])

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (3, 100, -10, 0, SIGNAL))


def test_an_entry_signal_while_a_position_is_open_does_nothing():
    assert_fills(trade(CALM, CALM, CALM, CALM, enter=[0, 1, 2]), (1, 100, 10, 0, SIGNAL))


def test_an_exit_signal_without_a_position_does_nothing():
    assert_fills(trade(CALM, CALM, CALM, CALM, enter=[1], leave=[0, 3]), (2, 100, 10, 0, SIGNAL))


def test_positions_are_numbered_and_each_spends_what_the_last_one_left():
    rise = (120, 121, 119, 120)
    ledger = trade(CALM, CALM, rise, rise, rise, enter=[0, 2], leave=[1, 3])

    assert_fills(
        ledger,
        (1, 100, 10, 0, SIGNAL),
        (2, 120, -10, 0, SIGNAL),
        (3, 120, 10, 0, SIGNAL),
        (4, 120, -10, 0, SIGNAL),
    )
    assert ledger.fills.position.tolist() == [0, 0, 1, 1]
    assert ledger.fills.held.tolist() == [10, 0, 10, 0]
    assert ledger.fills.time.tolist() == [HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR]


def test_a_position_open_at_the_end_is_valued_at_the_last_close():
    ledger = trade(CALM, CALM, (100, 130, 90, 125), commission=0.01, cash=1_010)

    assert_fills(ledger, (1, 100, 10, 10, SIGNAL))
    assert ledger.equity == pytest.approx([1_010, 1_000, 1_250])
    assert ledger.cash == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_bars_leave_no_room_for_a_trade(n):
    ledger = trade(*[CALM] * n)

    assert_fills(ledger)
    assert ledger.equity.tolist() == [1_000] * n
    assert ledger.cash == 1_000
    assert len(ledger.holding()) == n


def test_two_bars_are_enough_for_an_entry():
    ledger = trade(CALM, (100, 104, 99, 103))

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL))
    assert ledger.equity.tolist() == [1_000, 1_030]


# Stop-loss


def test_a_stop_loss_sells_at_its_price_within_the_bar():
    ledger = trade(CALM, CALM, (100, 101, 94, 97), CALM, stop_loss=0.05)

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (2, 95, -10, 0, STOP_LOSS))
    assert ledger.equity == pytest.approx([1_000, 1_000, 950, 950])


def test_a_low_that_just_touches_the_stop_sets_it_off():
    assert_fills(
        trade(CALM, CALM, (100, 101, 95, 97), stop_loss=0.05),
        (1, 100, 10, 0, SIGNAL),
        (2, 95, -10, 0, STOP_LOSS),
    )


def test_an_open_below_the_stop_sells_there_slipped():
    ledger = trade(CALM, CALM, (90, 92, 80, 85), cash=1_010, slippage=0.01, stop_loss=0.05)

    assert_fills(ledger, (1, 101, 10, 0, SIGNAL), (2, 89.1, -10, 0, STOP_LOSS))


def test_a_stop_slips_no_further_than_the_low():
    slipped = {"slippage": 0.01, "stop_loss": 0.05, "cash": 1_010}

    within = trade(CALM, CALM, (100, 101, 95.9, 97), **slipped)
    assert_fills(within, (1, 101, 10, 0, SIGNAL), (2, 95.9, -10, 0, STOP_LOSS))
    gap = trade(CALM, CALM, (90, 92, 89.5, 91), **slipped)
    assert_fills(gap, (1, 101, 10, 0, SIGNAL), (2, 89.5, -10, 0, STOP_LOSS))


def test_a_stop_is_measured_from_the_price_paid_slippage_included():
    ledger = trade(CALM, (100, 110, 99, 100), (100, 101, 94, 96), cash=1_100, slippage=0.1, stop_loss=0.1)

    assert_fills(ledger, (1, 110, 10, 0, SIGNAL), (1, 99, -10, 0, STOP_LOSS))


def test_a_stop_acts_in_the_entry_bar():
    ledger = trade(CALM, (100, 104, 94, 103), CALM, stop_loss=0.05)

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (1, 95, -10, 0, STOP_LOSS))
    assert ledger.equity == pytest.approx([1_000, 950, 950])
    assert ledger.holding().tolist() == [0, 0, 0]


def test_the_bar_before_the_entry_sets_no_stop_off():
    assert_fills(trade((100, 101, 50, 100), CALM, stop_loss=0.05), (1, 100, 10, 0, SIGNAL))


def test_after_a_stop_only_a_new_signal_enters_again():
    fall = (100, 101, 94, 100)
    held = [(1, 100, 10, 0, SIGNAL), (2, 95, -10, 0, STOP_LOSS)]

    assert_fills(trade(CALM, CALM, fall, CALM, CALM, enter=[0, 1], stop_loss=0.05), *held)
    again = trade(CALM, CALM, fall, CALM, CALM, enter=[0, 2], stop_loss=0.05)
    assert_fills(again, *held, (3, 100, 9.5, 0, SIGNAL))


def test_an_exit_signal_is_served_before_a_stop_that_the_open_has_passed():
    ledger = trade(CALM, CALM, (90, 92, 88, 91), leave=[1], stop_loss=0.05)

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (2, 90, -10, 0, SIGNAL))


# Take-profit


def test_a_take_profit_sells_at_its_price_within_the_bar():
    ledger = trade(CALM, CALM, (100, 112, 99, 108), CALM, take_profit=0.1)

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (2, 110, -10, 0, TAKE_PROFIT))
    assert ledger.equity == pytest.approx([1_000, 1_000, 1_100, 1_100])


def test_a_high_that_just_touches_the_target_sets_it_off():
    ledger = trade(CALM, CALM, (100, 125, 99, 108), take_profit=0.25)

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (2, 125, -10, 0, TAKE_PROFIT))


def test_an_open_beyond_the_target_sells_there_and_a_limit_order_never_slips():
    gap = trade(CALM, CALM, (115, 118, 114, 116), cash=1_010, slippage=0.01, take_profit=0.1)
    assert_fills(gap, (1, 101, 10, 0, SIGNAL), (2, 115, -10, 0, TAKE_PROFIT))

    within = trade(CALM, CALM, (100, 112, 99, 108), cash=1_010, slippage=0.01, take_profit=0.1)
    assert_fills(within, (1, 101, 10, 0, SIGNAL), (2, 111.1, -10, 0, TAKE_PROFIT))


def test_a_take_profit_acts_in_the_entry_bar():
    ledger = trade(CALM, (100, 112, 99, 108), take_profit=0.1)

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (1, 110, -10, 0, TAKE_PROFIT))


def test_of_stop_and_target_in_one_bar_the_stop_is_assumed_to_come_first():
    ledger = trade(CALM, CALM, (100, 112, 94, 108), stop_loss=0.05, take_profit=0.1)

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (2, 95, -10, 0, STOP_LOSS))


@pytest.mark.parametrize("open_", [125, 126])
def test_an_open_at_the_target_or_beyond_comes_before_a_stop_that_the_bar_reaches_later(open_):
    ledger = trade(CALM, CALM, (open_, 127, 94, 95), stop_loss=0.05, take_profit=0.25)

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (2, open_, -10, 0, TAKE_PROFIT))


def test_an_exit_signal_is_served_before_a_target_that_the_open_has_passed():
    ledger = trade(CALM, CALM, (115, 118, 110, 116), leave=[1], slippage=0.01, take_profit=0.1, cash=1_010)

    assert_fills(ledger, (1, 101, 10, 0, SIGNAL), (2, 113.85, -10, 0, SIGNAL))


# Trailing stop


def test_a_trailing_stop_follows_the_highest_price_at_its_distance():
    ledger = trade(CALM, CALM, (100, 120, 100, 118), (115, 116, 107, 110), trail_distance=0.1)

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (3, 108, -10, 0, TRAILING_STOP))


def test_a_bars_own_high_moves_the_trail_only_for_the_bars_after_it():
    ledger = trade(CALM, CALM, (100, 120, 95, 109), (109, 110, 108.5, 109), trail_distance=0.1)

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL))


def test_a_high_in_the_entry_bar_counts():
    ledger = trade(CALM, (100, 120, 95, 109), (109, 110, 107, 109), trail_distance=0.1)

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (2, 108, -10, 0, TRAILING_STOP))


def test_without_an_activation_the_trail_begins_below_the_entry():
    ledger = trade(CALM, (100, 101, 89, 95), trail_distance=0.1)

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (1, 90, -10, 0, TRAILING_STOP))


def test_a_trail_begins_at_the_price_paid_slippage_included():
    ledger = trade(CALM, (100, 110, 98, 100), cash=1_100, slippage=0.1, trail_distance=0.1)

    assert_fills(ledger, (1, 110, 10, 0, SIGNAL), (1, 98, -10, 0, TRAILING_STOP))


def test_a_trail_level_with_the_stop_loss_has_not_taken_over_yet():
    ledger = trade(CALM, (100, 101, 89, 95), stop_loss=0.1, trail_distance=0.1)

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (1, 90, -10, 0, STOP_LOSS))


def test_a_trailing_stop_rests_until_the_highest_price_has_activated_it():
    trailing = {"trail_activation": 0.25, "trail_distance": 0.1}
    almost = (100, 124, 99, 123)
    enough = (123, 125, 120, 124)
    fall = (120, 121, 50, 60)

    assert_fills(trade(CALM, CALM, almost, fall, **trailing), (1, 100, 10, 0, SIGNAL))
    activated = trade(CALM, CALM, almost, enough, fall, **trailing)
    assert_fills(activated, (1, 100, 10, 0, SIGNAL), (4, 112.5, -10, 0, TRAILING_STOP))


def test_a_trail_never_falls_with_the_price():
    ledger = trade(CALM, CALM, (100, 120, 100, 119), (119, 119.5, 110, 112), (112, 113, 107, 108), trail_distance=0.1)

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (4, 108, -10, 0, TRAILING_STOP))


def test_a_trail_below_the_stop_loss_leaves_that_in_force():
    risk = {"stop_loss": 0.05, "trail_distance": 0.1}

    first = trade(CALM, CALM, (100, 104, 99, 103), (100, 101, 94, 95), **risk)
    assert_fills(first, (1, 100, 10, 0, SIGNAL), (3, 95, -10, 0, STOP_LOSS))
    then = trade(CALM, CALM, (100, 110, 99, 108), (108, 109, 98, 99), **risk)
    assert_fills(then, (1, 100, 10, 0, SIGNAL), (3, 99, -10, 0, TRAILING_STOP))


def test_a_trailing_stop_is_a_stop_order_so_it_slips_and_gaps():
    ledger = trade(CALM, CALM, (101, 120, 101, 118), (100, 104, 95, 101), trail_distance=0.1, slippage=0.01, cash=1_010)

    assert_fills(ledger, (1, 101, 10, 0, SIGNAL), (3, 99, -10, 0, TRAILING_STOP))


def test_a_new_position_begins_its_trail_anew():
    peak = (100, 200, 100, 190)
    ledger = trade(
        CALM, CALM, peak, (190, 191, 189, 190), CALM, (100, 101, 91, 92), enter=[0, 3], leave=[2], trail_distance=0.1
    )

    assert_fills(
        ledger,
        (1, 100, 10, 0, SIGNAL),
        (3, 190, -10, 0, SIGNAL),
        (4, 100, 19, 0, SIGNAL),
    )


# ROI ladder: (after, profit)


def ladder(*steps):
    return tuple(RoiStep(int(hours * HOUR), profit) for hours, profit in steps)


def test_a_position_is_closed_at_the_profit_that_its_age_calls_for():
    steps = ladder((0, 0.5), (2, 0.25), (3, 0.125))
    rise = (100, 130, 99, 110)

    assert_fills(trade(CALM, (100, 150, 99, 110), roi=steps), (1, 100, 10, 0, SIGNAL), (1, 150, -10, 0, ROI))
    assert_fills(trade(CALM, CALM, rise, roi=steps), (1, 100, 10, 0, SIGNAL))
    assert_fills(trade(CALM, CALM, CALM, rise, roi=steps), (1, 100, 10, 0, SIGNAL), (3, 125, -10, 0, ROI))
    assert_fills(trade(CALM, CALM, CALM, CALM, rise, roi=steps), (1, 100, 10, 0, SIGNAL), (4, 112.5, -10, 0, ROI))


def test_the_age_at_the_bars_open_chooses_the_step():
    """A step that falls due within a bar waits for the next one."""
    rise = (100, 130, 99, 110)
    steps = ladder((1.5, 0.25))

    assert_fills(trade(CALM, CALM, rise, CALM, roi=steps), (1, 100, 10, 0, SIGNAL))
    assert_fills(trade(CALM, CALM, CALM, rise, roi=steps), (1, 100, 10, 0, SIGNAL), (3, 125, -10, 0, ROI))


def test_a_step_below_the_price_of_the_day_closes_at_the_open():
    ledger = trade(
        CALM,
        CALM,
        (100, 124, 99, 120),
        (118, 119, 117, 118),
        roi=ladder((0, 0.25), (2, 0.125)),
        slippage=0.01,
        cash=1_010,
    )

    assert_fills(ledger, (1, 101, 10, 0, SIGNAL), (3, 118, -10, 0, ROI))


def test_steps_that_fall_due_together_act_as_the_last_of_them():
    bars = market(CALM, CALM, (100, 130, 99, 110))
    bars.time[2] += 10 * HOUR
    ledger = simulate(
        bars, signals(bars, [0], []), Broker(1_000), Risk(roi=ladder((0, 0.5), (1, 0.25), (2, 0.125), (20, 0)))
    )

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (2, 112.5, -10, 0, ROI))


def test_a_later_step_may_ask_for_more():
    ledger = trade(CALM, CALM, (100, 115, 99, 110), (110, 130, 109, 120), roi=ladder((1, 0.25)))
    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (3, 125, -10, 0, ROI))

    wider = trade(CALM, CALM, (100, 115, 99, 110), (110, 130, 109, 120), roi=ladder((0, 0.25), (1, 0.5)))
    assert_fills(wider, (1, 100, 10, 0, SIGNAL))


def test_a_step_without_profit_closes_at_the_entry_price():
    ledger = trade(CALM, CALM, (95, 101, 94, 96), roi=ladder((1, 0.0)))

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (2, 100, -10, 0, ROI))


def test_of_ladder_and_take_profit_the_nearer_one_counts():
    rise = (100, 160, 99, 110)
    steps = ladder((0, 0.5), (2, 0.125))

    first = trade(CALM, CALM, rise, take_profit=0.25, roi=steps)
    assert_fills(first, (1, 100, 10, 0, SIGNAL), (2, 125, -10, 0, TAKE_PROFIT))
    later = trade(CALM, CALM, CALM, rise, take_profit=0.25, roi=steps)
    assert_fills(later, (1, 100, 10, 0, SIGNAL), (3, 112.5, -10, 0, ROI))
    level = trade(CALM, CALM, rise, take_profit=0.25, roi=ladder((0, 0.25)))
    assert_fills(level, (1, 100, 10, 0, SIGNAL), (2, 125, -10, 0, TAKE_PROFIT))


def test_before_the_first_step_there_is_the_take_profit_alone():
    rise = (100, 160, 99, 110)
    steps = ladder((2, 0.125))

    assert_fills(trade(CALM, CALM, rise, roi=steps), (1, 100, 10, 0, SIGNAL))
    both = trade(CALM, CALM, rise, take_profit=0.25, roi=steps)
    assert_fills(both, (1, 100, 10, 0, SIGNAL), (2, 125, -10, 0, TAKE_PROFIT))


def test_the_stop_comes_before_the_ladder_too():
    ledger = trade(CALM, CALM, (100, 112, 94, 108), stop_loss=0.05, roi=ladder((0, 0.1)))

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (2, 95, -10, 0, STOP_LOSS))


def test_an_open_that_has_passed_a_trail_and_the_step_below_it_is_the_trails_as_the_worse_of_the_two():
    ledger = trade(
        CALM,
        CALM,
        (100, 120, 99, 119),
        (105, 106, 104, 105),
        trail_distance=0.1,
        slippage=0.01,
        cash=1_010,
        roi=ladder((2, 0.01)),
    )

    assert_fills(ledger, (1, 101, 10, 0, SIGNAL), (3, 104, -10, 0, TRAILING_STOP))


def test_a_new_position_begins_the_ladder_anew():
    rise = (100, 130, 99, 100)
    ledger = trade(CALM, CALM, CALM, rise, CALM, rise, enter=[0, 3], roi=ladder((0, 0.5), (2, 0.25)))

    assert_fills(ledger, (1, 100, 10, 0, SIGNAL), (3, 125, -10, 0, ROI), (4, 100, 12.5, 0, SIGNAL))


# Size


def test_a_fraction_of_equity_is_spent_commission_included():
    ledger = trade(CALM, CALM, cash=2_020, commission=0.01, sizing=Sizing(fraction=0.5))

    assert_fills(ledger, (1, 100, 10, 10, SIGNAL))
    assert ledger.cash == pytest.approx(1_010)


@pytest.mark.parametrize(("commission", "slippage"), [(0, 0), (0.001, 0), (0, 0.0005), (0.002, 0.001), (0.1, 0.1)])
def test_a_stop_out_loses_the_share_of_equity_that_was_risked_with_all_costs(commission, slippage):
    calm, fall = (100, 120, 99.9, 100), (100, 101, 50, 60)
    ledger = trade(
        calm,
        calm,
        fall,
        cash=10_000,
        commission=commission,
        slippage=slippage,
        stop_loss=0.2,
        sizing=Sizing(fraction=0, risk=0.02),
    )

    assert ledger.fills.reason.tolist() == [SIGNAL, STOP_LOSS]
    assert ledger.cash == pytest.approx(10_000 * 0.98, rel=1e-9)


def test_risk_is_taken_of_the_equity_at_the_entry():
    fall = (100, 101, 79, 100)
    ledger = trade(
        CALM, CALM, fall, CALM, fall, enter=[0, 2], stop_loss=0.2, cash=10_000, sizing=Sizing(fraction=0, risk=0.1)
    )

    assert ledger.equity == pytest.approx([10_000, 10_000, 9_000, 9_000, 8_100])


def test_a_position_sized_by_risk_costs_no_more_than_there_is():
    ledger = trade(CALM, CALM, stop_loss=0.02, commission=0.01, cash=1_010, sizing=Sizing(fraction=0, risk=0.5))

    assert_fills(ledger, (1, 100, 10, 10, SIGNAL))
    assert ledger.cash == pytest.approx(0, abs=1e-9)
    assert ledger.cash >= 0


@pytest.mark.parametrize("sizing", [Sizing(1.0), Sizing(0, risk=0.1)])
def test_entries_that_the_account_cannot_pay_for_are_counted(sizing):
    ledger = trade(CALM, CALM, CALM, CALM, enter=[0, 1, 3], cash=0, stop_loss=0.5, sizing=sizing)

    assert_fills(ledger)
    assert ledger.unfilled == 2
    assert ledger.equity.tolist() == [0, 0, 0, 0]


# The workspace of a sweep


def test_a_workspace_keeps_nothing_of_the_run_before():
    bars = market(CALM, CALM, (100, 120, 99, 110), (110, 111, 90, 100), CALM, CALM, CALM)
    busy, quiet = signals(bars, [0, 3, 5], [4]), signals(bars, [4], [])
    conditions = terms(Broker(1_000), Risk(stop_loss=0.1, trail_distance=0.05, roi=ladder((0, 0.5))))
    used, fresh = Workspace(len(bars), 0), Workspace(len(bars), 0)

    used.trade(bars, busy, 1_000.0, conditions)
    assert (used.fills, used.closed) == (5, 2)
    used.trade(bars, quiet, 1_000.0, conditions)
    fresh.trade(bars, quiet, 1_000.0, conditions)

    assert (used.fills, used.closed, used.cash, used.unfilled) == (1, 0, fresh.cash, 0)
    assert used.equity.tobytes() == fresh.equity.tobytes()
    assert used.events[:1].tolist() == fresh.events[:1].tolist()
    assert used.amounts[:1].tolist() == fresh.amounts[:1].tolist()


def test_a_workspace_makes_room_for_every_fill():
    bars = market(*[CALM] * 12)
    space = Workspace(len(bars), 0)

    for positions in (1, 2, 3, 5):
        space.trade(
            bars,
            signals(bars, 2 * np.arange(positions), 2 * np.arange(positions) + 1),
            1_000.0,
            terms(Broker(1_000), Risk()),
        )
        assert space.fills == len(space.events[: space.fills]) == 2 * positions


def test_once_it_has_run_the_kernel_is_compiled():
    trade(CALM, CALM)

    assert not needs_compiling()
