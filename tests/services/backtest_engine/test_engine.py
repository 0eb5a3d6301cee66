"""The engine by itself: where the kernel is not there to be agreed with."""

import subprocess
import sys

import numpy as np
import pytest

from backtest_engine import rules
from backtest_engine.engine import BacktraderEngine
from tidewright.adapters.engines import find_engine
from tidewright.domain.bars import Bars
from tidewright.domain.costs import Broker, Risk, RoiStep, Sizing
from tidewright.domain.ledger import Reason
from tidewright.domain.strategies.strategy import Signals

HOUR = 3_600_000
CALM = (100, 101, 99, 100)


def trade(*rows, enter=(0,), leave=(), broker=Broker(1_000.0), **risk):  # noqa: B008 - frozen
    open_, high, low, close = np.array(rows, dtype=np.float64).T.copy()
    bars = Bars(HOUR * np.arange(len(rows)), open_, high, low, close, np.ones(len(rows)), step=HOUR)
    at = np.arange(len(bars))
    return BacktraderEngine().trade(bars, Signals(np.isin(at, enter), np.isin(at, leave)), broker, Risk(**risk))


def test_the_engine_is_found_by_its_name():
    engine = find_engine("Backtrader")

    assert isinstance(engine, BacktraderEngine)
    assert (engine.name, engine.version) == ("Backtrader", "1.9.78.123")
    assert find_engine("Zipline") is None


def test_looking_for_engines_does_not_load_backtrader():
    code = "import sys; from tidewright.adapters.engines import find_engine; find_engine('Backtrader'); print('backtrader' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_position_is_sized_by_the_price_that_it_fills_at():
    ledger = trade(CALM, (50, 60, 40, 55), broker=Broker(1_000.0, commission=0.25, slippage=0.1)).ledger

    assert ledger.fills.price.tolist() == [55.00000000000001]
    assert ledger.fills.quantity * ledger.fills.price * 1.25 == pytest.approx(1_000)
    assert ledger.cash >= 0
    assert ledger.equity.tolist() == pytest.approx([1_000, 800])


def test_a_stop_acts_in_the_bar_of_the_entry():
    ledger = trade(CALM, (100, 101, 90, 95), stop_loss=0.05).ledger

    assert ledger.fills.bar.tolist() == [1, 1]
    assert ledger.fills.price.tolist() == [100, 95]
    assert ledger.fills.reason.tolist() == [Reason.SIGNAL, Reason.STOP_LOSS]
    assert ledger.fills.held.tolist() == [10, 0]


def test_a_target_that_the_open_has_passed_fills_there():
    ledger = trade(
        CALM, CALM, (120, 121, 80, 100), stop_loss=0.05, take_profit=0.1, broker=Broker(1_000.0, slippage=0.01)
    ).ledger

    assert ledger.fills.price.tolist() == [101, 120]


def test_an_open_beyond_both_a_trailing_stop_and_a_step_of_the_ladder_is_a_stop():
    ladder = (RoiStep(HOUR, 0.0),)
    ledger = trade(CALM, (100, 120, 100, 118), (110, 112, 105, 106), trail_distance=0.05, roi=ladder).ledger

    assert ledger.fills.price.tolist() == [100, 110]
    assert ledger.fills.reason.tolist() == [Reason.SIGNAL, Reason.TRAILING_STOP]


def test_limit_orders_pay_the_commission_of_a_maker():
    ledger = trade(
        CALM, (100, 111, 100, 105), take_profit=0.1, broker=Broker(1_000.0, 0.01, maker_commission=0.005)
    ).ledger

    quantity = 1_000 / 101
    assert ledger.fills.fee.tolist() == pytest.approx([quantity, 0.005 * 110 * quantity])


def test_short_sales_and_leverage_are_refused():
    nothing = np.zeros(1, dtype=np.bool_)
    bars = Bars(np.zeros(1, np.int64), *[np.ones(1)] * 5, step=HOUR)

    for signals, broker in (
        (Signals(nothing, nothing, nothing, nothing), Broker(1.0)),
        (Signals(nothing, nothing), Broker(1.0, leverage=2.0)),
    ):
        with pytest.raises(ValueError, match="spot accounts alone"):
            BacktraderEngine().trade(bars, signals, broker, Risk())


def test_an_account_without_a_position_is_worth_its_cash():
    result = trade(CALM, CALM, CALM, enter=())

    assert len(result.ledger.fills) == 0
    assert result.ledger.equity.tolist() == [1_000, 1_000, 1_000]
    assert result.analyzers["SQN"] == {"sqn": 0, "trades": 0}
    assert result.analyzers["SharpeRatio"]["sharperatio"] is None


def test_analyzers_are_undefined_rather_than_failing_on_a_single_bar():
    analyzers = trade(CALM).analyzers

    assert set(analyzers) == {"SharpeRatio", "SQN", "VWR", "DrawDown", "TradeAnalyzer"}
    assert analyzers["VWR"]["vwr"] is None
    assert analyzers["SharpeRatio"]["sharperatio"] is None


def test_an_entry_that_the_account_cannot_pay_for_is_counted():
    ledger = trade(CALM, CALM, CALM, enter=(0, 1), sizing=Sizing(0.0)).ledger

    assert ledger.unfilled == 2
    assert len(ledger.fills) == 0


@pytest.mark.parametrize("cash", [1_000.0, 0.1, 7.77e9])
@pytest.mark.parametrize("price", [3.0, 0.07, 61_234.5])
@pytest.mark.parametrize("commission", [0.0, 0.001, 0.1])
def test_all_the_cash_never_buys_more_than_backtrader_accepts(cash, price, commission):
    quantity = rules.size(cash, price, Broker(cash, commission), Risk())

    assert cash - quantity * price - quantity * commission * price >= 0
    assert quantity * price * (1 + commission) == pytest.approx(cash, rel=1e-14)
