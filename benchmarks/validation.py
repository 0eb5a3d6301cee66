"""Data validation: all row rules at once beside the same in polars, Great Expectations, and one bar over REST beside a bare echo of FastAPI.

``python -m benchmarks.validation rows | expectations | realtime`` prints seconds as JSON; with ``echo PORT`` instead it is the echo's server. Rows are measured where polars is
(`.venv-bench`), the rest in the project's own environment.
"""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from benchmarks.process import REPOSITORY, clean_environment
from benchmarks.signals import PYTHON, _free_port

RULES, POLARS = "all row rules on a million bars", "the same in polars, both cores"
EXPECTATIONS, FRAME = "Great Expectations: a million bars, 16 expectations", "its frame with what the rules need"
FEW = "Great Expectations: 100 bars, 16 expectations"
ECHO, REALTIME = "FastAPI echo", "REST /validate/realtime"
ROWS, TURNS, CALLS, UNMEASURED = 1_000_000, 12, 500, 200

BAR = {"time": 1704067200000, "open": 42283.58, "high": 42554.57, "low": 42261.02, "close": 42475.23, "volume": 1271.68}
BODY = json.dumps({"market": {"exchange": "binance", "symbol": "BTC/USDT", "timeframe": "1h"}, "bar": BAR}).encode()


def row_times(folder: Path) -> dict[str, list[float]]:
    """Seconds of judging a million bars, in this environment."""
    return _asked(sys.executable, "rows", folder)


def expectation_times(folder: Path) -> dict[str, list[float]]:
    return _asked(str(PYTHON), "expectations", folder)


def call_times(folder: Path) -> dict[str, list[float]]:
    """Seconds of each call, by server."""
    return _asked(str(PYTHON), "realtime", folder)


def _asked(python: str, task: str, folder: Path) -> dict[str, list[float]]:
    command = [python, "-m", "benchmarks.validation", task, str(folder)]
    answer = subprocess.run(command, cwd=REPOSITORY, env=clean_environment(), stdout=subprocess.PIPE, check=True)
    times: dict[str, list[float]] = json.loads(answer.stdout)
    return times


