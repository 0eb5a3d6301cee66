"""Real bars, every built-in strategy with its default and ten other parameter sets, and terms with every kind of stop and target."""

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from tidewright.adapters.bar_file import read_bars
from tidewright.domain.backtest import tradable
from tidewright.domain.bars import Bars, Market
from tidewright.domain.costs import Risk, RoiStep, Sizing
from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.domain.strategies.evaluation import declared_warmup, evaluate
from tidewright.domain.strategies.parameters import ParameterErrors, resolve_for
from tidewright.domain.strategies.strategy import Parameters, Signals, Strategy

HOUR = 3_600_000
MARCH_2020 = 1_583_020_800_000
"""The crash of 12 March 2020 is in the sample: the widest bars and the largest gaps of the file."""


@pytest.fixture(scope="session")
def hourly(shared_data: Path) -> Bars:
    path = shared_data / "binance-spot" / "BTC_USDT-1h-2017-2024.feather"
    return read_bars(path, Market("binance", "BTC/USDT", "1h")).bars


@pytest.fixture(scope="session")
def sample(hourly: Bars) -> Bars:
    """Three thousand hours from March 2020 on."""
    return hourly.between(MARCH_2020, MARCH_2020 + 3_000 * HOUR)


RISKS = (
    Risk(stop_loss=0.03),
    Risk(stop_loss=0.02, take_profit=0.03),
    Risk(stop_loss=0.05, trail_activation=0.02, trail_distance=0.01),
    Risk(trail_distance=0.02, sizing=Sizing(0.5)),
    Risk(stop_loss=0.05, roi=(RoiStep(0, 0.1), RoiStep(2 * HOUR, 0.02), RoiStep(6 * HOUR, 0.0))),
    Risk(0.03, 0.05, 0.01, 0.01, (RoiStep(0, 0.1), RoiStep(4 * HOUR, 0.01)), Sizing(0.0, risk=0.02)),
    Risk(stop_loss=0.001, take_profit=0.001),
)


def parameter_sets(name):
    """The default, and ten sets around it, the same ones every time."""
    strategy, draw = BUILTINS[name], random.Random(name)  # noqa: S311 - parameters, not passwords
    sets = [resolve_for(strategy, {})]
    while len(sets) < 11:
        try:
            sets.append(resolve_for(strategy, {p.name: _near(p, draw) for p in strategy.parameters}))
        except ParameterErrors:
            continue  # a pair of windows in the wrong order
    return sets


def _near(parameter, draw):
    if parameter.choices:
        return draw.choice(parameter.choices)
    # Shorter windows and levels near the default: all of these trade often.
    factor = draw.uniform(0.4, 1.0) if parameter.kind == "Int" else draw.uniform(0.9, 1.1)
    value = min(max(parameter.default * factor, parameter.low), parameter.high)
    return round(value) if parameter.kind == "Int" else round(value, 1)


@dataclass(frozen=True)
class Case:
    """A built-in strategy with parameters, and terms to trade it under beside those without any stop or target."""

    strategy: Strategy
    parameters: Parameters
    risk: Risk

    def signals(self, bars: Bars) -> Signals:
        evaluation = evaluate(self.strategy, bars, self.parameters)
        return tradable(evaluation.signals, 0, declared_warmup(self.strategy, self.parameters))


CASES = {
    f"{name}-{number}": Case(strategy, values, RISKS[number % len(RISKS)])
    for name, strategy in BUILTINS.items()
    for number, values in enumerate(parameter_sets(name))
}


@pytest.fixture(scope="session")
def cases() -> list[Case]:
    return list(CASES.values())


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    return request.param
