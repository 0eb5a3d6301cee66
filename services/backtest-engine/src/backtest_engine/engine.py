"""The entry point: a light module, so that looking for engines does not load Backtrader."""

from importlib.metadata import version

from tidewright.domain.bars import Bars
from tidewright.domain.costs import Broker, Risk
from tidewright.domain.strategies.strategy import Signals
from tidewright.ports import EngineResult


class BacktraderEngine:
    """Implements `tidewright.ports.Engine` on Backtrader's broker; some ten thousand bars a second."""

    name = "Backtrader"

    def __init__(self) -> None:
        self.version = version("backtrader")

    def trade(self, bars: Bars, signals: Signals, broker: Broker, risk: Risk) -> EngineResult:
        """Trade `signals` over `bars`; the analyzers' results are by their names in Backtrader, with None for what is undefined.

        Raises ValueError for short sales and leverage, which this engine does not know, and OrderRefused when Backtrader does not accept an
        order that the account can pay for.
        """
        if signals.enter_short is not None or broker.leverage != 1:
            raise ValueError(
                "Backtrader is asked about spot accounts alone; use engine: Fast for short sales and leverage"
            )
        from backtest_engine.cerebro import run  # noqa: PLC0415 - Backtrader, for those who trade on it

        return run(bars, signals, broker, risk)
