"""What of a record is shown where there is much of it."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tidewright.cli.backtest_view import show


@pytest.fixture
def record(command, manifest):
    """The record of the demo, with other histories."""
    edits = [("checks: {lookAhead: false}", "checks: {lookAhead: false, monteCarlo: 50}")]
    command("run", manifest(*edits), "-q", "--no-report", "-o", "out")
    return json.loads(Path("out/result.json").read_text())


def shown(record) -> str:
    console = Console(file=io.StringIO(), width=120)
    show(record, console)
    return console.file.getvalue()


def lines(record, word):
    return [line for line in shown(record).splitlines() if word in line]


def test_other_histories_are_two_lines_where_there_are_any(record):
    way = record["monteCarlo"]["ways"]["dailyReturns"]
    drawdown = way["maxDrawdown"][way["quantiles"].index(0.95)]
    (worst,) = lines(record, "Drawdown, worst 5 % of 50 paths")
    (loss,) = lines(record, "Loss at the end of 50 paths")
    assert f"{drawdown:.2%}" in worst
    assert f"{way['loss']:.2%}" in loss
    for nothing in (None, {"paths": 50, "ways": {}}):
        assert lines(record | {"monteCarlo": nothing}, "paths") == []


def test_of_many_symbols_the_market_is_a_number_and_the_weightiest_are_listed(record):
    assert lines(record, "Contribution") == []
    one = {"contribution": 0.1, "fees": 1.0, "exposure": 0.1, "trades": 3, "winRate": None, "refused": 0}
    names = [f"C{i:02d}/USDT" for i in range(12)]
    record["symbols"] = [{"symbol": name, "gain": float((-1) ** i * i), **one} for i, name in enumerate(names)]
    record["provenance"]["data"]["symbols"] = {name: {} for name in names}
    assert len(lines(record, "12 symbols 1h on simulated")) == 1
    assert len(lines(record, "10 of 12")) == 1
    listed = [line.split()[0] for line in lines(record, "/USDT ")]
    assert listed == [
        "C10/USDT",
        "C08/USDT",
        "C06/USDT",
        "C04/USDT",
        "C02/USDT",
        "C03/USDT",
        "C05/USDT",
        "C07/USDT",
        "C09/USDT",
        "C11/USDT",
    ]


def test_of_many_warnings_of_a_kind_the_first_are_shown(record):
    record["warnings"] = [{"reason": "ListedLate", "message": f"number {i}"} for i in range(7)]
    assert len(lines(record, "number")) == 3
    assert len(lines(record, "ListedLate: 4 more in result.json")) == 1
