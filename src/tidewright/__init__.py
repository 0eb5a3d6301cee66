"""Tidewright: trading research as Kubernetes resources.

In Python and in notebooks::

    import tidewright

    result = tidewright.run("manifests/samples/backtestrun-demo.yaml")
    result.metrics["sharpe"], result.trades, result.equity
    result.figure("equity")

A strategy of one's own derives from `SignalStrategy`, or from `StepStrategy` where it is to be asked bar by bar, and answers with `hold`, `buy`, `sell`, `leave`,
`protect` or `turn`; `tidewright.indicators` has what it may be made of, and `longer` makes the longer bars that it may look at as well.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidewright.api import Figure, Result, bars, load, run, run_all
    from tidewright.domain.bars import Bars
    from tidewright.domain.longer import longer
    from tidewright.domain.orders import Order, buy, hold, leave, protect, sell, turn
    from tidewright.domain.strategies.step import StepStrategy
    from tidewright.domain.strategies.strategy import Parameter, Signals, SignalStrategy

__all__ = [
    "Bars",
    "Figure",
    "Order",
    "Parameter",
    "Result",
    "SignalStrategy",
    "Signals",
    "StepStrategy",
    "bars",
    "buy",
    "hold",
    "leave",
    "load",
    "longer",
    "protect",
    "run",
    "run_all",
    "sell",
    "turn",
]

_STRATEGY = "tidewright.domain.strategies.strategy"
_ORDERS = "tidewright.domain.orders"
_HOMES = {
    "Bars": "tidewright.domain.bars",
    "Parameter": _STRATEGY,
    "SignalStrategy": _STRATEGY,
    "Signals": _STRATEGY,
    "StepStrategy": "tidewright.domain.strategies.step",
    "longer": "tidewright.domain.longer",
    **dict.fromkeys(("Order", "buy", "hold", "leave", "protect", "sell", "turn"), _ORDERS),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import what is asked for when it is asked for: the command's help must not wait for numba."""
    if name not in __all__:
        raise AttributeError(f"module 'tidewright' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "tidewright.api")), name)


def __dir__() -> list[str]:
    return __all__
