import numpy as np
import pytest

from tidewright.domain.bars import COLUMNS, Market
from tidewright.domain.resampling import bars_of
from tidewright.exchange.candles import Candles
from tidewright.exchange.markets import Symbol
from tidewright.exchange.simulated import simulated_market
from tidewright.exchange.trade_log import TradeLog
from tidewright.ports import Stretch

START = 1_704_067_200_000
MINUTE = 60_000


def log_of(*trades):
    """Of (time, price, quantity) in hundredths, the seller taking where the quantity is negative."""
    time, price, quantity = (np.array(column, np.int64) for column in zip(*trades, strict=True))
    number = np.arange(1, len(time) + 1)
    return TradeLog(number, time, price, 2, np.abs(quantity), 2, quantity < 0, time * 1_000_000)


@pytest.fixture(scope="module")
def simulated():
    return simulated_market(Symbol.of("BTC/USDT"), START, 6, seed=3)


@pytest.mark.parametrize("interval", ["1s", "1m", "5m", "1h", "1d"])
def test_klines_are_the_bars_that_the_domain_makes_of_the_same_trades(simulated, interval):
    candles = simulated.candles(interval)
    rows = [candles.row(candles.at(row, 2**60)) for row in range(len(candles))]
    bars = bars_of(simulated.log.tape().ticks, Market("binance", "BTC/USDT", interval))
    traded = [row for row in rows if row[8]]
    assert [row[0] for row in traded] == bars.time.tolist()
    for column, name in enumerate(COLUMNS, start=1):
        assert [float(row[column]) for row in traded] == getattr(bars, name).tolist()


def test_a_kline_that_is_not_over_is_made_of_the_trades_so_far(simulated):
    candles, now = simulated.candles("1h"), START + 90 * MINUTE
    tape = simulated.log.tape()
    part = tape.part(*np.searchsorted(tape.time, (START + 60 * MINUTE, now + 1)))
    (row,) = (candles.at(number, now) for number in [candles.begun(now) - 1])
    assert (row.trades, row.last) == (len(part), part.id[-1])
    assert float(candles.row(row)[2]) == part.price.max()


def test_a_minute_without_a_trade_is_flat_and_one_in_an_outage_is_not_there():
    log = log_of((START, 100, 1), (START + 3 * MINUTE, 120, -2), (START + 6 * MINUTE, 110, 3))
    candles = Candles(log, "1m", [Stretch(START + 4 * MINUTE, START + 6 * MINUTE)])
    assert ((candles.opens - START) // MINUTE).tolist() == [0, 1, 2, 3, 6]
    assert candles.row(candles.at(1, 2**60)) == [
        START + MINUTE, *["1.00000000"] * 4, "0.00000000", START + 2 * MINUTE - 1, "0.00000000", 0, "0.00000000", "0.00000000", "0"
    ]  # fmt: skip


def test_what_takers_bought_is_told_apart():
    log = log_of((START, 200, 300), (START + 1, 100, -500))
    row = Candles(log, "1m").row(Candles(log, "1m").at(0, 2**60))
    assert row[5:] == ["8.00000000", START + MINUTE - 1, "11.00000000", 2, "3.00000000", "6.00000000", "0"]


def test_a_kline_begins_with_its_first_trade():
    candles = Candles(log_of((START, 100, 1), (START + MINUTE + 500, 120, 2)), "1m")
    assert candles.begun(START - 1) == 0
    assert candles.begun(START + MINUTE + 499) == 1
    assert candles.begun(START + MINUTE + 500) == 2


def test_sums_beyond_64_bits_are_exact():
    huge = 5 * 10**18
    log = log_of((START, 300, huge), (START + 1, 300, huge), (START + 2, 300, 1))
    row = Candles(log, "1m").row(Candles(log, "1m").at(0, 2**60))
    assert row[5] == "100000000000000000.01000000"
    assert row[7] == "300000000000000000.03000000"
