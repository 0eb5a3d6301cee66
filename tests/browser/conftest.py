"""A browser, and a realistic run to look at in it: a moving-average cross on seven years of real hourly bars, reckoned here in plain numpy."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.feather
import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

HOUR = 3_600_000
CASH, FEE, SLIPPAGE = 10_000.0, 0.001, 0.0005
FAST, SLOW = 50, 200

Run = tuple[dict[str, Any], dict[str, np.ndarray], dict[str, np.ndarray]]


def moving_average(close: np.ndarray, window: int) -> np.ndarray:
    sums = np.concatenate(([0.0], np.cumsum(close)))
    return np.concatenate((np.full(window - 1, np.nan), (sums[window:] - sums[:-window]) / window))


def moving_average_cross(bars: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Long while the fast average is above the slow one, bought and sold at the next bar's open, stopped out 5 % below the entry."""
    time, opens, low, close = bars["time"], bars["open"], bars["low"], bars["close"]
    fast, slow = moving_average(close, FAST), moving_average(close, SLOW)
    cash, held, entry, bought = CASH, 0.0, 0.0, 0
    equity, holding, rows = np.empty(len(time)), np.zeros(len(time)), []
    for i in range(len(time)):
        up = i > SLOW and fast[i - 1] > slow[i - 1]
        crossed = up and fast[i - 2] <= slow[i - 2]
        stop = entry * 0.95
        stopped = held > 0 and low[i] <= stop
        if held > 0 and (stopped or not up):
            price = (min(opens[i], stop) if stopped else opens[i]) * (1 - SLIPPAGE)
            paid = FEE * held * price
            fees, pnl = FEE * held * entry + paid, held * (price - entry) - FEE * held * entry - paid
            path = slice(bought, i + 1)
            worst, best = low[path].min() / entry - 1, bars["high"][path].max() / entry - 1
            reason = "StopLoss" if stopped else "Signal"
            rows.append(
                (
                    time[bought],
                    time[i],
                    1,
                    held,
                    entry,
                    price,
                    fees,
                    pnl,
                    pnl / (held * entry),
                    min(worst, 0),
                    max(best, 0),
                    reason,
                    i - bought,
                )
            )
            cash, held = cash + held * price - paid, 0.0
        elif held == 0 and crossed:
            entry, bought = opens[i] * (1 + SLIPPAGE), i
            held = 0.95 * cash / entry
            cash -= held * entry * (1 + FEE)
        equity[i], holding[i] = cash + held * close[i], held
    names = (
        "entryTime",
        "exitTime",
        "direction",
        "quantity",
        "entryPrice",
        "exitPrice",
        "fees",
        "pnl",
        "netReturn",
        "adverse",
        "favourable",
        "reason",
        "barsHeld",
    )
    trades = {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    market = CASH * (1 - FEE) * close / (opens[0] * (1 + SLIPPAGE))
    table = {"equity": equity, "holding": holding, "benchmark": market, "column:fast": fast, "column:slow": slow}
    oscillator = 50 + 50 * np.tanh(20 * (fast / slow - 1))
    return bars | table | {"column:trend": oscillator}, trades


def document(equity: dict[str, np.ndarray], trades: dict[str, np.ndarray], simulated: bool) -> dict[str, Any]:
    time, account, market, pnl = equity["time"], equity["equity"], equity["benchmark"], trades["pnl"]
    years = len(time) / 8760

    def figures(values: np.ndarray) -> dict[str, Any]:
        daily = values[::24]
        returns = daily[1:] / daily[:-1] - 1
        below = 1 - values / np.maximum.accumulate(np.maximum(values, CASH))
        growth = (values[-1] / CASH) ** (1 / years) - 1
        return {
            "totalReturn": values[-1] / CASH - 1, "cagr": growth, "volatility": returns.std() * 365**0.5,
            "sharpe": returns.mean() / returns.std() * 365**0.5, "sortino": returns.mean() / returns[returns < 0].std() * 365**0.5,
            "maxDrawdown": below.max(), "calmar": growth / below.max(), "maxDrawdownMoney": 31_234.5,
            "maxDrawdownDuration": 712 * 24 * HOUR, "finalEquity": values[-1], "skewness": 0.41, "kurtosis": 14.2,
        }  # fmt: skip

    result = figures(account) | {
        "trades": len(pnl), "winRate": float(np.mean(pnl > 0)), "profitFactor": float(pnl[pnl > 0].sum() / -pnl[pnl < 0].sum()),
        "expectancy": float(pnl.mean()), "averageWin": float(pnl[pnl > 0].mean()), "averageLoss": float(pnl[pnl < 0].mean()),
        "fees": float(trades["fees"].sum()), "exposure": float(np.mean(equity["holding"] > 0)), "kelly": 0.081, "sqn": 1.7,
        "probabilisticSharpe": 0.993, "vwr": None,
    }  # fmt: skip
    sharpe = result["sharpe"]
    return {
        "apiVersion": "tidewright.io/v1alpha1",
        "kind": "BacktestRun",
        "name": "ma-cross-btc",
        "spec": {
            "strategy": {
                "source": {"builtin": "MovingAverageCross"}, "parameters": {"fast": FAST, "slow": SLOW},
                "symbols": ["BTC/USDT"], "timeframe": "1h", "risk": {"stopLoss": "5%"},
            },
            "data": {"exchange": "simulated" if simulated else "binance", "start": "2017-08-17", "end": "2024-04-22"},
            "broker": {"cash": CASH, "commission": "0.1%", "slippage": "0.05%"},
            "checks": {"lookAhead": True}, "seed": 7, "engine": "Fast",
        },
        "result": {name: None if value is None else float(value) for name, value in result.items()},
        "intervals": {
            "level": 0.95, "sharpe": [sharpe - 0.7, sharpe + 0.8], "totalReturn": [-0.2, 42.1], "cagr": [-0.03, 0.71],
            "maxDrawdown": [0.31, 0.72], "sortino": [None, None],
        },
        "benchmark": {name: float(value) for name, value in figures(market).items()},
        "deflatedSharpe": [{"trials": 1, "value": 0.993}, {"trials": 10, "value": 0.842}, {"trials": 100, "value": 0.61}, {"trials": 1000, "value": 0.39}],
        "checks": {
            "lookAhead": {"passed": True, "prefixes": 64, "violation": None},
            "warmup": {"passed": True, "declared": 200, "columns": [{"column": "fast", "deviation": 0.0}, {"column": "slow", "deviation": 3.1e-13}]},
            "dataQuality": {
                "passed": True,
                "findings": [{"rule": "Gap", "severity": "Warning", "count": 28, "message": "28 gaps, 145 bars missing; the longest is 34 bars from 2018-02-08T00:00Z"}],
            },
        },
        "warnings": [*([{"reason": "SimulatedData", "message": "The bars were made by a generator."}] if simulated else []), {"reason": "Gaps", "message": "145 of 58,564 bars are missing, in 28 gaps; fills near a gap are less certain."}],
        "provenance": {
            "data": {
                "digest": "sha256:" + "3fa9c1" * 10 + "3fa9", "exchange": "simulated" if simulated else "binance", "symbol": "BTC/USDT",
                "timeframe": "1h", "start": int(time[0]), "end": int(time[-1]) + HOUR, "bars": len(time), "warmupBars": 200, "simulated": simulated,
            },
            "strategy": {"name": "MovingAverageCross", "digest": "sha256:" + "b07d42" * 10 + "b07d"},
            "engine": {"name": "Fast", "version": "0.1.0", "arithmeticRevision": 1},
            "seed": 7, "digest": "sha256:" + "91e5fd" * 10 + "91e5",
            "environment": {"python": "3.11.7", "numpy": "2.4.6", "numba": "0.65.1", "platform": "linux-x86_64"},
        },
        "artifacts": {"result": "runs/ma-cross-btc/result.json"},
    }  # fmt: skip


@pytest.fixture(scope="session")
def seven_years(shared_data: Path) -> Run:
    table = pyarrow.feather.read_table(shared_data / "binance-spot" / "BTC_USDT-1h-2017-2024.feather")
    bars = {name: table[name].to_numpy() for name in ("open", "high", "low", "close", "volume")}
    bars["time"] = table["date"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    equity, trades = moving_average_cross(bars)
    return document(equity, trades, simulated=False), equity, trades


@pytest.fixture(scope="session")
def simulated_years(seven_years: Run) -> Run:
    _, equity, trades = seven_years
    return document(equity, trades, simulated=True), equity, trades


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the whole session: as long as it is there, Playwright's event loop runs, and no other may in this process."""
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}: install chromium to look at the report")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()
