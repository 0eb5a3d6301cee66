"""A position's own arithmetic; what follows from it in a market is in `test_kernel`."""

import numpy as np
import pytest

from tidewright.domain.costs import Broker, Risk, RoiStep, Sizing
from tidewright.domain.ledger import Reason
from tidewright.domain.position import (
    NEVER,
    POSITION,
    climb_ladder,
    open_position,
    protect,
    protected_exit,
    quiet_range,
    terms,
    trail,
)

HOUR = 3_600_000


CASH = Broker(1_000.0)


def opened(at=0, side=1.0, broker=CASH, **risk):
    """A position opened at 100 at time `at`, and its terms."""
    position = np.zeros(1, dtype=POSITION).view(np.recarray)[0]
    conditions = terms(broker, Risk(**risk))
    assert open_position(position, conditions, side, 100.0, 100.0, 100.0, broker.cash)
    protect(position, conditions, at)
    return position, conditions


def test_terms_are_the_numbers_of_broker_and_risk():
    conditions = terms(
        Broker(1_000, 0.001, 0.0005, 0.0002, 4.0, 0.01),
        Risk(0.05, 0.1, 0.02, 0.01, (RoiStep(0, 0.1), RoiStep(HOUR, 0.05)), Sizing(0.0, 0.02)),
    )

    names = ("commission", "maker_commission", "slippage", "leverage", "margin", "maintenance", "fraction", "risk")
    assert [conditions[name] for name in names] == [0.001, 0.0002, 0.0005, 4.0, 0.25, 0.01, 0, 0.02]
    names = ("stop_loss", "take_profit", "trail_activation", "trail_distance")
    assert [conditions[name] for name in names] == [0.05, 0.1, 0.02, 0.01]
    assert conditions.roi_after[: conditions.rungs].tolist() == [0, HOUR]
    assert conditions.roi_profit[: conditions.rungs].tolist() == [0.1, 0.05]


def test_a_ladder_of_more_steps_than_there_is_room_for_is_refused():
    with pytest.raises(ValueError, match="17 steps; 16 are the most"):
        terms(CASH, Risk(roi=tuple(RoiStep(k, 0.1) for k in range(17))))


def test_limits_that_are_not_set_do_not_bind():
    conditions = terms(CASH, Risk())

    assert (conditions.open_positions, conditions.entries, conditions.cooldown) == (1, 1, 0)
    assert conditions.symbol_exposure == conditions.total_exposure == conditions.volume_share == np.inf


def test_without_stops_and_targets_no_price_closes_a_position():
    position, _ = opened()

    assert (position.stop, position.ruin, position.target, position.peak) == (-np.inf, 0, np.inf, np.inf)
    assert position.step_due == NEVER
    assert quiet_range(position) == (0, np.inf)


def test_a_short_positions_levels_are_signed_and_its_quiet_range_is_not():
    position, _ = opened(side=-1.0, broker=Broker(1_000.0, leverage=2.0), stop_loss=0.25, take_profit=0.5)

    assert (position.stop, position.ruin, position.target) == (-125, -150, -50)
    assert quiet_range(position) == (50, 125)


def test_the_maintenance_margin_ruins_a_position_before_its_margin_is_gone():
    position, _ = opened(broker=Broker(1_000.0, leverage=5.0, maintenance_margin=0.2))

    assert (position.bankrupt, position.ruin) == (80, 100)


def test_a_fraction_of_the_account_pays_for_quantity_and_commission():
    position = np.zeros(1, dtype=POSITION).view(np.recarray)[0]
    conditions = terms(Broker(1_000, commission=0.01), Risk(sizing=Sizing(0.5)))

    assert open_position(position, conditions, 1.0, 100.0, 101.0, 99.0, 1_010.0)
    assert position.held == pytest.approx(5)


def test_an_account_that_is_empty_opens_nothing():
    position = np.zeros(1, dtype=POSITION).view(np.recarray)[0]

    assert not open_position(position, terms(Broker(0.0), Risk()), 1.0, 100.0, 101.0, 99.0, 0.0)
    assert position.held == 0


def test_the_trail_rises_with_the_peak_and_never_falls():
    position, conditions = opened(stop_loss=0.25, trail_activation=0.25, trail_distance=0.5)
    stops = []
    for peak in (110.0, 125.0, 160.0, 200.0, 180.0):
        position.peak = peak
        trail(position, conditions)
        stops.append((position.stop, Reason(position.stop_reason)))

    assert stops == [
        (75, Reason.STOP_LOSS),
        (75, Reason.STOP_LOSS),
        (80, Reason.TRAILING_STOP),
        (100, Reason.TRAILING_STOP),
        (100, Reason.TRAILING_STOP),
    ]


def test_the_ladder_is_climbed_by_age_and_ends_with_its_last_step():
    position, conditions = opened(at=5 * HOUR, take_profit=0.375, roi=(RoiStep(HOUR, 0.5), RoiStep(3 * HOUR, 0.25)))
    assert position.step_due == 6 * HOUR

    climb_ladder(position, conditions, 6 * HOUR)
    assert (position.target, position.target_reason, position.step_due) == (137.5, Reason.TAKE_PROFIT, 8 * HOUR)
    climb_ladder(position, conditions, 20 * HOUR)
    assert (position.target, position.target_reason, position.step_due) == (125, Reason.ROI, NEVER)


@pytest.mark.parametrize(
    ("open_", "low", "price", "reason"),
    [
        (100.0, 90.0, 95, Reason.STOP_LOSS),
        (94.0, 90.0, 94, Reason.STOP_LOSS),
        (125.0, 90.0, 125, Reason.TAKE_PROFIT),
        (130.0, 126.0, 130, Reason.TAKE_PROFIT),
        (100.0, 99.0, 125, Reason.TAKE_PROFIT),
    ],
)
def test_an_exit_fills_at_the_stop_the_target_or_a_gap_beyond_either(open_, low, price, reason):
    position, conditions = opened(stop_loss=0.05, take_profit=0.25)

    assert protected_exit(position, conditions, open_, 200.0, low) == (price, reason)
