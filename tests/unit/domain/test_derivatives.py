"""Shorts, leverage, liquidation and funding: small tables worked out by hand, and what must hold for any bars."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewright.domain.bars import Bars
from tidewright.domain.costs import Broker, Funding, Risk, RoiStep, Sizing
from tidewright.domain.funding import funding_by_bar
from tidewright.domain.kernel import simulate
from tidewright.domain.ledger import Ledger, Reason
from tidewright.domain.strategies.strategy import Signals
from tidewright.domain.trades import trades_of

HOUR = 3_600_000


def bars_of(*rows: tuple[float, float, float, float]) -> Bars:
    """Hourly bars from (open, high, low, close)."""
    columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T.copy()
    return Bars(np.arange(len(rows)) * HOUR, *columns, np.ones(len(rows)), HOUR)


def signals_of(bars: Bars, **at: tuple[int, ...]) -> Signals:
    """Signals that are true at the bars named: enter, exit, enter_short, exit_short."""
    arrays = {name: np.zeros(len(bars), dtype=np.bool_) for name in ("enter", "exit", "enter_short", "exit_short")}
    for name, where in at.items():
        arrays[name][list(where)] = True
    return Signals(**arrays)


def fills_of(ledger: Ledger) -> list[tuple[int, int, float, float, str]]:
    fills = ledger.fills
    return [
        (int(bar), int(side), float(price), float(quantity), Reason(reason).title)
        for bar, side, price, quantity, reason in zip(
            fills.bar, fills.side, fills.price, fills.quantity, fills.reason, strict=True
        )
    ]


FLAT = (100.0, 100.0, 100.0, 100.0)


class TestShort:
    def test_a_fall_is_a_gain(self) -> None:
        bars = bars_of(FLAT, (100, 101, 94, 95), (90, 92, 88, 91))
        ledger = simulate(bars, signals_of(bars, enter_short=(0,), exit_short=(1,)), Broker(10_000), Risk())
        assert fills_of(ledger) == [(1, -1, 100.0, 100.0, "Signal"), (2, 1, 90.0, 100.0, "Signal")]
        assert ledger.equity.tolist() == [10_000, 10_500, 11_000]
        assert ledger.holding().tolist() == [0, -100, 0]
        trades = trades_of(bars, ledger.fills)
        assert (trades.direction[0], trades.pnl[0], trades.net_return[0]) == (-1, 1_000, 0.1)
        assert trades.favourable[0] == pytest.approx(0.10)
        assert trades.adverse[0] == pytest.approx(-0.01)

    def test_costs_are_paid_on_both_fills_and_slippage_is_against_it(self) -> None:
        bars = bars_of(FLAT, (100, 101, 98, 100), (100, 102, 99, 100))
        broker = Broker(10_000, commission=0.001, slippage=0.01)
        ledger = simulate(bars, signals_of(bars, enter_short=(0,), exit_short=(1,)), broker, Risk())
        quantity = 10_000 / (99 * 1.001)
        assert fills_of(ledger)[0][2] == 99.0
        assert fills_of(ledger)[1][2] == 101.0
        assert ledger.fills.quantity[0] == pytest.approx(quantity, rel=1e-12)
        assert ledger.cash == pytest.approx(10_000 + quantity * (99 - 101) - 0.001 * quantity * (99 + 101))

    def test_the_stop_is_above_and_the_target_below(self) -> None:
        risk = Risk(stop_loss=0.05, take_profit=0.10)
        up = bars_of(FLAT, FLAT, (100, 106, 99, 104))
        assert fills_of(simulate(up, signals_of(up, enter_short=(0,)), Broker(1_000), risk))[1][2:] == (
            105.0,
            10.0,
            "StopLoss",
        )
        gap = bars_of(FLAT, FLAT, (108, 109, 107, 108))
        assert fills_of(simulate(gap, signals_of(gap, enter_short=(0,)), Broker(1_000), risk))[1][2] == 108.0
        down = bars_of(FLAT, FLAT, (97, 98, 89, 92))
        assert fills_of(simulate(down, signals_of(down, enter_short=(0,)), Broker(1_000), risk))[1][2::2] == (
            90.0,
            "TakeProfit",
        )

    def test_the_trailing_stop_follows_the_price_down(self) -> None:
        risk = Risk(trail_activation=0.05, trail_distance=0.02)
        bars = bars_of(FLAT, (100, 100, 99, 99), (99, 99, 90, 91), (91, 91.5, 90.5, 91), (91, 93, 91, 92))
        ledger = simulate(bars, signals_of(bars, enter_short=(0,)), Broker(1_000), risk)
        assert fills_of(ledger)[1][0] == 4
        assert fills_of(ledger)[1][2] == pytest.approx(90 * 1.02)
        assert fills_of(ledger)[1][4] == "TrailingStop"

    def test_an_exit_and_the_other_sides_entry_turn_around_at_one_open(self) -> None:
        bars = bars_of(FLAT, FLAT, (110, 110, 110, 110), (99, 99, 99, 99))
        signals = signals_of(bars, enter=(0,), exit=(1,), enter_short=(1,), exit_short=(2,))
        ledger = simulate(bars, signals, Broker(1_000), Risk())
        assert [(bar, side) for bar, side, *_ in fills_of(ledger)] == [(1, 1), (2, -1), (2, -1), (3, 1)]
        assert ledger.equity.tolist() == pytest.approx([1_000, 1_000, 1_100, 1_210])

    def test_two_entries_at_once_are_none(self) -> None:
        bars = bars_of(FLAT, FLAT, FLAT)
        assert fills_of(simulate(bars, signals_of(bars, enter=(0,), enter_short=(0,)), Broker(1_000), Risk())) == []

    def test_sized_by_risk_a_stop_loses_just_that_share(self) -> None:
        bars = bars_of(FLAT, FLAT, (100, 110, 99, 108))
        risk = Risk(stop_loss=0.05, sizing=Sizing(fraction=0.0, risk=0.01))
        broker = Broker(10_000, commission=0.001, slippage=0.0)
        ledger = simulate(bars, signals_of(bars, enter_short=(0,)), broker, risk)
        assert ledger.cash == pytest.approx(9_900, rel=1e-12)


class TestLeverage:
    BROKER = Broker(10_000, leverage=5.0, maintenance_margin=0.01)

    def test_a_position_may_be_worth_a_multiple_of_its_margin(self) -> None:
        bars = bars_of(FLAT, FLAT, (104, 104, 104, 104))
        ledger = simulate(bars, signals_of(bars, enter=(0,), exit=(1,)), self.BROKER, Risk())
        assert ledger.fills.quantity[0] == 500.0
        assert ledger.cash == 12_000.0

    def test_it_is_taken_over_where_the_maintenance_margin_is_reached(self) -> None:
        # The margin of 20 a unit is gone at 80; 1 % of the value is left of it at 80 / 0.99 = 80.81.
        spared = bars_of(FLAT, FLAT, (100, 100, 80.9, 90))
        assert len(fills_of(simulate(spared, signals_of(spared, enter=(0,)), self.BROKER, Risk()))) == 1
        ruined = bars_of(FLAT, FLAT, (100, 100, 80.8, 90), FLAT)
        ledger = simulate(ruined, signals_of(ruined, enter=(0,)), self.BROKER, Risk())
        assert fills_of(ledger)[1] == (2, -1, 80.0, 500.0, "Liquidation")
        assert ledger.equity.tolist() == [10_000, 10_000, 0, 0]

    def test_a_short_is_taken_over_above(self) -> None:
        # The margin is gone at 120; with 1 % of the value left, at 120 / 1.01 = 118.81.
        bars = bars_of(FLAT, FLAT, (100, 118.9, 100, 110))
        ledger = simulate(bars, signals_of(bars, enter_short=(0,)), self.BROKER, Risk())
        assert fills_of(ledger)[1] == (2, 1, 120.0, 500.0, "Liquidation")

    def test_a_short_without_leverage_can_be_ruined_too(self) -> None:
        bars = bars_of(FLAT, FLAT, (100, 230, 100, 110))
        ledger = simulate(bars, signals_of(bars, enter_short=(0,)), Broker(10_000), Risk())
        assert fills_of(ledger)[1][2::2] == (200.0, "Liquidation")
        assert ledger.cash == 0.0

    def test_a_stop_before_it_is_a_stop(self) -> None:
        bars = bars_of(FLAT, FLAT, (100, 100, 70, 75))
        ledger = simulate(bars, signals_of(bars, enter=(0,)), self.BROKER, Risk(stop_loss=0.1))
        assert fills_of(ledger)[1][2::2] == (90.0, "StopLoss")

    def test_a_gap_beyond_the_stop_and_the_margin_leaves_no_debt(self) -> None:
        bars = bars_of(FLAT, FLAT, (60, 65, 55, 60))
        ledger = simulate(bars, signals_of(bars, enter=(0,)), self.BROKER, Risk(stop_loss=0.1))
        assert fills_of(ledger)[1][2::2] == (80.0, "Liquidation")
        assert ledger.cash == 0.0

    def test_an_exit_signal_at_an_open_beyond_the_margin_leaves_no_debt_either(self) -> None:
        bars = bars_of(FLAT, FLAT, (70, 75, 65, 70))
        ledger = simulate(bars, signals_of(bars, enter=(0,), exit=(1,)), self.BROKER, Risk())
        assert fills_of(ledger)[1][2::2] == (80.0, "Liquidation")
        assert ledger.cash == 0.0

    def test_a_target_pays_the_makers_commission(self) -> None:
        bars = bars_of(FLAT, FLAT, (100, 112, 100, 110))
        broker = Broker(10_000, commission=0.001, maker_commission=0.0002)
        ledger = simulate(bars, signals_of(bars, enter=(0,)), broker, Risk(take_profit=0.1))
        quantity = ledger.fills.quantity[0]
        assert ledger.fills.fee.tolist() == pytest.approx([quantity * 100 * 0.001, quantity * 110 * 0.0002])

    def test_a_target_whose_commission_is_more_than_the_margin_leaves_no_debt(self) -> None:
        bars = bars_of(FLAT, FLAT, (100, 112, 100, 110))
        broker = Broker(10_000, commission=0.1, leverage=20.0)
        ledger = simulate(bars, signals_of(bars, enter=(0,)), broker, Risk(take_profit=0.01))
        assert fills_of(ledger)[1][2::2] == (95.0, "Liquidation")
        assert ledger.cash == pytest.approx(0.0, abs=1e-9)


class TestFunding:
    def test_a_spreadsheet_of_one_position(self) -> None:
        """Long 100 from 100; 0.01 % at 02:00 on 102 (1.02), -0.02 % at 03:00 on 101 (-2.02); out at 103."""
        bars = bars_of(FLAT, (100, 102, 100, 102), (102, 102, 101, 101), (101, 103, 101, 103), (103, 103, 103, 103))
        funding = Funding(np.array([2 * HOUR + 7, 3 * HOUR - 4]), np.array([0.0001, -0.0002]))
        ledger = simulate(bars, signals_of(bars, enter=(0,), exit=(3,)), Broker(10_000), Risk(), funding)
        assert ledger.funding.tolist() == pytest.approx([0, 1.02, -2.02, 0, 0])
        assert ledger.equity.tolist() == pytest.approx([10_000, 10_198.98, 10_101.00, 10_301.00, 10_301.00])
        assert ledger.cash == pytest.approx(10_300 - 1.02 + 2.02)

    def test_who_is_short_receives_what_who_is_long_pays(self) -> None:
        bars = bars_of(FLAT, FLAT, FLAT, FLAT)
        funding = Funding(np.array([2 * HOUR]), np.array([0.001]))
        long = simulate(bars, signals_of(bars, enter=(0,)), Broker(10_000), Risk(), funding)
        short = simulate(bars, signals_of(bars, enter_short=(0,)), Broker(10_000), Risk(), funding)
        assert long.funding.tolist() == [0, 10, 0, 0]
        assert short.funding.tolist() == [0, -10, 0, 0]

    def test_it_is_taken_from_the_margin_and_never_more_than_there_is(self) -> None:
        bars = bars_of(FLAT, FLAT, FLAT, FLAT)
        funding = Funding(np.array([2 * HOUR]), np.array([0.5]))
        ledger = simulate(bars, signals_of(bars, enter=(0,)), Broker(10_000, leverage=5.0), Risk(), funding)
        assert ledger.funding[1] == 10_000
        assert fills_of(ledger)[1][4] == "Liquidation"
        assert ledger.equity.tolist() == [10_000, 0, 0, 0]

    def test_every_due_rate_belongs_to_the_bar_that_ends_with_it_or_before_a_gap(self) -> None:
        bars = bars_of(FLAT, FLAT, FLAT)
        gapped = Bars(np.array([0, HOUR, 5 * HOUR]), *(bars.open,) * 4, bars.volume, HOUR)
        times = np.array([0, HOUR, 3 * HOUR, 5 * HOUR, 6 * HOUR, 7 * HOUR])
        rates = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
        assert funding_by_bar(gapped, Funding(times, rates)).tolist() == [2.0, 12.0, 16.0]

    def test_no_bars_no_funding(self) -> None:
        assert funding_by_bar(bars_of(), Funding(np.array([1]), np.array([0.1]))).tolist() == []


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Bars, Signals, Broker, Risk, Funding | None]:
    n = draw(st.integers(2, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    close = 100 * np.cumprod(1 + random.normal(0, draw(st.sampled_from([0.002, 0.02, 0.2])), n).clip(-0.6, 0.9))
    open_ = np.r_[100.0, close[:-1]] * (1 + random.normal(0, 0.02, n)).clip(0.5, 1.5)
    high = np.maximum(open_, close) * (1 + random.random(n) * 0.05)
    low = np.minimum(open_, close) * (1 - random.random(n) * 0.05)
    bars = Bars(np.arange(n) * HOUR, open_, high, low, close, np.ones(n), HOUR)
    signals = Signals(*(random.random(n) < 0.3 for _ in range(4)))
    leverage = draw(st.sampled_from([1.0, 2.0, 5.0, 20.0]))
    broker = Broker(
        10_000.0,
        commission=draw(st.sampled_from([0.0, 0.001])),
        slippage=draw(st.sampled_from([0.0, 0.002])),
        leverage=leverage,
        maintenance_margin=draw(st.sampled_from([0.0, 0.005, 0.02])),
    )
    risk = Risk(
        stop_loss=draw(st.sampled_from([0.0, 0.03])),
        take_profit=draw(st.sampled_from([0.0, 0.05])),
        trail_distance=draw(st.sampled_from([0.0, 0.02])),
        trail_activation=draw(st.sampled_from([0.0, 0.01])),
        roi=draw(st.sampled_from([(), (RoiStep(0, 0.08), RoiStep(3 * HOUR, 0.01))])),
        sizing=Sizing(draw(st.sampled_from([0.5, 1.0]))),
    )
    rates = Funding(bars.time[1:], random.normal(0, 0.01, n - 1)) if draw(st.booleans()) else None
    return bars, signals, broker, risk, rates


class TestForAnyBars:
    @given(scenes())
    def test_money_is_conserved_and_no_debt_is_left(
        self, scene: tuple[Bars, Signals, Broker, Risk, Funding | None]
    ) -> None:
        bars, signals, broker, risk, funding = scene
        ledger = simulate(bars, signals, broker, risk, funding)
        fills = ledger.fills
        moved = -np.sum(fills.side * fills.price * fills.quantity) - np.sum(fills.fee) - np.sum(ledger.funding)
        assert ledger.cash == pytest.approx(ledger.initial + moved, abs=0.005)
        assert ledger.equity[-1] == pytest.approx(ledger.cash + ledger.holding()[-1] * bars.close[-1], abs=1e-6)
        assert ledger.equity.min() >= -1e-6

    @given(scenes())
    def test_fills_lie_within_their_bars_but_for_liquidations(
        self, scene: tuple[Bars, Signals, Broker, Risk, Funding | None]
    ) -> None:
        bars, signals, broker, risk, funding = scene
        fills = simulate(bars, signals, broker, risk, funding).fills
        ordinary = fills.reason != Reason.LIQUIDATION
        price, bar = fills.price[ordinary], fills.bar[ordinary]
        assert np.all((price <= bars.high[bar] * (1 + 1e-12)) & (price >= bars.low[bar] * (1 - 1e-12)))

    @given(scenes(), st.integers(1, 40))
    def test_the_future_changes_nothing_that_has_happened(
        self, scene: tuple[Bars, Signals, Broker, Risk, Funding | None], length: int
    ) -> None:
        bars, signals, broker, risk, funding = scene
        whole = simulate(bars, signals, broker, risk, funding)
        arrays = (signals.enter, signals.exit, signals.enter_short, signals.exit_short)
        early = Signals(*(array[:length] for array in arrays if array is not None))
        part = simulate(bars.part(0, length), early, broker, risk, funding)
        assert part.equity.tobytes() == whole.equity[: len(part.equity)].tobytes()
