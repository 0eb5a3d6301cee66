"""A backtest on another engine: instead of the kernel, or beside it and compared trade by trade."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidewright.domain.backtest import Outcome, outcome_of, tradable
from tidewright.domain.comparison import Comparison, compare
from tidewright.domain.costs import Broker, Risk
from tidewright.domain.strategies.strategy import Signals
from tidewright.ports import Engine

OTHER = "Backtrader"
"""The engine that `engine: Backtrader` and `engine: Both` ask."""

NOT_INSTALLED = f"{OTHER} is not installed: `pip install tidewright-backtest-engine`, or use engine: Fast"


@dataclass(frozen=True)
class Opinion:
    """What the other engine is, its own figures, and the comparison where both have traded."""

    name: str
    version: str
    analyzers: Mapping[str, Any]
    comparison: Comparison | None


def ask(
    engine: Engine, outcome: Outcome, warmup: int, broker: Broker, risk: Risk, *, both: bool
) -> tuple[Outcome, Opinion]:
    """Have `engine` trade the signals of `outcome`, which are those of one symbol.

    Returns the outcome that counts, the kernel's own if `both` and the engine's if not, and what the engine has to say.
    """
    leg, asked = outcome.legs[0], outcome.evaluation.signals
    if not isinstance(asked, Signals):
        raise TypeError("only signals can be handed to another engine")
    signals = tradable(asked, leg.series.start, warmup)
    answer = engine.trade(outcome.bars, signals, broker, risk)
    comparison = None
    if both:
        comparison = compare(outcome.bars, outcome.ledger, answer.ledger)
    else:
        outcome = outcome_of(outcome.bars, outcome.evaluation, answer.ledger, leg.series)
    return outcome, Opinion(engine.name, engine.version, answer.analyzers, comparison)
