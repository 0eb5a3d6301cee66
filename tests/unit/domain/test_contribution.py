"""What each symbol did for an account, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from tidewright.domain.backtest import Series, backtest_account
from tidewright.domain.bars import Bars
from tidewright.domain.contribution import contributions, correlation, gains
from tidewright.domain.costs import Broker, Funding, Risk, Sizing
from tidewright.domain.strategies.strategy import Signals, SignalStrategy

HOUR, DAY = 3_600_000, 86_400_000
HALF = Risk(sizing=Sizing(0.5), max_open_positions=2)


class Once(SignalStrategy):
    """Enters at its second bar and leaves two bars later."""

    def warmup(self, parameters):
        return 0

    def signals(self, bars, columns, parameters):
        age = np.arange(len(bars))
        return Signals(age == 0, age == 2)


def bars(*prices, first=0, step=HOUR):
    """Bars that open and close at one price each."""
    price = np.array(prices, dtype=np.float64)
    return Bars(first + step * np.arange(len(price)), price, price, price, price, np.ones(len(price)), step=step)


def account(*series, **costs):
    return backtest_account([Series(one) for one in series], Once(), {}, Broker(1_000.0, **costs), HALF)


def test_a_symbol_brings_what_its_fills_do_and_what_is_held_of_it():
    # 5 at 100 for half of 1,000; at the last bar they are sold at 120. The other is bought at 50, and stands at 40.
    outcome = account(bars(100, 100, 110, 120), bars(50, 50, 40))
    assert gains(outcome).tolist() == [[0, 0, 50, 100], [0, 0, -100, -100]]
    rising, falling = contributions(outcome)
    assert (rising.gain, rising.trades, rising.won, rising.exposure) == (100, 1, 1, 0.5)
    assert (falling.gain, falling.trades, falling.won) == (-100, 0, 0)


def test_fees_are_in_the_gain():
    outcome = account(bars(100, 100, 100, 100), bars(50, 50, 50, 50), commission=0.01)
    for one in contributions(outcome):
        assert one.gain == pytest.approx(-one.fees)
        assert one.fees > 0


def test_funding_is_in_the_gain_of_the_symbol_that_paid_it():
    paying = Series(bars(100, 100, 100, 100), funding=Funding(np.array([2 * HOUR]), np.array([0.01])))
    outcome = backtest_account([paying, Series(bars(50, 50, 50, 50))], Once(), {}, Broker(1_000.0), HALF)
    assert gains(outcome).tolist() == [[0, -5, -5, -5], [0, 0, 0, 0]]
    assert outcome.ledger.funding.tolist() == [0, 5, 0, 0]


def test_all_gains_together_are_the_accounts():
    draw = np.random.default_rng(5)
    walks = [100 * np.exp(np.cumsum(draw.normal(0, 0.02, 300))) for _ in range(3)]
    outcome = account(
        *(bars(*walk, first=HOUR * 10 * i) for i, walk in enumerate(walks)), commission=0.002, slippage=0.001
    )
    np.testing.assert_allclose(1_000.0 + gains(outcome).sum(axis=0), outcome.ledger.equity, rtol=1e-12)


def test_a_symbol_that_comes_later_has_no_gain_before():
    outcome = account(bars(100, 100, 100, 100, 100, 100), bars(50, 50, 60, 70, first=2 * HOUR))
    assert gains(outcome)[1].tolist() == [0, 0, 0, 0, 100, 200]


class TestCorrelation:
    def test_is_over_the_days_that_two_symbols_have_in_common(self):
        rises = (1.01, 0.97, 1.05, 1.02, 0.99)
        one = 100 * np.cumprod((1.0, *rises))
        other = bars(*(50 * np.cumprod(rises[1:])), first=2 * DAY, step=DAY)
        other = replace(other, open=np.concatenate(([50.0], other.close[:-1])))
        assert correlation([bars(*one, step=DAY), other])[0, 1] == pytest.approx(1.0)

    def test_is_undefined_where_there_is_too_little_to_tell(self):
        flat, short = bars(5, 5, 5, 5, 5, step=DAY), bars(1, 2, step=DAY)
        found = correlation([bars(1, 2, 1, 3, 1, step=DAY), flat, short])
        assert np.isnan(found).tolist() == [[False, True, True], [True, True, True], [True, True, True]]
