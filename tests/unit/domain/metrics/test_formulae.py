"""Each formula gives what one works out by hand, and NaN where there is nothing to work out."""

import math

import pytest

from tidewright.domain.metrics import formulae

NOTHING = math.nan


def test_a_tenth_a_year_for_two_years_is_a_growth_of_a_fifth_and_a_bit():
    assert formulae.cagr(1.21, 2.0) == pytest.approx(0.1, rel=1e-12)


def test_half_a_year_is_compounded_to_a_whole_one():
    assert formulae.cagr(1.1, 0.5) == pytest.approx(0.21, rel=1e-12)


def test_ratios_are_annualised_by_the_root_of_the_periods():
    assert formulae.volatility(0.02, 365.0) == pytest.approx(0.382099463490856)
    assert formulae.sharpe(0.001, 0.02, 365.0) == pytest.approx(0.95524865872714)
    assert formulae.sortino(0.001, 0.01, 365.0) == pytest.approx(1.91049731745428)
    assert formulae.sharpe(0.01, 0.02, 365 / 7) == pytest.approx(3.61050193377)


def test_calmar_is_growth_over_drawdown():
    assert formulae.calmar(0.3, 0.2) == pytest.approx(1.5)


def test_kelly_bets_a_fifth_on_three_wins_in_five_at_even_money():
    assert formulae.kelly(0.6, 0.4, 0.05, -0.05) == pytest.approx(0.2)


def test_kelly_is_negative_where_the_odds_are_against_the_trader():
    assert formulae.kelly(0.4, 0.6, 0.05, -0.05) == pytest.approx(-0.2)


def test_sqn_grows_with_the_root_of_the_number_of_trades():
    assert formulae.system_quality_number(0.01, 0.05, 100) == pytest.approx(2.0)
    assert formulae.system_quality_number(0.01, 0.05, 400) == pytest.approx(4.0)


def test_vwr_weighs_growth_by_how_steady_it_was():
    growth_rate = math.log(1.2) / 365  # 20 % a year
    assert formulae.variability_weighted_return(growth_rate, 0.0, 365.0) == pytest.approx(0.2)
    assert formulae.variability_weighted_return(growth_rate, 0.1, 365.0) == pytest.approx(0.2 * 0.75)
    assert formulae.variability_weighted_return(growth_rate, 0.2, 365.0) == 0.0


def test_vwr_beyond_the_investors_limit_is_not_defined():
    assert math.isnan(formulae.variability_weighted_return(-0.001, 0.21, 365.0))


def test_an_account_that_lost_everything_lost_everything_a_year():
    assert formulae.total_return(1000.0, 0.0) == -1.0
    assert formulae.cagr(0.0, 3.0) == -1.0


@pytest.mark.parametrize(
    "value",
    [
        formulae.total_return(0.0, 100.0),
        formulae.cagr(-0.1, 1.0),
        formulae.cagr(1.1, 0.0),
        formulae.cagr(0.0, 0.0),
        formulae.cagr(1.5, 1 / 8760),  # half again within an hour: 10 to the power of 1,542 a year
        formulae.sharpe(0.0, 0.0, 365.0),
        formulae.sharpe(0.01, 0.0, 365.0),
        formulae.sharpe(NOTHING, NOTHING, 365.0),
        formulae.sortino(0.01, 0.0, 365.0),
        formulae.calmar(0.3, 0.0),
        formulae.variability_weighted_return(NOTHING, NOTHING, 365.0),
        formulae.variability_weighted_return(2.0, 0.0, 365.0),
        formulae.system_quality_number(0.01, NOTHING, 1),
        formulae.win_rate(0, 0),
        formulae.profit_factor(100.0, 0.0),
        formulae.average(0.0, 0),
        formulae.kelly(1.0, 0.0, 0.05, NOTHING),
        formulae.kelly(0.0, 1.0, NOTHING, -0.05),
        formulae.turnover(100.0, 0.0, 1.0),
        formulae.turnover(100.0, 50.0, 0.0),
        formulae.exposure(0, 0),
    ],
)
def test_what_is_not_defined_is_nan(value):
    assert math.isnan(value)
