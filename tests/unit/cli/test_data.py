import errno
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from tidewright.adapters import parquet_store
from tidewright.cli.__main__ import tidewright
from tidewright.cli.data import data
from tidewright.cli.data_view import sparkline
from tidewright.cli.endings import DONE, FAILED, REFUSED, ending

HOUR = 3_600_000
START = 1_704_067_200_000  # 2024-01-01
PERPETUAL = ("--exchange", "binance", "--symbol", "BTC/USDT:USDT")
NAMED = ("--exchange", "binance", "--symbol", "BTC/USDT", "--timeframe", "1h")


@pytest.fixture
def store(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def run(store):
    def invoke(*arguments):
        return CliRunner().invoke(
            data, [str(argument) for argument in arguments], env={"TIDEWRIGHT_DATA": str(store), "COLUMNS": "120"}
        )

    return invoke


@pytest.fixture
def funding(tmp_path):
    def write(*rates, name="funding.csv", header="calc_time,funding_interval_hours,last_funding_rate"):
        path = tmp_path / name
        rows = [f"{START + 8 * i * HOUR + 3},8,{rate}" for i, rate in enumerate(rates)]
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


@pytest.fixture
def csv(tmp_path):
    def write(*hours, name="bars.csv", price=100.0):
        path = tmp_path / name
        rows = [f"{START + hour * HOUR},{price},{price + 2 + hour},{price - 2},{price + hour},5" for hour in hours]
        path.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
        return path

    return write


def test_an_import_says_what_came_in_and_what_to_know_of_it(run, csv):
    result = run("import", csv(0, 1, 2, 3, 7), *NAMED)

    assert result.exit_code == 0
    assert "bars.csv: BTC/USDT 1h on binance" in result.stdout
    assert "5 bars added, 0 replaced, 0 there already" in result.stdout
    assert "2024-01-01 00:00 to 2024-01-01 07:00 UTC, 1 gaps" in result.stdout
    assert "Warning: 1 gap, 3 bars missing in all" in result.stdout


def test_importing_again_changes_nothing(run, csv):
    path = csv(0, 1, 2)
    run("import", path, *NAMED)

    assert "0 bars added, 0 replaced, 3 there already" in run("import", path, *NAMED).stdout


def test_funding_is_imported_and_told_of_wherever_its_symbol_is(run, csv, funding):
    run("import", csv(0, 1, 2), *PERPETUAL, "--timeframe", "1h")
    result = run("import", funding(0.0001, -0.0002, 0.0003), "--funding", *PERPETUAL)

    assert result.exit_code == 0
    assert "funding.csv: the funding of BTC/USDT:USDT on binance" in result.stdout
    assert "3 rates added, 0 replaced, 0 there already" in result.stdout
    assert "3 rates, 2024-01-01 00:00 to 2024-01-01 16:00 UTC, one every 8h in this file" in result.stdout
    assert "time from 'calc_time', rate from 'last_funding_rate'" in result.stdout
    for words in ("list",), ("show", "binance", "BTC/USDT:USDT", "1h"):
        assert "3 rates, 2024-01-01 00:00 to 2024-01-01 16:00 UTC" in run(*words).stdout
    verified = run("verify")
    assert "sound    the funding of BTC/USDT:USDT on binance" in verified.stdout
    assert "10 markets and the funding of 1 symbols verified, 0 damaged." in verified.stdout


def test_funding_is_part_of_the_json_documents(run, csv, funding):
    run("import", csv(0, 1, 2), *PERPETUAL, "--timeframe", "1h")
    run("import", funding(0.0001, -0.0002), "--funding", *PERPETUAL)
    listed = json.loads(run("list", "--json").stdout)[-1]

    assert listed | {"digest": "", "sources": []} == {
        "exchange": "binance",
        "symbol": "BTC/USDT:USDT",
        "first": "2024-01-01T00:00:00Z",
        "last": "2024-01-01T08:00:00Z",
        "rates": 2,
        "digest": "",
        "sources": [],
    }
    assert json.loads(run("show", "binance", "BTC/USDT:USDT", "1h", "--json").stdout)["funding"] == listed
    assert json.loads(run("verify", "--json").stdout)[-1] == listed | {"sound": True, "faults": []}


def test_damaged_funding_is_listed_shown_and_fails_the_verification(run, csv, funding, store):
    run("import", csv(0, 1, 2), *PERPETUAL, "--timeframe", "1h")
    run("import", funding(0.0001, -0.0002), "--funding", *PERPETUAL)
    (store / "binance/BTC-USDT%3AUSDT/funding.parquet").write_bytes(b"PAR1")

    assert "damaged" in run("list").stdout
    assert "Funding  damaged" in run("show", "binance", "BTC/USDT:USDT", "1h").stdout
    assert "damage" in json.loads(run("list", "--json").stdout)[-1]
    verified = run("verify")
    assert (verified.exit_code, "1 damaged" in verified.stdout) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((*PERPETUAL[:2], "--symbol", "BTC/USDT:USDT", "--timeframe", "8h"), "--timeframe, --time-is and --drop-dup"),
        ((*PERPETUAL, "--time-is", "close"), "are about bars; leave them out with --funding"),
        ((*PERPETUAL, "--drop-duplicates"), "are about bars; leave them out with --funding"),
        ((*PERPETUAL, "--column", "close=rate"), "--column close=... is of bars only"),
        ((*PERPETUAL, "--column", "rate=other"), "--column rate=other: there is no such column"),
        (("--exchange", "simulated", "--symbol", "BTC/USDT"), "is the embedded market and takes no funding"),
    ],
)
def test_funding_that_is_refused_exits_with_2_and_says_why(run, funding, store, arguments, reason):
    result = run("import", funding(0.0001), "--funding", *arguments)

    assert result.exit_code == 2
    assert reason in " ".join(result.stderr.split())
    assert not list(store.rglob("*.parquet"))


