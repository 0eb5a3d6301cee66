"""Strategies that look into the future, in all the ways that happen, and honest ones that must not be accused of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tidewright.adapters.simulated import SimulatedStore
from tidewright.domain.bars import Market
from tidewright.domain.indicators.averages import ema, sma
from tidewright.domain.lookahead import first_difference, prefix_lengths, prove_causal
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.strategies.evaluation import Evaluation, evaluate
from tidewright.domain.strategies.parameters import resolve_for
from tidewright.domain.strategies.strategy import Signals, SignalStrategy

WARMUP = 20
CRASH = 1_400


@pytest.fixture(scope="module")
def bars():
    return SimulatedStore().read(Market("simulated", "BTC/USDT", "1h")).part(0, 2_000)


@pytest.fixture(scope="module")
def crash(bars):
    """Calm bars, and one of them 30 % below the one before."""
    close = 100.0 + 0.1 * np.sin(np.arange(2_000.0))
    close[CRASH:] *= 0.7
    return replace(bars, open=close, high=close, low=close, close=close)


def never(bars):
    return np.zeros(len(bars), dtype=bool)


def next_close(bars):
    return np.append(bars.close, np.nan)[1:]


def crashes_next(bars):
    return next_close(bars) < 0.9 * bars.close


class Idea(SignalStrategy):
    """A strategy made of functions of the bars; what it is not given, it never asks for."""

    def __init__(self, columns=None, enter=never, leave=never):
        self.functions, self.enter, self.leave = columns or {}, enter, leave

    def warmup(self, parameters):
        return WARMUP

    def columns(self, bars, parameters):
        return {name: function(bars) for name, function in self.functions.items()}

    def signals(self, bars, columns, parameters):
        return Signals(self.enter(bars), self.leave(bars))


def prove(strategy, bars, parameters=None):
    parameters = parameters or {}
    return prove_causal(strategy, bars, parameters, evaluate(strategy, bars, parameters))


def violation(strategy, bars):
    proof = prove(strategy, bars)
    assert not proof.passed
    return proof.violation


# Found out


def test_the_next_bar_is_found_in_the_last_bar_of_the_first_prefix(bars):
    found = violation(Idea({"average": lambda bars: sma(bars.close, 5), "tomorrow": next_close}), bars)

    assert (found.column, found.bar, found.prefix) == ("tomorrow", WARMUP, WARMUP + 1)
    assert found.time == bars.time[WARMUP]
    assert found.with_future == bars.close[WARMUP + 1]
    assert np.isnan(found.without)
    assert found.repeatable


def test_a_normalisation_over_the_whole_series_is_found_from_the_first_bar_on(bars):
    found = violation(Idea({"z": lambda bars: (bars.close - bars.close.mean()) / bars.close.std()}), bars)

    assert (found.column, found.bar) == ("z", 0)


def test_a_rank_within_the_whole_series_is_found(bars):
    found = violation(Idea({"rank": lambda bars: pd.Series(bars.close).rank(pct=True)}), bars)

    assert (found.column, found.bar) == ("rank", 0)


def test_a_centred_window_is_found_where_its_future_half_begins(bars):
    centred = Idea({"smooth": lambda bars: pd.Series(bars.close).rolling(9, center=True, min_periods=1).mean()})

    assert (violation(centred, bars).column, violation(centred, bars).bar) == ("smooth", WARMUP - 3)


def test_a_gap_filled_from_the_future_is_found(bars):
    def sparse(bars):
        return pd.Series(np.where(np.arange(len(bars)) % 24 == 0, bars.close, np.nan)).bfill()

    assert violation(Idea({"daily": sparse}), bars).column == "daily"


def test_a_look_ahead_in_the_signals_alone_is_found(bars):
    honest = {"average": lambda bars: sma(bars.close, 5)}
    entering = Idea(honest, enter=lambda bars: next_close(bars) > bars.close)
    leaving = Idea(honest, leave=lambda bars: next_close(bars) < bars.close)
    rises = np.diff(bars.close) > 0

    assert violation(entering, bars).column == "enter"
    assert violation(entering, bars).bar == WARMUP + np.argmax(rises[WARMUP:])
    assert (violation(entering, bars).with_future, violation(entering, bars).without) == (1, 0)
    assert violation(leaving, bars).column == "exit"
    assert violation(leaving, bars).bar == WARMUP + np.argmax(~rises[WARMUP:])


def test_an_exit_in_time_before_a_crash_is_found(crash):
    found = violation(Idea(enter=lambda bars: np.arange(len(bars)) % 7 == 0, leave=crashes_next), crash)

    assert (found.column, found.bar) == ("exit", CRASH - 1)


def test_an_entry_left_out_before_a_crash_is_found(crash):
    def enter(bars):
        return (np.arange(len(bars)) % 3 == (CRASH - 1) % 3) & ~crashes_next(bars)

    found = violation(Idea(enter=enter), crash)

    assert (found.column, found.bar) == ("enter", CRASH - 1)
    assert (found.with_future, found.without) == (0, 1)


def test_a_column_that_knows_of_a_crash_some_bars_before_is_found_though_nothing_is_traded(crash):
    def danger(bars):
        ahead = pd.Series(bars.close)[::-1].rolling(5, min_periods=1).min()[::-1]
        return (ahead < 0.9 * bars.close).astype(float)

    found = violation(Idea({"danger": danger}), crash)

    assert (found.column, found.bar) == ("danger", CRASH - 4)


def test_a_column_that_is_missing_without_the_future_is_found(bars):
    class Shy(Idea):
        def columns(self, bars, parameters):
            return {"trend": bars.close} if len(bars) > 1_000 else {}

    found = violation(Shy(), bars)

    assert (found.column, found.bar, found.with_future) == ("trend", 0, bars.close[0])
    assert np.isnan(found.without)


def test_the_difference_of_one_bit_is_found(bars):
    def almost(bars):
        return np.where(len(bars) < 2_000, bars.close, np.nextafter(bars.close, np.inf))

    assert violation(Idea({"price": almost}), bars).bar == 0


@pytest.mark.parametrize("often", [0.5, 0.01])
def test_a_strategy_that_rolls_dice_is_not_accused_of_look_ahead_but_of_that(bars, often):
    dice = np.random.default_rng(5)
    found = violation(Idea(enter=lambda bars: dice.random(len(bars)) < often), bars)

    assert found.column == "enter"
    assert not found.repeatable


@pytest.mark.parametrize("answers", [(0, 1, 1), (0, 1, 0)])
def test_a_strategy_that_changes_its_mind_about_the_same_bars_is_not_repeatable(bars, answers):
    remaining = list(answers)

    def mood(bars):
        return np.full(len(bars), float(remaining.pop(0) if len(bars) == 2_000 else 0))

    found = violation(Idea({"mood": mood}), bars)

    assert (found.column, found.prefix, found.repeatable) == ("mood", 2_000, False)


# Believed


@pytest.mark.parametrize("name", BUILTINS)
@pytest.mark.parametrize("timeframe", ["1h", "1d"])
def test_the_built_in_strategies_do_not_look_ahead(name, timeframe):
    market = SimulatedStore().read(Market("simulated", "ETH/USDT", timeframe)).part(0, 2_000)
    strategy = BUILTINS[name]
    proof = prove(strategy, market, resolve_for(strategy, {}))

    assert proof.passed
    assert proof.prefixes > 64


HONEST = {
    "mean": lambda close: close.rolling(20).mean(),
    "deviation": lambda close: close.rolling(20).std(),
    "highest": lambda close: close.rolling(20).max(),
    "ewm": lambda close: close.ewm(span=20).mean(),
    "expanding z": lambda close: (close - close.expanding().mean()) / close.expanding().std(),
    "yesterday": lambda close: close.shift(1),
    "change": lambda close: close.pct_change(),
    "sum": lambda close: close.cumsum(),
}


@pytest.mark.parametrize("name", HONEST)
def test_what_pandas_computes_from_the_past_is_believed(bars, name):
    def column(bars):
        return HONEST[name](pd.Series(bars.close))

    assert prove(Idea({name: column}, enter=lambda bars: (column(bars) > 1).to_numpy()), bars).passed


def test_missing_values_are_alike_whatever_their_bits(bars):
    def undefined(bars):
        sign = 1.0 if len(bars) == 2_000 else -1.0
        return np.full(len(bars), np.copysign(np.nan, sign))

    assert prove(Idea({"nothing": undefined}), bars).passed


def test_a_recursive_average_is_believed(bars):
    assert prove(Idea({"average": lambda bars: ema(bars.close, 30)}), bars).passed


@pytest.mark.parametrize("n", [0, 1, WARMUP, WARMUP + 1])
def test_bars_that_end_within_the_warm_up_leave_only_repetition_to_compare(bars, n):
    proof = prove(Idea({"tomorrow": next_close}), bars.part(0, n))

    assert proof.passed
    assert proof.prefixes == min(n, 1)


# Which prefixes


def lengths(bars, warmup, enter=(), leave=(), seed=0):
    at = np.arange(len(bars))
    return prefix_lengths(bars, warmup, Evaluation({}, Signals(np.isin(at, enter), np.isin(at, leave))), seed).tolist()


def test_prefixes_begin_after_the_warm_up_densely_and_end_with_the_whole(bars):
    chosen = lengths(bars, WARMUP)

    assert chosen[:64] == list(range(21, 85))
    assert chosen[-1] == 2_000
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= 64 + 32 + 32 + 1


def test_between_them_the_seed_chooses_one_from_every_part(bars):
    still = replace(bars, close=np.full(2_000, 100.0))
    chosen, others = lengths(still, 0), lengths(still, 0, seed=1)

    assert chosen == lengths(still, 0)
    assert chosen != others
    for part in range(2, 31):
        assert any(part * 62.5 < length <= (part + 1) * 62.5 for length in chosen)


def test_some_end_with_a_signals_bar(bars):
    assert {1_001, 1_235} <= set(lengths(bars, WARMUP, enter=[1_000], leave=[1_234]))

    every_tenth = np.arange(5, 2_000, 10)
    chosen = set(lengths(bars, WARMUP, enter=every_tenth))
    assert len(chosen & set(every_tenth + 1)) >= 32


def test_some_end_just_before_the_largest_moves_up_or_down(bars):
    close = np.full(2_000, 100.0)
    close[700:] = 150
    close[1_500:] = 90
    jumps = replace(bars, close=close)

    assert {700, 1_500} <= set(lengths(jumps, WARMUP))


def test_of_what_takes_long_to_ask_there_are_fewer(bars):
    enter = np.isin(np.arange(len(bars)), np.arange(100, 2_000, 10))
    signals = Evaluation({}, Signals(enter, ~enter))

    assert prefix_lengths(bars, WARMUP, signals, 0, each=0).tolist() == list(range(21, 85))
    few, all_of_them = (set(prefix_lengths(bars, WARMUP, signals, 0, each).tolist()) for each in (4, 32))
    assert set(range(21, 85)) | {2_000} <= few
    assert 4 < len(few - set(range(21, 85))) <= 3 * 4 + 1 < len(all_of_them - set(range(21, 85)))


def test_without_bars_there_is_no_prefix(bars):
    assert lengths(bars.part(0, 0), WARMUP) == []


def evaluation(**columns):
    nothing = np.zeros(4, dtype=bool)
    return Evaluation({name: np.array(values) for name, values in columns.items()}, Signals(nothing, nothing))


def test_of_several_columns_the_earliest_difference_is_named():
    whole = evaluation(a=[1.0, 2.0, 3.0, 4.0], b=[1.0, 2.0, 3.0, 4.0], c=[1.0, 2.0, 3.0, 4.0])
    part = evaluation(a=[1.0, 2.0, 3.0, 5.0], b=[1.0, 9.0, 3.0, 4.0], c=[1.0, 2.0, 9.0, 4.0])

    assert first_difference(whole, part) == (1, "b")
    assert first_difference(whole, whole) is None


def test_zero_and_negative_zero_are_different_bits():
    assert first_difference(evaluation(a=[0.0] * 4), evaluation(a=[0.0, 0.0, -0.0, 0.0])) == (2, "a")


class Remembering:
    """Computes its column once, on the bars that it is asked for first, and answers with parts of it ever after."""

    name = "Remembering"
    parameters = ()

    def __init__(self):
        self.remembered = None

    def warmup(self, parameters):
        return 1

    def columns(self, bars, parameters):
        if self.remembered is None:
            self.remembered = bars.close - bars.close.mean()
        return {"centred": self.remembered[: len(bars)]}

    def signals(self, bars, columns, parameters):
        return Signals(never(bars), never(bars))


def test_what_a_strategy_remembers_of_longer_bars_cannot_answer_for_shorter_ones(bars):
    strategy = Remembering()
    whole = evaluate(strategy, bars, {})

    assert prove_causal(strategy, bars, {}, whole).passed
    assert prove_causal(strategy, bars, {}, whole, unasked=Remembering).violation.column == "centred"
