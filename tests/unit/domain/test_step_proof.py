"""Step strategies that look into the future, and honest ones that must not be accused of it."""

import numpy as np
import pytest

from tidewright.adapters.simulated import SimulatedStore
from tidewright.domain.bars import Market
from tidewright.domain.costs import NO_FILTERS, Broker, Risk
from tidewright.domain.indicators.averages import sma
from tidewright.domain.orders import buy, hold, leave, protect
from tidewright.domain.step_proof import prove_step_causal
from tidewright.domain.strategies.evaluation import StrategyFailed
from tidewright.domain.strategies.step import StepStrategy

BROKER = Broker(10_000.0, 0.001, 0.0005)


@pytest.fixture(scope="module")
def bars():
    return SimulatedStore().read(Market("simulated", "BTC/USDT", "1h")).part(0, 2_000)


def prove(strategy, bars, progress=lambda done: None):
    terms = {"broker": BROKER, "risk": Risk(max_entries=2), "filters": NO_FILTERS}
    return prove_step_causal(strategy(), bars, {}, 7, strategy, **terms, progress=progress)


class Idea(StepStrategy):
    def warmup(self, parameters):
        return 20


def follow(state, position, view):
    """Causal, with a memory: it buys above an average, pauses between positions, and follows with a stop."""
    state.asked += 1.0
    if position.closed > state.seen:
        state.seen, state.resume = position.closed, view.bar + 10.0
    if position.side == 0.0:
        return buy(stop=view.close * 0.97) if view.close > view.mean and view.bar > state.resume else hold()
    return protect(stop=max(position.stop, view.close * 0.97))


class Honest(Idea):
    state = {"asked": 0.0, "seen": 0.0, "resume": 0.0}  # noqa: RUF012

    def columns(self, bars, parameters):
        return {"mean": sma(bars.close, 20)}


class HonestCompiled(Honest):
    on_bar = staticmethod(follow)


class HonestPlain(Honest):
    def on_bar(self, state, position, view):
        return follow(state, position, view)


def test_an_honest_strategy_is_believed(bars):
    proof = prove(HonestCompiled, bars)
    assert proof.passed
    assert proof.prefixes > 64 + 32 + 64


def test_plain_python_is_asked_on_fewer_prefixes_and_its_columns_on_all(bars):
    proof = prove(HonestPlain, bars)
    assert proof.passed
    assert 64 + 64 < proof.prefixes <= (64 + 3 * 32 + 1) + (64 + 3 * 4 + 1)


@pytest.mark.parametrize("strategy", [HonestCompiled, HonestPlain])
def test_progress_is_told_from_none_to_nearly_all(bars, strategy):
    told = []
    prove(strategy, bars, told.append)
    assert told == sorted(told)
    assert told[0] == 0.0
    assert 0.98 < told[-1] < 1.0


class TomorrowInAColumn(Idea):
    def columns(self, bars, parameters):
        return {"next": np.append(bars.close[1:], bars.close[-1])}

    @staticmethod
    def on_bar(state, position, view):
        return buy() if view.next > view.close else leave()


class TomorrowInAnUnusedColumn(TomorrowInAColumn):
    @staticmethod
    def on_bar(state, position, view):
        return hold()


class BarsKeptByTheObject(Idea):
    def columns(self, bars, parameters):
        self.close = bars.close.tolist()
        return {}

    def on_bar(self, state, position, view):
        tomorrow = self.close[min(int(view.bar) + 1, len(self.close) - 1)]
        return buy() if tomorrow > view.close else leave()


KEPT = np.empty(0)


class BarsKeptByTheModule(Idea):
    """The compiler keeps what the module held when it was compiled: all bars. Plain Python reads what it holds now."""

    def columns(self, bars, parameters):
        global KEPT  # noqa: PLW0603 - that is the trick
        KEPT = bars.close.copy()
        return {}

    @staticmethod
    def on_bar(state, position, view):
        tomorrow = KEPT[min(int(view.bar) + 1, len(KEPT) - 1)]
        return buy() if tomorrow > view.close else leave()


@pytest.mark.parametrize(
    ("strategy", "column"),
    [
        (TomorrowInAColumn, "next"),
        (TomorrowInAnUnusedColumn, "next"),
        (BarsKeptByTheObject, "order.side"),
        (BarsKeptByTheModule, "order.side"),
    ],
)
def test_a_look_into_the_future_is_found(bars, strategy, column):
    violation = prove(strategy, bars).violation
    assert violation.column == column
    assert violation.repeatable


class Moody(Idea):
    def __init__(self):
        self.draw = np.random.default_rng()

    def on_bar(self, state, position, view):
        return buy() if self.draw.random() < 0.5 else leave()


def test_chance_is_told_from_look_ahead(bars):
    assert not prove(Moody, bars).violation.repeatable


class FailsAtTheEnd(BarsKeptByTheObject):
    def on_bar(self, state, position, view):
        return buy() if self.close[int(view.bar) + 1] > view.close else leave()


def test_a_strategy_that_reaches_beyond_the_last_bar_fails_there(bars):
    with pytest.raises(StrategyFailed, match=r"IndexError: list index out of range \(bar 1999 of BTC/USDT"):
        prove(FailsAtTheEnd, bars)