def a_million_bars(count: int = ROWS) -> Any:
    """Minutes of which one in a thousand breaks a rule."""
    import numpy as np  # noqa: PLC0415

    from tidewright.domain.bars import Bars, Market  # noqa: PLC0415

    random = np.random.default_rng(7)
    close = 42_000 * np.exp(np.cumsum(random.normal(0, 1e-4, count)))
    opens = np.concatenate((close[:1], close[:-1]))
    bars = Bars(
        1_704_067_200_000 + np.arange(count) * 60_000, opens, np.maximum(opens, close) * 1.0001, np.minimum(opens, close) * 0.9999, close,
        random.lognormal(0, 1, count), step=60_000, market=Market("binance", "BTC/USDT", "1m"),
    )  # fmt: skip
    some = random.integers(0, count, count // 1_000)
    bars.high[some[::3]] = np.nan
    bars.low[some[1::3]] *= 2
    bars.volume[some[2::3]] = 0
    return bars


def rows(_: Path) -> dict[str, list[float]]:
    import numpy as np  # noqa: PLC0415
    import polars as pl  # noqa: PLC0415

    from tidewright.domain.quality import bar_masks  # noqa: PLC0415

    bars = a_million_bars()
    table = pl.DataFrame({name: getattr(bars, name) for name in ("time", "open", "high", "low", "close", "volume")})
    np.testing.assert_array_equal(bar_masks(bars), in_polars(table, bars.step))
    times: dict[str, list[float]] = {RULES: [], POLARS: []}
    for _turn in range(10):
        times[RULES].append(_seconds(lambda: bar_masks(bars)))
        times[POLARS].append(_seconds(lambda: in_polars(table, bars.step)))
    return times


def in_polars(table: Any, step: int) -> Any:
    """The masks of bars by polars' expressions, none of which was received before it closed."""
    import polars as pl  # noqa: PLC0415

    from tidewright.domain.quality import BAR_RULES, STALE_RUN, Severity  # noqa: PLC0415

    prices, time, close = [pl.col(name) for name in ("open", "high", "low", "close")], pl.col("time"), pl.col("close")
    high, low, open_, volume = pl.col("high"), pl.col("low"), pl.col("open"), pl.col("volume")
    bits = {rule.name: bit for bit, rule in BAR_RULES.items()}
    missing = [column.is_nan() | column.is_infinite() for column in (*prices, volume)]
    less = lambda one, other: (one < other) & other.is_not_nan()  # noqa: E731 - NaN is the largest number of all to polars
    more = lambda one, limit: (one >= limit) & one.is_not_nan()  # noqa: E731
    possible = time.is_between(0, 4_102_444_800_000, closed="left")
    latest = pl.when(possible).then(time).cum_max().forward_fill().shift()
    rules = {
        "NonFinite": pl.any_horizontal(missing),
        "NonPositivePrice": pl.any_horizontal(column <= 0 for column in prices),
        "PriceTooHigh": pl.any_horizontal(more(column, 1e6) for column in prices),
        "NegativeVolume": volume < 0,
        "VolumeTooHigh": more(volume, 1e18),
        "HighTooLow": pl.any_horizontal(less(high, column) for column in (open_, low, close)),
        "LowTooHigh": pl.any_horizontal(less(column, low) & low.is_not_nan() for column in (open_, close)),
        "DuplicateTime": possible & (time == latest),
        "UnsortedTime": possible & (time < latest),
        "ImpossibleTime": ~possible,
        "OffGrid": time % step != 0,
        "Gap": possible & ((time - latest + step // 2) // step > 1),
        "ZeroVolume": volume == 0,
    }
    told = table.lazy().with_columns(rule.fill_null(value=False).alias(name) for name, rule in rules.items())
    errors = [rule.name for rule in BAR_RULES.values() if rule.severity is Severity.ERROR and rule.name in rules]
    told = told.with_columns(sound=~pl.any_horizontal(errors))
    before = [pl.when("sound").then(column).forward_fill().shift() for column in prices]
    last = before[-1]
    told = told.with_columns(
        ((close - last).abs() > 0.5 * last).fill_null(value=False).and_(close.is_not_nan()).alias("PriceJump"),
        changed=pl.col("sound")
        & ~pl.all_horizontal(column == one for column, one in zip(prices, before, strict=True)).fill_null(value=False),
    )
    runs = pl.col("sound").cast(pl.Int32).cum_sum().over(pl.col("changed").cum_sum())
    told = told.with_columns(((runs >= STALE_RUN) & pl.col("sound")).alias("StalePrice"))
    names = [*rules, "PriceJump", "StalePrice"]
    mask = pl.sum_horizontal(pl.col(name).cast(pl.Int32) * bits[name] for name in names)
    return told.select(mask.alias("mask")).collect()["mask"].to_numpy()


def expectations(_: Path) -> dict[str, list[float]]:
    from data_validation.expectations import Checkpoints, frame_of  # noqa: PLC0415

    bars, few, checkpoints = a_million_bars(), a_million_bars(100), Checkpoints()
    times: dict[str, list[float]] = {EXPECTATIONS: [], FRAME: [], FEW: []}
    for _turn in range(5):
        times[FRAME].append(_seconds(lambda: frame_of(bars)))
        times[EXPECTATIONS].append(_seconds(lambda: checkpoints.run(bars)))
        times[FEW].append(_seconds(lambda: checkpoints.run(few)))
    return times


def realtime(folder: Path) -> dict[str, list[float]]:
    ports = {ECHO: _free_port(), REALTIME: _free_port()}
    told = {"HOST": "127.0.0.1", "REST_PORT": str(ports[REALTIME]), "GRPC_PORT": "0"}
    servers = {
        ECHO: ([str(PYTHON), "-m", "benchmarks.validation", "echo", str(ports[ECHO])], {}),
        REALTIME: (
            [str(PYTHON), "-m", "data_validation"],
            {f"TIDEWRIGHT_{name}": value for name, value in told.items()},
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in servers}
    with ExitStack() as running:
        for name, (command, settings) in servers.items():
            log = running.enter_context((folder / f"{name.replace('/', ' ')}.log").open("w"))
            process = running.enter_context(
                subprocess.Popen(command, cwd=REPOSITORY, env=os.environ | settings, stderr=log)
            )
            running.callback(process.terminate)
        paths = {ECHO: "/echo", REALTIME: "/validate/realtime"}
        sleep(15.0)  # the service's process beside it imports Great Expectations, once
        for _turn in range(TURNS):
            for name, path in paths.items():
                with closing(_client(ports[name])) as client:  # an idle one is closed after some seconds
                    post = partial(_post, client, path)
                    times[name] += [_seconds(post) for _ in range(UNMEASURED + CALLS)][UNMEASURED:]
    return times


def _client(port: int) -> http.client.HTTPConnection:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(600):
        try:
            client.connect()
        except ConnectionRefusedError:
            sleep(0.1)
        else:
            return client
    raise TimeoutError(f"nobody listens on port {port}")


def _post(client: http.client.HTTPConnection, path: str) -> None:
    client.request("POST", path, BODY, {"content-type": "application/json"})
    answer = client.getresponse()
    assert answer.status == 200, answer.read()
    answer.read()


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def echo(port: int) -> None:
    import uvicorn  # noqa: PLC0415
    from fastapi import FastAPI  # noqa: PLC0415

    app = FastAPI()

    @app.post("/echo")
    async def answer(body: dict[str, Any]) -> dict[str, Any]:
        return body

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    if sys.argv[1] == "echo":
        echo(int(sys.argv[2]))
    else:
        tasks = {"rows": rows, "expectations": expectations, "realtime": realtime}
        print(json.dumps(tasks[sys.argv[1]](Path(sys.argv[2]))))
