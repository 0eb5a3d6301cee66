import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tidewright.adapters.stores import stores
from tidewright.cli.endings import DONE, FAILED, REFUSED
from tidewright.cli.verify import comparison
from tidewright.domain.bars import Market
from tidewright.domain.costs import Funding
from tidewright.ports import Source

PARTS = ["spec", "data", "strategy", "arithmetic", "result", "figures", "warnings"]


@pytest.fixture
def store(folder_of_its_own):
    """Stores bars of the embedded market as if they came from an exchange, with a factor on the price of one of them."""

    def store(factor: float = 1.0, *, skip: int = 0) -> None:
        stock = stores(os.environ)
        bars = stock.read(Market("simulated", "BTC/USDT", "1h"))
        open_, high, low, close = (getattr(bars, name).copy() for name in ("open", "high", "low", "close"))
        for column in (open_, high, low, close):
            column[10_000] *= factor
        bars = replace(bars, open=open_, high=high, low=low, close=close, market=Market("binance", "BTC/USDT", "1h"))
        stock.merge(bars.part(skip, len(bars)), Source("bars.csv", "sha256:0"), replace=True)

    return store


@pytest.fixture
def result(command, manifest):
    """Runs the demo, with edits, and gives the path of its record."""

    def result(*edits: tuple[str, str]) -> Path:
        ended = command("run", manifest(*edits), "-q", "--no-report", "-o", "out")
        assert ended == (DONE, "", "")
        return Path("out/result.json")

    return result


def edited(path, change):
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def differing(ended):
    """The parts that are not the same, from the one document on stdout."""
    found = json.loads(ended.out)
    assert [part["name"] for part in found["parts"]] == PARTS
    assert found["same"] == (ended.code == DONE)
    return [part["name"] for part in found["parts"] if not part["same"]]


def test_the_same_again_is_the_same(command, result):
    path = result()
    for named in (path, path.parent):
        ended = command("verify", named)
        assert (ended.code, "The same, bit for bit." in ended.out, ended.err) == (DONE, True, "")
    assert differing(command("verify", path, "--json")) == []


def test_a_result_may_have_moved_to_another_folder(command, result, monkeypatch, tmp_path):
    moved = result().rename(tmp_path / "elsewhere.json")
    monkeypatch.chdir(tmp_path)
    assert command("verify", moved).code == DONE


def test_a_run_without_a_period_is_verified_after_more_bars_have_come(command, result, store):
    store(skip=5_000)
    path = result(("simulated\n    start: 2023-01-01", "binance\n    start: 2023-01-01"))
    store()
    assert command("verify", path).code == DONE


def test_changed_bars_are_named_first(command, result, store):
    store()
    path = result(("exchange: simulated", "exchange: binance"))
    store(factor=1.5)
    ended = command("verify", path)
    assert (ended.code, "Not the same: the bars in the store are not those of the result" in ended.out) == (
        FAILED,
        True,
    )
    assert "data" in differing(command("verify", path, "--json"))


def test_a_pin_does_not_keep_changed_bars_from_being_compared(command, result, store):
    store()
    digest = json.loads(result(("exchange: simulated", "exchange: binance")).read_text())["provenance"]["data"][
        "digest"
    ]
    path = result(("exchange: simulated", f"exchange: binance\n    digest: {digest}"))
    assert command("verify", path).code == DONE
    store(factor=1.5)
    assert "data" in differing(command("verify", path, "--json"))


@pytest.fixture
def perpetual(folder_of_its_own):
    """Stores a perpetual with the embedded market's bars, and funding with a factor on every rate."""

    def perpetual(factor: float = 1.0) -> None:
        stock = stores(os.environ)
        bars = stock.read(Market("simulated", "BTC/USDT", "1h"))
        stock.merge(replace(bars, market=Market("binance", "BTC/USDT:USDT", "1h")), Source("bars.csv", "sha256:0"))
        rates = Funding(bars.time[::8], np.full(len(bars.time[::8]), 0.0001 * factor))
        stock.merge_funding("binance", "BTC/USDT:USDT", rates, Source("funding.csv", "sha256:0"), replace=True)

    return perpetual


def test_funding_is_a_part_of_its_own(command, perpetual, result):
    perpetual()
    path = result(
        ("symbols: [BTC/USDT]", "symbols: [BTC/USDT:USDT]"),
        ("exchange: simulated", "exchange: binance"),
        ("  seed: 7", "  broker: {account: Margin, funding: Stored}\n  seed: 7"),
    )
    ended = command("verify", path, "--json")
    assert [part["name"] for part in json.loads(ended.out)["parts"]] == [*PARTS[:2], "funding", *PARTS[2:]]
    assert ended.code == DONE
    perpetual(factor=1.5)
    ended = command("verify", path)
    assert ended.code == FAILED
    assert "the funding rates in the store are not those of the result" in " ".join(ended.out.split())


def change_digest(record):
    record["provenance"]["digest"] = f"sha256:{'0' * 64}"


def change_data_digest(record):
    record["provenance"]["data"]["digest"] = f"sha256:{'0' * 64}"


def change_commission(record):
    record["spec"]["broker"]["commission"] = "0%"


def change_parameter(record):
    record["spec"]["strategy"]["parameters"]["fast"] = 25


def change_figure(record):
    record["result"]["sharpe"] = 5.0


def change_interval(record):
    record["intervals"]["sharpe"][0] = 1.0


def blank_figure(record):
    record["result"]["sharpe"] = None


def drop_warning(record):
    record["warnings"].pop(0)


