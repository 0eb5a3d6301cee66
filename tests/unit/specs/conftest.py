"""A manifest that nothing is wrong with, and what is wrong with an edited one."""

from collections.abc import Callable

import pytest

from tidewright.specs.manifest import Manifest
from tidewright.specs.problems import Problem

DEMO = """\
apiVersion: tidewright.io/v1alpha1
kind: BacktestRun
metadata:
  name: demo
spec:
  strategy:
    source:
      builtin: MovingAverageCross
    parameters: {fast: 24, slow: 96}
    symbols: [BTC/USDT]
    timeframe: 1h
    risk:
      stopLoss: 8%
      positionSize: {fraction: 95%}
  data:
    exchange: simulated
    start: 2023-01-01
    end: 2023-06-01
  broker: {cash: 10000, commission: 0.1%, slippage: 0.05%}
  checks:
    dataQuality: Block
  seed: 7
"""

STRATEGY = """\
apiVersion: tidewright.io/v1alpha1
kind: TradingStrategy
metadata:
  name: ma-cross
spec:
  source: {builtin: MovingAverageCross}
  symbols: [BTC/USDT]
  timeframe: 1h
"""


def _edited(text: str, old: str, new: str) -> str:
    assert old in text, f"{old!r} is not in the manifest"
    return text.replace(old, new)


@pytest.fixture
def demo() -> str:
    return DEMO


@pytest.fixture
def strategy() -> str:
    return STRATEGY


@pytest.fixture
def problems_of() -> Callable[..., list[Problem]]:
    """What is wrong with a text once each ``old, new`` pair has been replaced in it."""

    def problems_of(text: str, *edits: tuple[str, str]) -> list[Problem]:
        for old, new in edits:
            text = _edited(text, old, new)
        manifest = Manifest()
        manifest.read("bt.yaml", text)
        return manifest.problems

    return problems_of
