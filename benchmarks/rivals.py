"""The rivals' part, on the same bars and signals: vectorbt as its documentation shows it, and backtesting.py.

The index has no time zone, because vectorbt is many times slower on one that has.
"""

import gc
import sys
import warnings
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import vectorbt as vbt

from benchmarks.market import load
from benchmarks.process import peak, seconds, serve

FAST, SLOW = 10, 30
PAIRS = list(product(range(5, 37), range(40, 200, 5)))
CHUNK = 128
"""How many of the pairs vectorbt takes at once: all of them would not fit into memory."""

ACCOUNT = {"init_cash": 10_000.0, "fees": 0.001, "freq": "1h"}


@cache
def hourly() -> pd.DataFrame:
    columns = load(Path(sys.argv[1]), "hourly")
    return pd.DataFrame(columns, index=columns.pop("time").astype("datetime64[ms]").astype("datetime64[ns]"))


def signals(fast: Any, slow: Any) -> tuple[Any, Any]:
    close = hourly()["close"]
    quick, lazy = vbt.MA.run(close, fast, short_name="fast"), vbt.MA.run(close, slow, short_name="slow")
    return quick.ma_crossed_above(lazy), quick.ma_crossed_below(lazy)


def judged(fast: Any, slow: Any) -> Any:
    """Signals, simulation, and the figures of the portfolio that comes out."""
    portfolio = vbt.Portfolio.from_signals(hourly()["close"], *signals(fast, slow), **ACCOUNT)
    portfolio.total_return()
    portfolio.sharpe_ratio()
    portfolio.trades.count()
    return portfolio


def entries() -> int:
    return int(judged(FAST, SLOW).trades.count())


def one_backtest() -> list[float]:
    return seconds(partial(judged, FAST, SLOW))


def simulation() -> list[float]:
    """Signals given, and of the figures the total return alone."""
    given = signals(FAST, SLOW)
    return seconds(lambda: vbt.Portfolio.from_signals(hourly()["close"], *given, **ACCOUNT).total_return())


def simulation_with_stops() -> list[float]:
    given, bars = signals(FAST, SLOW), hourly()
    stops = {"sl_stop": 0.05, "tp_stop": 0.10, "slippage": 0.0005}
    prices = {name: bars[name] for name in ("open", "high", "low")}
    return seconds(
        lambda: vbt.Portfolio.from_signals(bars["close"], *given, **ACCOUNT, **stops, **prices).total_return()
    )


def whole_sweep() -> list[float]:
    """Every pair once, and the drawdown as well."""
    judged(*map(list, zip(*PAIRS[:2], strict=True)))  # compiles what several columns need

    def sweep() -> None:
        gc.enable()  # a portfolio refers to itself: the chunks would pile up
        for first in range(0, len(PAIRS), CHUNK):
            judged(*map(list, zip(*PAIRS[first : first + CHUNK], strict=True))).max_drawdown()

    return seconds(sweep, calls=1, unmeasured=0)


def backtesting_py() -> list[float]:
    from backtesting import Backtest, Strategy  # noqa: PLC0415
    from backtesting.lib import crossover  # noqa: PLC0415

    class Cross(Strategy):  # type: ignore[misc]
        def init(self) -> None:
            close = pd.Series(self.data.Close)
            self.fast = self.I(lambda: close.rolling(FAST).mean())
            self.slow = self.I(lambda: close.rolling(SLOW).mean())

        def next(self) -> None:
            if crossover(self.fast, self.slow):
                self.buy()
            elif crossover(self.slow, self.fast):
                self.position.close()

    # It trades whole units only: enough cash that the fraction of one does not matter.
    test = Backtest(hourly().rename(columns=str.title), Cross, cash=1e9, commission=0.001)
    warnings.filterwarnings("ignore", "Some trades remain open")
    return seconds(test.run, calls=3, unmeasured=1)


if __name__ == "__main__":
    serve(
        {
            "backtest": one_backtest,
            "entries": entries,
            "simulation": simulation,
            "stops": simulation_with_stops,
            "sweep": whole_sweep,
            "backtesting.py": backtesting_py,
            "peak": peak,
        }
    )
