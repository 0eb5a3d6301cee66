"""Several symbols on one account, from the command line: run, verify, report, compare."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tidewright.adapters.stores import stores
from tidewright.cli.endings import DONE, FAILED
from tidewright.domain.bars import Market
from tidewright.domain.costs import Funding
from tidewright.ports import Source

THREE = (
    "symbols: [BTC/USDT]",
    "symbols: [BTC/USDT, ETH/USDT, SOL/USDT]\n    risk: {maxOpenPositions: 2, positionSize: {fraction: 45%}}",
)
EXCHANGE = ("exchange: simulated", "exchange: binance")


@pytest.fixture
def stored(folder_of_its_own):
    """Stores the embedded market's bars of some symbols as if they came from an exchange, with a factor on one bar's volume."""

    def stored(*symbols, factor=1.0, suffix=""):
        stock = stores(os.environ)
        for symbol in symbols:
            bars = stock.read(Market("simulated", symbol, "1h"))
            volume = bars.volume.copy()
            volume[9_500] *= factor
            market = Market("binance", symbol + suffix, "1h")
            stock.merge(replace(bars, volume=volume, market=market), Source("bars.csv", "sha256:0"), replace=True)

    return stored


@pytest.fixture
def run(command, manifest):
    def run(*edits, folder="out"):
        ended = command("run", manifest(*edits), "-o", folder)
        assert ended.code == DONE, ended.err
        return ended.out

    return run


def verified(command):
    ended = command("verify", "out", "--json")
    return ended.code, {part["name"]: part["same"] for part in json.loads(ended.out)["parts"]}


def test_a_run_names_its_symbols_and_what_each_did(run):
    shown = run(THREE)
    assert "BTC/USDT, ETH/USDT, SOL/USDT 1h on simulated, 2023-01-01 to 2023-04-01, 6,480 bars" in shown.replace(
        "\n", " "
    )
    record = json.loads(Path("out/result.json").read_text())
    for one in record["symbols"]:
        assert f"{one['symbol']} " in shown
        assert f" {one['gain']:,.2f} " in shown
    assert "OrdersRefused: " in shown
    assert {path.name for path in Path("out").iterdir()} >= {"refusals.parquet", "report.html"}


def test_the_report_is_made_again_from_the_files_alone(command, run):
    run(THREE)
    before = Path("out/report.html").read_bytes()
    Path("out/report.html").unlink()
    assert command("report", "out").code == DONE
    assert Path("out/report.html").read_bytes() == before


def test_the_same_again_is_the_same(command, run):
    run(THREE)
    assert verified(command) == (
        DONE,
        dict.fromkeys(["spec", "data", "strategy", "arithmetic", "result", "figures", "warnings"], True),
    )


def test_an_edited_contribution_is_found_out(command, run):
    run(THREE)
    path = Path("out/result.json")
    record = json.loads(path.read_text())
    record["symbols"][1]["gain"] += 1.0
    path.write_text(json.dumps(record))
    ended = command("verify", "out")
    assert ended.code == FAILED
    assert "ETH/USDT.gain" in ended.out
    assert "the figures in the file are not those of its fills" in ended.out


def test_changed_bars_are_named_by_their_symbol(command, run, stored):
    stored("BTC/USDT", "ETH/USDT", "SOL/USDT")
    run(THREE, EXCHANGE)
    stored("SOL/USDT", factor=2.0)
    code, parts = verified(command)
    assert (code, parts["data"], parts["data of SOL/USDT"]) == (FAILED, False, False)
    assert not {"data of BTC/USDT", "data of ETH/USDT"} & parts.keys()


def test_funding_is_verified_of_all_symbols_together(command, run, stored):
    stored("BTC/USDT", "ETH/USDT", suffix=":USDT")
    due = 1_640_995_200_000 + 8 * 3_600_000 * np.arange(1, 2_700)
    stock = stores(os.environ)
    for symbol, rate in (("BTC/USDT:USDT", 1e-4), ("ETH/USDT:USDT", 2e-4)):
        stock.merge_funding("binance", symbol, Funding(due, np.full(len(due), rate)), Source("f.csv", "sha256:0"))
    perpetuals = (THREE[0], THREE[1].replace("BTC/USDT, ETH/USDT, SOL/USDT", "'BTC/USDT:USDT', 'ETH/USDT:USDT'"))
    margin = ("  checks:", "  broker: {account: Margin, leverage: 2, funding: Stored}\n  checks:")
    run(perpetuals, EXCHANGE, margin)
    record = json.loads(Path("out/result.json").read_text())
    assert record["result"]["funding"] > 0
    assert sum(one["gain"] for one in record["symbols"]) == pytest.approx(record["result"]["finalEquity"] - 10_000)
    assert verified(command) == (
        DONE,
        dict.fromkeys(["spec", "data", "funding", "strategy", "arithmetic", "result", "figures", "warnings"], True),
    )
    stock.merge_funding(
        "binance", "ETH/USDT:USDT", Funding(due, np.full(len(due), 3e-4)), Source("g.csv", "sha256:1"), replace=True
    )
    code, parts = verified(command)
    assert (code, parts["data"], parts["funding"], parts["result"]) == (FAILED, True, False, False)


def test_it_is_compared_with_an_account_of_one_symbol(command, run):
    run(THREE, ("name: demo", "name: three"), folder="three")
    run(("name: demo", "name: alone"), folder="alone")
    ended = command("compare", "three", "alone", "--json", "--output", "compare.html")
    document = json.loads(ended.out)
    assert (ended.code, {one["name"] for one in document["runs"]}) == (DONE, {"three", "alone"})
    assert {row["field"] for row in document["differences"] if row["group"] == "Data"} == {"symbol", "bars", "digest"}
    by_name = {one["name"]: one["figures"] for one in document["runs"]}
    record = json.loads(Path("three/result.json").read_text())
    assert by_name["three"]["exposure"] == record["result"]["exposure"]
    assert "<html" in Path("compare.html").read_text()
    assert "BTC/USDT, ETH/USDT, SOL/U" in command("compare", "three", "alone").out