def test_a_broken_funding_file_is_refused_with_every_reason(run, funding):
    path = funding(0.0001, 7, "")
    result = run("import", path, "--funding", *PERPETUAL)

    assert result.exit_code == 2
    assert f"{path} was not imported:\n  line 3: 7 is no funding rate" in result.stderr
    assert "line 4: nothing is no funding rate" in result.stderr


def test_other_rates_are_refused_unless_they_may_replace(run, funding):
    run("import", funding(0.0001, 0.0002), "--funding", *PERPETUAL)
    other = funding(0.0001, 0.0005)
    result = run("import", other, "--funding", *PERPETUAL)

    assert (result.exit_code, "(0.0002, now 0.0005); --replace takes" in result.stderr) == (2, True)
    assert "0 rates added, 1 replaced, 1 there" in run("import", other, "--funding", *PERPETUAL, "--replace").stdout


def test_bars_need_their_timeframe(run, csv):
    result = run("import", csv(0, 1), *PERPETUAL)

    assert (result.exit_code, "Missing option '--timeframe'" in result.stderr) == (2, True)
    assert "is of funding rates only" in run("import", csv(0, 1), *NAMED, "--column", "rate=close").stderr


def test_several_files_make_one_series(run, csv):
    result = run("import", csv(0, 1, name="a.csv"), csv(2, 3, name="b.csv"), *NAMED)

    assert "the store has 4 bars" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--exchange", "Binance", *NAMED[2:]), "'Binance' is not an exchange's name; write lower-case"),
        ((*NAMED[:2], "--symbol", "BTCUSDT", *NAMED[4:]), "'BTCUSDT' is not a symbol; write base/quote"),
        ((*NAMED[:4], "--timeframe", "60m"), "'60m' is no timeframe. Did you mean 1h?"),
        ((*NAMED[:4], "--timeframe", "1hr"), "Did you mean 1h?"),
        ((*NAMED[:4], "--timeframe", "xyz"), "A timeframe is one of 1m, 3m"),
        ((*NAMED[:4], "--timeframe", "4h"), "the bars are 1h apart, not 4h; import them with --timeframe 1h"),
        ((*NAMED, "--column", "closing=x"), "write FIELD=NAME"),
        ((*NAMED, "--column", "close=last"), "--column close=last: there is no such column"),
        (("--exchange", "simulated", *NAMED[2:]), "'simulated' is the embedded market and takes no bars"),
    ],
)
def test_input_that_is_refused_exits_with_2_and_says_why(run, csv, store, arguments, reason):
    result = run("import", csv(0, 1, 2), *arguments)

    assert result.exit_code == 2
    assert reason in " ".join(result.stderr.split())
    assert not list(store.rglob("*.parquet"))


