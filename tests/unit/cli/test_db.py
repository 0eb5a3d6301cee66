"""``tidewright db``, and the commands that read from a database."""

import asyncio
import json

import numpy as np
import pytest

from tidewright.adapters.postgres.schema import REVISION
from tidewright.adapters.run_books import run_book_at
from tidewright.cli.endings import DONE, FAILED, INTERRUPTED, REFUSED
from tidewright.ports import FinishedRun

GONE = "postgresql://me:secret@127.0.0.1:1/gone"


@pytest.fixture
def empty_url(postgres_server):
    with postgres_server.database(migrated=False) as url:
        yield url


def test_a_database_is_made_ready_and_kept_so(command, empty_url, monkeypatch):
    monkeypatch.setenv("TIDEWRIGHT_DATABASE", empty_url)
    assert "no schema yet; this version needs" in command("db", "current").out
    refused = command("db", "check")
    assert (refused.code, refused.out) == (REFUSED, "")
    assert "run `tidewright db upgrade`" in refused.err

    assert f"{REVISION}  " in command("db", "upgrade").out
    assert "Nothing to do" in command("db", "upgrade").out
    assert command("db", "check").code == DONE
    assert f"The database has {REVISION}" in command("db", "current").out


def test_going_back_asks_first(command, database_url):
    asked = command("db", "downgrade", "0003", "--url", database_url)
    assert asked.code == INTERRUPTED
    assert "0004 will be taken back: How far the collector has come" in asked.out
    assert command("db", "check", "--url", database_url).code == DONE

    assert command("db", "downgrade", "0003", "--yes", "--url", database_url).code == DONE
    assert "Nothing to do: the schema is at 0003" in command("db", "downgrade", "0004", "--url", database_url).out
    assert "has the schema 0003" in command("db", "check", "--url", database_url).err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("db", "check"), REFUSED, "--url"),
        (("db", "check", "--url", "mysql://db"), REFUSED, "write postgresql://user:password@host:5432/database"),
        (("db", "check", "--url", GONE), FAILED, "postgresql://me@127.0.0.1:1/gone: "),
        (("db", "upgrade", "--url", GONE, "--to", "7"), REFUSED, "'7' is no revision of this version; there are 0001"),
        (("db", "downgrade", "x", "--url", GONE), REFUSED, "'x' is no revision of this version"),
        (("compare", "--from", GONE), FAILED, "postgresql://me@127.0.0.1:1/gone: "),
        (("compare", "--from", "s3://runs"), REFUSED, "'s3' is no book of runs"),
        (("compare", "--from", GONE, "runs/one"), REFUSED, "leave RUNs and --output out, or --from"),
        (("compare", "--from", GONE, "--by", "vwr"), REFUSED, "not ranked by 'vwr'"),
    ],
)
def test_what_cannot_be_done_is_told_with_a_remedy_and_without_the_password(command, words, code, told):
    ended = command(*words)
    assert (ended.code, ended.out) == (code, "")
    assert told in ended.err
    assert "secret" not in ended.err


@pytest.mark.parametrize(("url", "code"), [(GONE, FAILED), ("s3://bars", REFUSED)])
def test_a_store_that_is_not_there_is_told(command, monkeypatch, url, code):
    monkeypatch.setenv("TIDEWRIGHT_STORE", url)
    ended = command("data", "list")

    assert (ended.code, ended.out, "secret" in ended.err) == (code, "", False)


TRADE_COLUMNS = (
    "entryTime", "exitTime", "direction", "quantity", "entryPrice", "exitPrice", "fees", "pnl", "netReturn", "adverse",
    "favourable", "reason", "barsHeld",
)  # fmt: skip


def a_run(name, sharpe):
    data = {"exchange": "binance", "symbol": "BTC/USDT", "timeframe": "1h", "start": "2023-01-01", "end": "2024-01-01"}
    provenance = {"digest": f"sha256:{name}", "data": data, "strategy": {"name": "MovingAverageCross"}}
    record = {"name": name, "result": {"sharpe": sharpe, "trades": 3}, "provenance": provenance}
    return FinishedRun(name, record, {column: np.empty(0) for column in TRADE_COLUMNS}, 0)


def test_runs_of_a_database_are_ranked(command, database_url):
    async def saved():
        book = run_book_at(database_url)
        for name, sharpe in (("poor", -0.5), ("good", 1.25), ("none", None)):
            await book.save(a_run(name, sharpe))
        await book.close()

    assert "No run has been saved" in command("compare", "--from", database_url).out
    asyncio.run(saved())
    told = json.loads(command("compare", "--from", database_url, "--json", "--limit", "2").out)
    assert [(run["rank"], run["name"], run["figures"]["sharpe"]) for run in told["runs"]] == [(1, "good", 1.25), (2, "poor", -0.5)]  # fmt: skip
    shown = command("compare", "--from", database_url, "--metric", "sharpe").out
    assert shown.index("good") < shown.index("poor") < shown.index("none")


def test_what_was_imported_into_a_database_is_listed_sound_and_tested(command, database_url, monkeypatch, tmp_path):
    monkeypatch.setenv("TIDEWRIGHT_STORE", database_url)
    lines = [f"2024-01-01T{hour:02}:00:00Z,1,2,0.5,1.5,10" for hour in range(24)]
    (tmp_path / "bars.csv").write_text("\n".join(["time,open,high,low,close,volume", *lines]))
    where = ("--exchange", "binance", "--symbol", "BTC/USDT", "--timeframe", "1h")

    assert "24 bars added" in command("data", "import", tmp_path / "bars.csv", *where).out
    assert "0 bars added, 0 replaced, 24 there already" in command("data", "import", tmp_path / "bars.csv", *where).out
    assert "binance" in command("data", "list").out
    assert "sound    BTC/USDT 1h on binance" in command("data", "verify").out
