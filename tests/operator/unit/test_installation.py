"""The operator works where nothing is installed but what it names: no compiler, no tables, no services."""

import json
import subprocess
import sys

NOT_INSTALLED = (
    "numba",
    "llvmlite",
    "pyarrow",
    "pandas",
    "jinja2",
    "httpx",
    "ccxt",
    "grpc",
    "fastapi",
    "uvicorn",
    "structlog",
)

SCRIPT = f"""
import sys
for name in {NOT_INSTALLED!r}:
    sys.modules[name] = None

import tidewright_operator.__main__
from tidewright.runs.payload import payload_of
from tidewright.specs.backtest_run import BacktestRun
from tidewright_operator.kinds.work_input import spec_config_map

SOURCES = (
    {{"builtin": "AiEnhanced"}},
    {{"rules": {{"enter": "close > ema(close, 20) on 4h", "exit": "rsi(close, 14) > 70"}}}},
    {{"classRef": {{"module": "desk.cross", "class": "Cross", "image": "registry/desk@sha256:{"0" * 64}"}}}},
)
for source in SOURCES:
    run = {{
        "apiVersion": "tidewright.io/v1alpha1",
        "kind": "BacktestRun",
        "metadata": {{"name": "a", "namespace": "b", "uid": "c"}},
        "spec": {{
            "strategy": {{"source": source, "symbols": ["BTC/USDT"], "timeframe": "1h"}},
            "data": {{"exchange": "binance"}},
        }},
    }}
    print(spec_config_map(run, payload_of(BacktestRun.model_validate(run), None, "c"))["data"]["run.json"])
"""


def test_the_operator_needs_nothing_that_works_or_serves():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    digests = [json.loads(line)["strategyDigest"] for line in done.stdout.splitlines()]
    assert len(set(digests)) == 3
