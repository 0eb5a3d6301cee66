import numpy as np
import pytest

from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.provenance import bars_digest
from tidewright.domain.resampling import bars_of
from tidewright.exchange.from_bars import market_of_bars

MARKET = Market("binance", "BTC/USDT", "1h")
HOUR = 3_600_000


def bars(*rows, times=None):
    """Open, high, low, close and volume."""
    columns = np.array(rows, np.float64).T
    return Bars(HOUR * np.array(times or range(1, len(rows) + 1)), *columns, step=HOUR, market=MARKET)


RISING, FALLING = (100.5, 103.25, 99.75, 102.0, 12.345), (102.0, 102.5, 90.0, 95.5, 0.00000003)


@pytest.mark.parametrize("per_bar", [4, 5, 100])
def test_the_trades_make_exactly_the_bars_that_they_were_made_of(per_bar):
    given = bars(RISING, FALLING, RISING)
    made = bars_of(market_of_bars(given, per_bar).log.tape().ticks, MARKET)
    assert bars_digest(made) == bars_digest(given)


def test_the_worse_extreme_comes_first_in_a_bar_that_rises_and_last_in_one_that_falls():
    log = market_of_bars(bars(RISING, FALLING)).log
    assert log.tape().price.tolist() == [100.5, 99.75, 103.25, 102.0, 102.0, 102.5, 90.0, 95.5]
    assert (log.time[:5] - HOUR).tolist() == [0, HOUR // 3 - 1, 2 * (HOUR - 1) // 3, HOUR - 1, HOUR]


def test_missing_bars_are_an_outage():
    candles = market_of_bars(bars(RISING, FALLING, RISING, times=[1, 2, 5])).candles("1h")
    assert (candles.opens // HOUR).tolist() == [1, 2, 5]


def test_the_seed_decides_how_a_volume_is_shared():
    shares = [market_of_bars(bars(RISING), seed=seed).log.quantity.tolist() for seed in (1, 1, 2)]
    assert shares[0] == shares[1] != shares[2]


def test_bars_that_break_the_rules_are_refused():
    with pytest.raises(ValueError, match="BTC/USDT 1h on binance"):
        market_of_bars(bars((100.0, 90.0, 99.0, 100.0, 1.0)))
    with pytest.raises(ValueError, match="no bars"):
        market_of_bars(bars(RISING).part(0, 0))


def test_a_coin_of_many_units_has_its_volume_too():
    given = bars((0.00001234, 0.0000125, 0.0000123, 0.0000124, 2_345_678_901_234.0))
    made = bars_of(market_of_bars(given).log.tape().ticks, MARKET)
    assert {name: getattr(made, name).tolist() for name in COLUMNS} == {
        name: getattr(given, name).tolist() for name in COLUMNS
    }
