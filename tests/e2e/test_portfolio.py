"""A portfolio from the shell: the sample that comes with Tidewright, and real bars of three symbols."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tidewright.adapters.results import read_table

SAMPLE = Path(__file__).parents[2] / "manifests" / "samples" / "backtestrun-portfolio.yaml"
COMMAND = Path(sys.executable).with_name("tidewright")
GOLDEN = Path(__file__).parents[1] / "golden" / "results.json"


@pytest.fixture
def command(tmp_path):
    """Calls `tidewright` in an empty folder with no market data of its own; it must succeed."""
    environment = {**os.environ, "TIDEWRIGHT_DATA": str(tmp_path / "data"), "COLUMNS": "160"}

    def command(*words):
        ended = subprocess.run(
            [COMMAND, *map(str, words)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return command


def test_the_sample_runs_verifies_reports_and_is_compared(command, tmp_path):
    shown = command("run", SAMPLE, "--output", "all")
    assert "BTC/USDT, ETH/USDT, SOL/USDT 4h on simulated" in shown
    record = json.loads((tmp_path / "all" / "result.json").read_text())
    golden = json.loads(GOLDEN.read_text())["portfolioSample"]
    assert (record["provenance"]["digest"], record["result"]["finalEquity"]) == (golden["digest"], golden["equity"])
    assert (
        sum(record["refused"].values())
        == len(read_table(tmp_path / "all" / "refusals.parquet")["reason"])
        == golden["refusals"]
    )
    assert record["checks"]["lookAhead"]["passed"]
    assert record["checks"]["warmup"]["passed"]

    assert "The same, bit for bit." in command("verify", "all")
    before = (tmp_path / "all" / "report.html").read_bytes()
    command("report", "all")
    assert (tmp_path / "all" / "report.html").read_bytes() == before

    alone = (
        SAMPLE.read_text()
        .replace("[BTC/USDT, ETH/USDT, SOL/USDT]", "[BTC/USDT]")
        .replace("name: portfolio", "name: alone")
    )
    kept = [line for line in alone.splitlines() if "symbol: ETH" not in line and "symbol: SOL" not in line]
    (tmp_path / "alone.yaml").write_text("\n".join(kept))
    command("run", "alone.yaml", "--output", "alone")
    document = json.loads(command("compare", "all", "alone", "--json"))
    assert [row["field"] for row in document["differences"] if row["group"] == "Data"] == ["digest", "symbol", "bars"]


@pytest.mark.shared
def test_the_sample_on_real_bars_keeps_its_limits(command, shared_data, tmp_path):
    for name in ("BTC", "ETH", "SOL"):
        market = ("--exchange", "binance", "--symbol", f"{name}/USDT", "--timeframe", "1h")
        command("data", "import", shared_data / "binance-spot" / f"{name}_USDT-1h-2024.feather", *market)
    edits = (("simulated", "binance"), ("timeframe: 4h", "timeframe: 1h"))
    text = SAMPLE.read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "real.yaml").write_text(text)
    record = json.loads(command("run", "real.yaml", "--json", "--output", "real"))
    assert record["result"]["trades"] > 30
    equity = read_table(tmp_path / "real" / "equity.parquet")
    names = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
    open_positions = sum((equity[f"holding:{name}"] != 0.0).astype(int) for name in names)
    assert open_positions.max() == 2
    assert sum(equity[f"gain:{name}"][-1] for name in names) == pytest.approx(record["result"]["finalEquity"] - 10_000)
    assert "The same, bit for bit." in command("verify", "real")