def change_revision(record):
    record["provenance"]["engine"]["arithmeticRevision"] += 1


@pytest.mark.parametrize(
    ("change", "parts", "remedy"),
    [
        (change_digest, ["result"], "the digest in the file was edited"),
        (change_data_digest, ["data"], "import the data it was made from"),
        (change_commission, ["spec", "result", "figures"], "the spec in the file is not the one that was run"),
        (change_parameter, ["spec", "strategy", "result", "figures"], "the spec in the file is not the one that was run"),
        (change_figure, ["figures"], "the figures in the file are not those of its fills"),
        (change_interval, ["figures"], "the figures in the file are not those of its fills"),
        (blank_figure, ["figures"], "the figures in the file are not those of its fills"),
        (drop_warning, ["warnings"], "the warnings in the file are not those of the run"),
        (change_revision, ["arithmetic"], "install the one named in the result"),
    ],
)  # fmt: skip
def test_an_edited_record_is_found_out_and_the_part_named(command, result, change, parts, remedy):
    path = result()
    edited(path, change)
    ended = command("verify", path)
    assert ended.code == FAILED
    assert remedy in " ".join(ended.out.split())
    assert differing(command("verify", path, "--json")) == parts


def test_changed_code_is_named(command, own):
    command("run", own("return tidewright.Signals(bars.close > bars.open, bars.close < bars.open)"), "-q", "-o", "out")
    assert command("verify", "out").code == DONE
    Path("mine.py").write_text(Path("mine.py").read_text() + "\n\n# a comment is a change, too\n")
    ended = command("verify", "out")
    assert (ended.code, "Not the same: the strategy's code has changed since" in ended.out) == (FAILED, True)
    assert differing(command("verify", "out", "--json")) == ["strategy"]


def test_code_is_found_where_the_manifest_was_or_where_it_is_said_to_be(command, own, monkeypatch, tmp_path):
    path = own("return tidewright.Signals(bars.close > bars.open, bars.close < bars.open)")
    command("run", path.resolve(), "-q", "-o", "out")
    out = Path("out").resolve()
    monkeypatch.chdir(tmp_path)
    assert command("verify", out).code == DONE
    moved = Path("moved")
    moved.mkdir()
    path = tmp_path / "work" / "mine.py"
    path.rename(moved / "mine.py")
    ended = command("verify", out)
    assert (ended.code, "no such module; put mine.py beside the manifest" in ended.err) == (REFUSED, True)
    assert command("verify", out, "--path", "moved").code == DONE


def test_what_cannot_be_run_again_is_refused(command, result, store, tmp_path):
    store()
    path = result(("exchange: simulated", "exchange: binance"))
    (tmp_path / "data").rename(tmp_path / "gone")
    ended = command("verify", path)
    assert (ended.code, ended.out) == (REFUSED, "")
    assert ended.err.startswith(
        "Error: out/result.json: spec.data.exchange: 'binance': there are no bars of BTC/USDT 1h on binance"
    )
    ended = command("verify", path, "--json")
    assert (ended.code, json.loads(ended.out)["kind"]) == (REFUSED, "Refusal")


def test_a_strategy_that_fails_now_is_a_failure(command, own):
    path = own("return tidewright.Signals(bars.close > bars.open, bars.close < bars.open)")
    command("run", path, "-q", "-o", "out")
    own("return 1 / 0")
    ended = command("verify", "out", "--json")
    assert (ended.code, json.loads(ended.out)) == (
        FAILED,
        {"kind": "Failure", "message": "Mine raised ZeroDivisionError: division by zero"},
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no x.json; name the result.json of a run, or its folder"),
        ("a: 1", "x.json is not JSON"),
        ("{}", "x.json is not the record of a run; name the result.json that `tidewright run` wrote"),
        ('{"kind": "Refusal", "problems": []}', "x.json is not the record of a run"),
        (json.dumps(dict.fromkeys(["kind", "name", "spec", "result", "intervals", "benchmark", "warnings", "provenance"])),
         "x.json: is not the whole record of a run"),
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused(command, content, message):
    if content is not None:
        Path("x.json").write_text(content)
    ended = command("verify", "x.json")
    assert (ended.code, ended.out) == (REFUSED, "")
    assert ended.err.startswith(f"Error: {message}")
    ended = command("verify", "x.json", "--json")
    assert (ended.code, json.loads(ended.out)["kind"]) == (REFUSED, "Refusal")


@pytest.mark.parametrize("place", ["provenance", "spec", "result", "intervals", "warnings"])
@pytest.mark.parametrize("value", [None, 3, "x", [], {}])
def test_a_record_with_a_part_spoilt_is_refused_or_found_out(command, result, place, value):
    path = result()
    edited(path, lambda record: record.update({place: value}))
    ended = command("verify", path)
    assert ended.code in {FAILED, REFUSED}
    assert "Traceback" not in ended.err


def test_a_record_of_another_kind_is_refused(command, result):
    path = result()
    edited(path, lambda record: record.update(kind="RLTraining"))
    ended = command("verify", path)
    assert ended.code == REFUSED
    assert ended.err.endswith("is the record of another kind, RLTraining; name that of a BacktestRun\n")


def test_the_last_digit_of_a_figure_may_be_the_machines_own(result):
    record = json.loads(result().read_text())
    sharpe = record["result"]["sharpe"]
    other = {**record, "result": {**record["result"], "sharpe": float(np.nextafter(sharpe, np.inf))}}
    assert all(before == now for _, before, now in comparison(record, other))
