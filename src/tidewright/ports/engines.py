"""Brokers other than the kernel."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from tidewright.domain.bars import Bars
from tidewright.domain.costs import Broker, Risk
from tidewright.domain.ledger import Ledger
from tidewright.domain.strategies.strategy import Signals


@dataclass(frozen=True, slots=True)
class EngineResult:
    """What another engine made of the same signals: the account's history, and its own figures about it as JSON values."""

    ledger: Ledger
    analyzers: Mapping[str, Any]


class Engine(Protocol):
    """A broker other than the kernel that fills the same orders."""

    name: str
    version: str

    def trade(self, bars: Bars, signals: Signals, broker: Broker, risk: Risk) -> EngineResult:
        """Trade `signals` over `bars` for one account, with the meaning of `tidewright.domain.kernel.simulate`, and as causally."""
        ...


FindEngine: TypeAlias = Callable[[str], Engine | None]
"""The engine of a name, or None where it is not installed."""
