"""The bars that are measured on, written once to a folder that every process reads: ``python -m benchmarks.market FOLDER``."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

REAL = Path(__file__).parents[2] / "shared/data/binance-spot/BTC_USDT-1h-2017-2024.feather"
FIRST, COUNT = 1_502_942_400_000, 58_419  # of the real file, which generated bars stand in for
MINUTE, HOUR = 60_000, 3_600_000

Columns = Mapping[str, NDArray[np.generic]]


def load(folder: Path, name: str) -> dict[str, NDArray[np.generic]]:
    """``hourly`` or ``minutes``: the columns time (milliseconds), open, high, low, close and volume."""
    with np.load(folder / f"{name}.npz") as columns:
        return dict(columns)


def write(folder: Path) -> dict[str, str]:
    """Write both series, and say where the hourly ones come from and which file holds them as an exchange would give them."""
    np.savez(folder / "minutes.npz", **generated(1_000_000, MINUTE, seed=1))
    if REAL.exists():
        hourly, source, file = real(), f"real bars, {REAL.name}", REAL
    else:
        hourly, source, file = (
            generated(COUNT, HOUR, seed=2),
            "generated bars (no real ones found)",
            folder / "hourly.csv",
        )
        np.savetxt(file, np.column_stack(list(hourly.values())), "%.17g", ",", header=",".join(hourly), comments="")
    np.savez(folder / "hourly.npz", **hourly)
    return {"source": f"{source}: {len(hourly['time']):,} hours", "file": str(file)}


def real() -> Columns:
    from pyarrow import feather  # noqa: PLC0415 - not where bars are only loaded

    table = feather.read_table(REAL)
    time = np.array(table["date"]).astype("datetime64[ms]").astype(np.int64)
    return {"time": time} | {name: np.array(table[name]) for name in ("open", "high", "low", "close", "volume")}


def generated(count: int, step: int, seed: int) -> Columns:
    """A random walk with the volatility of Bitcoin."""
    random = np.random.default_rng(seed)
    deviation = 0.001 * np.sqrt(step / MINUTE)
    close = 10_000.0 * np.exp(np.cumsum(random.normal(0.0, deviation, count)))
    open_ = np.concatenate(((10_000.0,), close[:-1]))
    return {
        "time": FIRST + step * np.arange(count, dtype=np.int64),
        "open": open_,
        "high": np.maximum(open_, close) * (1.0 + random.exponential(deviation / 2, count)),
        "low": np.minimum(open_, close) / (1.0 + random.exponential(deviation / 2, count)),
        "close": close,
        "volume": random.exponential(10.0, count),
    }


if __name__ == "__main__":
    print(json.dumps(write(Path(sys.argv[1]))))
