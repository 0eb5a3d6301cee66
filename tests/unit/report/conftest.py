"""A small run, made by hand, that holds everything a report can show."""

from typing import Any

import numpy as np
import pytest

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_704_067_200_000  # 2024-01-01T00:00Z

Table = dict[str, np.ndarray]


@pytest.fixture
def equity() -> Table:
    """200 days of hourly bars on a seeded random walk, half of it invested."""
    n = 200 * 24
    steps = np.random.default_rng(7).normal(0, 0.004, n)
    close = 40_000 * np.exp(np.cumsum(steps))
    account = 10_000 * np.exp(np.cumsum(steps / 2))
    return {
        "time": START + HOUR * np.arange(n),
        "equity": account,
        "holding": 0.5 * account / close,
        "open": close,
        "high": close * 1.001,
        "low": close * 0.999,
        "close": close,
        "benchmark": 10_000 * close / close[0],
        "funding": np.where(np.arange(n) % 8 == 7, 0.25, 0.0),
        "column:average": np.concatenate((np.full(9, np.nan), np.convolve(close, np.full(10, 0.1), "valid"))),
        "column:rsi": np.tile((20.0, 80.0), n // 2),
        "column:up": np.tile((True, False), n // 2),
    }


@pytest.fixture
def trades() -> Table:
    """A win by signal, a loss by stop, and a short one that broke even."""
    return {
        "entryTime": START + HOUR * np.array([10, 50, 90]),
        "exitTime": START + HOUR * np.array([20, 55, 120]),
        "direction": np.array([1, 1, -1]),
        "quantity": np.array([0.25, 0.2, 0.1]),
        "entryPrice": np.array([40_000.0, 42_000.0, 41_000.0]),
        "exitPrice": np.array([42_000.0, 40_000.0, 40_500.0]),
        "fees": np.array([20.0, 16.0, 50.0]),
        "pnl": np.array([480.0, -416.0, 0.0]),
        "netReturn": np.array([0.048, -0.0495, 0.0]),
        "adverse": np.array([-0.01, -0.06, -0.02]),
        "favourable": np.array([0.06, 0.01, 0.03]),
        "reason": np.array(["Signal", "StopLoss", "Signal"]),
        "barsHeld": np.array([10, 5, 30]),
    }


@pytest.fixture
def document() -> dict[str, Any]:
    return {
        "apiVersion": "tidewright.io/v1alpha1",
        "kind": "BacktestRun",
        "name": "first-run",
        "spec": {
            "strategy": {
                "source": {"builtin": "MovingAverageCross"},
                "parameters": {"fast": 10, "slow": 30},
                "symbols": ["BTC/USDT"],
                "timeframe": "1h",
            },
            "data": {"exchange": "binance", "start": "2024-01-01", "end": "2024-07-19"},
            "broker": {"cash": 10_000, "commission": "0.1%", "slippage": "0.05%"},
        },
        "result": {
            "totalReturn": 0.25,
            "sharpe": 1.2345,
            "maxDrawdown": 0.1,
            "trades": 3,
            "winRate": 1 / 3,
            "fees": 86.0,
            "finalEquity": 12_500.0,
            "calmar": None,
        },
        "intervals": {"level": 0.95, "sharpe": [-0.2, 2.6], "cagr": [None, None]},
        "benchmark": {"totalReturn": -0.04, "sharpe": 0.3},
        "deflatedSharpe": [{"trials": 1, "value": 0.91}, {"trials": 1000, "value": None}],
        "checks": {
            "lookAhead": {"passed": True, "prefixes": 32, "violation": None},
            "warmup": {"passed": True, "declared": 30, "columns": [{"column": "average", "deviation": 2e-14}]},
            "dataQuality": {
                "passed": True,
                "findings": [{"rule": "Gap", "severity": "Warning", "count": 2, "message": "two bars are missing"}],
            },
        },
        "warnings": [{"reason": "FewTrades", "message": "3 trades say little."}],
        "provenance": {
            "data": {
                "digest": "sha256:da7a",
                "exchange": "binance",
                "symbol": "BTC/USDT",
                "timeframe": "1h",
                "start": START,
                "end": START + 200 * DAY,
                "bars": 4800,
                "warmupBars": 30,
                "simulated": False,
            },
            "strategy": {"name": "MovingAverageCross", "digest": "sha256:57a7"},
            "engine": {"name": "Fast", "version": "0.1.0", "arithmeticRevision": 1},
            "seed": 7,
            "digest": "sha256:d16e",
            "environment": {"python": "3.11.7", "numpy": "2.4.6"},
        },
        "artifacts": {"result": "runs/first run/result.json"},
    }


SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")


@pytest.fixture
def portfolio(equity, trades, document) -> tuple[dict[str, Any], Table, Table]:
    """The record, the equity and the trades of an account with three symbols, the last of which is listed late and delisted early."""
    time, account = equity["time"], equity["equity"]
    n, there = len(time), slice(480, 4_000)
    late = np.full(n, np.nan)
    late[480:] = 100.0
    close = {"BTC/USDT": equity["close"], "ETH/USDT": equity["close"] / 20, "SOL/USDT": late}
    held = {name: np.zeros(n) for name in SYMBOLS}
    held["BTC/USDT"][100:200] = 0.2 * account[100:200] / close["BTC/USDT"][100:200]
    held["ETH/USDT"][150:300] = -0.3 * account[150:300] / close["ETH/USDT"][150:300]
    held["SOL/USDT"][there] = 0.4 * account[there] / 100.0
    gain = {"BTC/USDT": 0.5 * (account - 10_000), "ETH/USDT": np.full(n, -50.0)}
    gain["SOL/USDT"] = account - 10_000 - gain["BTC/USDT"] - gain["ETH/USDT"]
    table: Table = {name: equity[name] for name in ("time", "equity", "benchmark")}
    for name in SYMBOLS:
        table |= {f"holding:{name}": held[name], f"close:{name}": close[name], f"gain:{name}": gain[name]}
    data = document["provenance"]["data"]
    one = {name: data[name] for name in ("bars", "warmupBars", "simulated")} | {
        "digest": "sha256:0",
        "start": "2024-01-01T00:00:00Z",
        "end": "2024-07-19T00:00:00Z",
    }
    by_symbol = {name: dict(one) for name in SYMBOLS}
    by_symbol["SOL/USDT"] |= {"start": "2024-01-21T00:00:00Z", "end": "2024-06-15T16:00:00Z", "delisted": True}
    del data["warmupBars"]
    data |= {"symbol": ", ".join(SYMBOLS), "symbols": by_symbol}
    document["spec"]["strategy"] |= {
        "symbols": list(SYMBOLS),
        "risk": {"maxOpenPositions": 2, "maxTotalExposure": "60%", "maxSymbolExposure": "9000%"},
    }
    document |= {
        "symbols": [
            {"symbol": name, "gain": float(gain[name][-1]), "contribution": float(gain[name][-1]) / 10_000, "fees": 20.0, "exposure": 0.1, "trades": 1, "winRate": None, "refused": 4}
            for name in SYMBOLS
        ],
        "correlation": [[1.0, 0.8, None], [0.8, 1.0, -0.25], [None, -0.25, 1.0]],
        "refused": {"Cooldown": 3, "MaxOpenPositions": 9},
    }  # fmt: skip
    return document, table, trades | {"symbol": np.array(SYMBOLS)}
