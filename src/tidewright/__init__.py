"""Tidewright: trading research as Kubernetes resources.

In Python and in notebooks::

    import tidewright

    result = tidewright.run("manifests/samples/backtestrun-demo.yaml")
    result.metrics["sharpe"], result.trades, result.equity
    result.figure("equity")

A strategy of one's own derives from `SignalStrategy`; `tidewright.indicators` has what it may be made of, and `longer` makes the
longer bars that it may look at as well.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidewright.api import Figure, Result, bars, load, run, run_all
    from tidewright.domain.bars import Bars
    from tidewright.domain.longer import longer
    from tidewright.domain.strategies.strategy import Parameter, Signals, SignalStrategy

__all__ = [
    "Bars",
    "Figure",
    "Parameter",
    "Result",
    "SignalStrategy",
    "Signals",
    "bars",
    "load",
    "longer",
    "run",
    "run_all",
]

_STRATEGY = "tidewright.domain.strategies.strategy"
_HOMES = {
    "Bars": "tidewright.domain.bars",
    "Parameter": _STRATEGY,
    "SignalStrategy": _STRATEGY,
    "Signals": _STRATEGY,
    "longer": "tidewright.domain.longer",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Import what is asked for when it is asked for: the command's help must not wait for numba."""
    if name not in __all__:
        raise AttributeError(f"module 'tidewright' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "tidewright.api")), name)


def __dir__() -> list[str]:
    return __all__
