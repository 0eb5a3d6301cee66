import numpy as np
import pandas as pd
import pytest

from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.strategies.evaluation import evaluate
from tidewright.domain.strategies.parameters import ParameterErrors, resolve_for
from tidewright.domain.strategies.strategy import Strategy

every_builtin = pytest.mark.parametrize("strategy", BUILTINS.values(), ids=BUILTINS)


def test_those_that_there_are():
    assert list(BUILTINS) == ["MovingAverageCross", "RsiMeanReversion", "BollingerBreakout", "MacdCross", "AiEnhanced"]


@every_builtin
def test_each_is_described(strategy):
    assert isinstance(strategy, Strategy)
    assert len(strategy.description) > 100
    assert all(parameter.description for parameter in strategy.parameters)


@every_builtin
def test_each_enters_and_exits_on_a_random_walk_after_its_warm_up(strategy, bars):
    parameters = resolve_for(strategy, {})
    signals = evaluate(strategy, bars, parameters).signals
    warmup = strategy.warmup(parameters)
    assert 0 < warmup < 500
    assert signals.enter[warmup:].sum() >= 5
    assert signals.exit[warmup:].sum() >= 5


@every_builtin
@pytest.mark.parametrize("end", ["low", "high"])
def test_each_can_be_used_at_either_end_of_every_range(strategy, end, bars):
    for parameter in strategy.parameters:
        if parameter.choices:
            values = [{parameter.name: choice} for choice in parameter.choices]
        else:
            values = [{parameter.name: getattr(parameter, end)}]
        for given in values:
            try:
                parameters = resolve_for(strategy, given)
            except ParameterErrors as error:
                assert "must be less than" in str(error)  # noqa: PT017
                continue
            evaluate(strategy, bars.part(0, 1_500), parameters)


@pytest.mark.parametrize("name", ["MovingAverageCross", "MacdCross"])
def test_the_fast_average_must_be_the_shorter_one(name):
    with pytest.raises(ParameterErrors, match=r"fast \(50\) must be less than slow \(20\): the fast average is"):
        resolve_for(BUILTINS[name], {"fast": 50, "slow": 20})


@pytest.mark.parametrize(("fast", "slow"), [(10, 30), (5, 50)])
def test_the_cross_of_simple_averages_is_that_of_pandas(bars, fast, slow):
    strategy = BUILTINS["MovingAverageCross"]
    parameters = resolve_for(strategy, {"fast": fast, "slow": slow})
    signals = evaluate(strategy, bars, parameters).signals

    close = pd.Series(bars.close)
    above = close.rolling(fast).mean() > close.rolling(slow).mean()
    known = close.rolling(slow).mean().shift(1).notna()
    np.testing.assert_array_equal(signals.enter, above & ~above.shift(1, fill_value=False) & known)
    np.testing.assert_array_equal(signals.exit, ~above & above.shift(1, fill_value=False) & known)


def test_the_cross_takes_other_kinds_of_average(bars):
    strategy = BUILTINS["MovingAverageCross"]
    columns = strategy.columns(bars, resolve_for(strategy, {"kind": "ema", "fast": 8}))
    expected = pd.Series(bars.close).ewm(span=8, adjust=False).mean()
    np.testing.assert_allclose(columns["fast_average"][200:], expected[200:], rtol=1e-9)


def test_mean_reversion_buys_dips_above_the_trend_and_without_the_filter_all_of_them(bars):
    strategy = BUILTINS["RsiMeanReversion"]
    filtered = evaluate(strategy, bars, resolve_for(strategy, {})).signals.enter
    every = evaluate(strategy, bars, resolve_for(strategy, {"trend": 0})).signals.enter
    trend = pd.Series(bars.close).rolling(200).mean()
    np.testing.assert_array_equal(filtered, every & (bars.close > trend))
    assert strategy.warmup(resolve_for(strategy, {"trend": 800})) == 799
    assert strategy.warmup(resolve_for(strategy, {"trend": 0})) < 300


def test_the_breakout_is_through_the_band_and_ends_in_the_middle(bars):
    strategy = BUILTINS["BollingerBreakout"]
    signals = evaluate(strategy, bars, resolve_for(strategy, {})).signals
    middle = pd.Series(bars.close).rolling(20).mean()
    upper = middle + 2.0 * pd.Series(bars.close).rolling(20).std(ddof=0)
    assert (bars.close[signals.enter] > upper[signals.enter]).all()
    assert (bars.close[signals.exit] < middle[signals.exit]).all()


@pytest.mark.parametrize("votes", [1, 4, 6])
def test_the_vote_is_entered_when_it_is_won_and_not_while_it_stands(bars, votes):
    strategy = BUILTINS["AiEnhanced"]
    result = evaluate(strategy, bars, resolve_for(strategy, {"votes": votes}))
    for signal, score in ((result.signals.enter, "bullish"), (result.signals.exit, "bearish")):
        won = result.columns[score] >= votes
        np.testing.assert_array_equal(signal[1:], won[1:] & ~won[:-1])
        assert set(np.unique(result.columns[score])) == {0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0}


def test_no_indicator_votes_for_both_sides(bars):
    strategy = BUILTINS["AiEnhanced"]
    columns = strategy.columns(bars, resolve_for(strategy, {}))
    assert (columns["bullish"] + columns["bearish"]).max() <= 6.0