def test_a_missing_file_is_refused(run):
    result = run("import", "nowhere.csv", *NAMED)

    assert result.exit_code == 2
    assert "'nowhere.csv' does not exist" in result.stderr


def test_a_broken_file_is_refused_with_its_name_and_every_reason(run, csv):
    path = csv(0, 2, 1, 1)
    result = run("import", path, *NAMED)

    assert result.exit_code == 2
    assert f"{path} was not imported:\n  line 4: the times are not in ascending order" in result.stderr
    assert "--drop-duplicates" in result.stderr
    assert run("import", path, *NAMED, "--sort", "--drop-duplicates").exit_code == 0


def test_other_values_are_refused_unless_they_may_replace(run, csv):
    run("import", csv(0, 1, 2), *NAMED)
    other = csv(1, 2, 3, price=101.0)
    result = run("import", other, *NAMED)

    assert result.exit_code == 2
    assert "the first opens at 2024-01-01T01:00:00Z (open 100.0, now 101.0;" in result.stderr
    assert "1 bars added, 2 replaced" in run("import", other, *NAMED, "--replace").stdout


def test_columns_can_be_named(run, tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text(f"unix,date,open,high,low,close,Volume BTC,Volume USDT\n{START},2024-01-01,1,3,1,2,7,14\n")

    assert run("import", path, *NAMED).exit_code == 2
    assert run("import", path, *NAMED, "--column", "time=unix", "--column", "volume=Volume USDT").exit_code == 0


def test_times_may_be_those_of_the_close(run, csv):
    assert "2023-12-31 23:00 to 2024-01-01 01:00" in run("import", csv(0, 1, 2), *NAMED, "--time-is", "close").stdout


def test_a_full_disk_is_a_failure_that_says_so(csv, store, monkeypatch, capsys):
    def full(path, bars, description):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(parquet_store, "_write", full)
    monkeypatch.setenv("TIDEWRIGHT_DATA", str(store))
    code = ending(lambda: data.main(["import", str(csv(0, 1)), *NAMED], standalone_mode=False))

    assert code == FAILED
    assert "the disk is full" in capsys.readouterr().err
    assert not list(store.rglob("*parquet*"))


def test_the_list_has_the_embedded_market_before_anything_is_imported(run):
    result = run("list")

    assert result.exit_code == 0
    assert "simulated  BTC/USDT  1h" in result.stdout
    assert "its bars are made by a generator" in result.stdout


def test_the_list_is_one_json_document(run, csv):
    run("import", csv(0, 1, 2, 5), *NAMED)
    first = json.loads(run("list", "--json").stdout)[0]

    assert first | {"digest": "", "sources": []} == {
        "exchange": "binance",
        "symbol": "BTC/USDT",
        "timeframe": "1h",
        "first": "2024-01-01T00:00:00Z",
        "last": "2024-01-01T05:00:00Z",
        "bars": 4,
        "gaps": 1,
        "digest": "",
        "simulated": False,
        "sources": [],
    }
    assert first["sources"][0]["name"] == "bars.csv"


def test_a_market_is_shown_with_its_gaps_findings_and_prices(run, csv):
    run("import", csv(0, 1, 2, 5), *NAMED)
    shown = " ".join(run("show", "binance", "BTC/USDT", "1h").stdout.split())

    assert "Covers 2024-01-01 00:00 to 2024-01-01 06:00 UTC, 4 bars" in shown
    assert "Change +5.00%" in shown
    assert "▁▂▄█" in shown
    assert "2024-01-01 02:00 2024-01-01 05:00 2 2h" in shown
    assert "Warning Gap 1 gap, 2 bars missing in all" in shown


def test_the_embedded_market_is_labelled_where_it_is_shown(run):
    assert "made by a generator, not by an exchange" in run("show", "simulated", "BTC/USDT", "1d").stdout


def test_a_market_is_one_json_document(run, csv):
    run("import", csv(0, 1, 2, 5), *NAMED)
    shown = json.loads(run("show", "binance", "BTC/USDT", "1h", "--json").stdout)

    assert shown["gaps"] == [{"after": "2024-01-01T02:00:00Z", "before": "2024-01-01T05:00:00Z", "missing": 2}]
    assert [finding["rule"] for finding in shown["quality"]] == ["Gap"]
    assert shown["prices"] == {"first": 100.0, "last": 105.0, "change": 105 / 100 - 1, "high": 107.0, "low": 98.0}


@pytest.mark.parametrize(
    ("market", "reason"),
    [
        (("binance", "BTC/USD", "1h"), "the nearest are BTC/USDT 1h on binance"),
        (("binance", "../BTC", "1h"), "names no exchange, symbol or timeframe"),
        (("simulated", "BTC/USD", "1h"), "the nearest are BTC/USDT 1h on simulated"),
        (("simulated", "BTC/USDT", "1m"), "the embedded market has no BTC/USDT 1m"),
    ],
)
def test_a_market_that_is_not_there_is_refused_with_what_is(run, csv, market, reason):
    run("import", csv(0, 1, 2), *NAMED)
    result = run("show", *market)

    assert result.exit_code == 2
    assert reason in result.stderr


def test_a_sound_store_is_verified(run, csv):
    run("import", csv(0, 1, 2), *NAMED)
    result = run("verify")

    assert result.exit_code == 0
    assert "sound    BTC/USDT 1h on binance" in result.stdout
    assert "10 markets verified, 0 damaged." in result.stdout


def test_a_file_that_was_exchanged_is_found(run, csv, store):
    for exchange, price in (("binance", 100.0), ("kraken", 200.0)):
        run("import", csv(0, 1, 2, price=price), "--exchange", exchange, *NAMED[2:])
    shutil.copy(store / "kraken/BTC-USDT/1h.parquet", store / "binance/BTC-USDT/1h.parquet")
    result = run("verify", "--json")
    binance, kraken = json.loads(result.stdout)[:2]

    assert result.exit_code == 1
    assert kraken["sound"]
    assert not binance["sound"]
    assert "holds the bars of BTC/USDT 1h on kraken" in binance["faults"][0]


def test_a_torn_file_is_listed_verified_and_shown_as_damaged(run, csv, store):
    run("import", csv(0, 1, 2), *NAMED)
    (store / "binance/BTC-USDT/1h.parquet").write_bytes(b"PAR1")

    assert "damaged" in run("list").stdout
    assert "damage" in json.loads(run("list", "--json").stdout)[0]
    assert run("show", "binance", "BTC/USDT", "1h").exit_code == 1
    verified = run("verify")
    assert verified.exit_code == 1
    assert "1 damaged" in verified.stdout


@pytest.mark.parametrize("command", [(), ("import",), ("list",), ("show",), ("verify",)])
def test_help_has_examples(run, command):
    assert "tidewright data " in run(*command, "--help").stdout.split("Examples:")[1]


def test_help_imports_nothing_heavy():
    code = (
        "import sys, tidewright.cli.data; sys.exit(bool({'numpy', 'pyarrow', 'rich', 'pydantic'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_sparkline_spans_lowest_to_highest():
    assert sparkline(np.array([1.0, 2, 3, 4, 5, 6, 7, 8]), 8) == "▁▂▃▄▅▆▇█"
    assert sparkline(np.array([3.0, 3.0]), 8) == "▁▁"
    assert sparkline(np.arange(100.0), 4) == "▁▃▆█"
    assert sparkline(np.empty(0), 8) == ""


def test_exit_codes_survive_the_way_the_command_ends(csv, store, monkeypatch):
    monkeypatch.setenv("TIDEWRIGHT_DATA", str(store))

    def code(*arguments):
        return ending(lambda: tidewright.main(["data", *arguments], standalone_mode=False))

    assert code("import", str(csv(0, 1)), *NAMED) == DONE
    (store / "binance/BTC-USDT/1h.parquet").write_bytes(b"")
    assert code("verify") == FAILED
    assert code("show", "binance", "BTC/USDT", "1h") == FAILED
    assert code("show", "binance", "BTC/USDT", "4h") == REFUSED
