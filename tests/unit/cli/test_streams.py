"""``tidewright streams`` on a real server."""

import asyncio
import json

import pytest
from click.testing import CliRunner
from redis_for_tests import redis_for_tests

from tidewright.adapters.redis_streams import RedisStreams
from tidewright.cli.endings import FAILED, REFUSED, ending
from tidewright.cli.streams import streams
from tidewright.ports import Message
from tidewright.wire.market_data import StreamedTrade, trade_event

GROUP = "data-validation"


@pytest.fixture
def url(monkeypatch):
    monkeypatch.delenv("TIDEWRIGHT_TEST_REDIS", raising=False)  # what is counted here is everything on the server
    with redis_for_tests() as its:
        yield its


@pytest.fixture
def run(url):
    return lambda *arguments: CliRunner().invoke(
        streams, arguments, env={"TIDEWRIGHT_STREAMS": url, "COLUMNS": "400"}, catch_exceptions=False
    )


@pytest.fixture
def buried(url):
    """Three trades, of which the first two are buried, the second one no trade at all."""

    async def bury():
        there = RedisStreams(url)
        trade = trade_event(StreamedTrade("binance", "BTC/USDT", 1, 2, -3.0, 4.0, False, 5))
        third = trade_event(StreamedTrade("binance", "BTC/USDT", 3, 2, 3.0, 4.0, False, 5))
        await there.publish("raw.trades", [trade, Message(trade.lane, 2, b"\xff\xff"), third])
        reader = await there.subscribe("raw.trades", GROUP, "a")
        for delivery in await reader.read(2, 1.0):
            await reader.bury(delivery, f"poison {int(delivery.data == trade.data)}")
        ids = [letter.id for letter in await there.dead("raw.trades", 9)]
        await there.close()
        return ids

    return asyncio.run(bury())


def test_the_list_has_every_topic_and_group(run, buried):
    lines = run("list").output.splitlines()
    assert lines[0].split() == ["Topic", "Kept", "Group", "Unread", "Pending", "Dead"]
    assert lines[1].split() == ["raw.trades", "3", GROUP, "1", "0", "2"]
    assert ["valid.trades", "0", "0"] in [line.split() for line in lines]


def test_the_list_for_programs(run, buried):
    trades, *_ = json.loads(run("list", "--json").output)
    assert trades == {
        "topic": "raw.trades", "length": 3, "bound": 1_000_000, "dead": 2, "groups": {GROUP: {"unread": 1, "pending": 0}},
    }  # fmt: skip


def test_dead_letters_are_shown_with_their_reason_and_what_they_say(run, buried):
    _, first, second = run("dead", "raw.trades").output.splitlines()
    assert first.startswith(f"{buried[0]}  20")
    assert f"{GROUP}      1  poison 1  " in first
    assert '"price": -3.0' in first
    assert second.rstrip().endswith("poison 0  2 bytes")
    assert run("dead", "raw.bars").output == "raw.bars has no dead letters\n"


def test_dead_letters_for_programs(run, buried):
    first, second = json.loads(run("dead", "raw.trades", "--json").output)
    assert (first["id"], first["group"], first["attempts"], first["reason"]) == (buried[0], GROUP, 1, "poison 1")
    assert first["message"]["trade"]["price"] == -3.0
    assert (second["data"], "message" in second) == ("//8=", False)


def test_replaying_one_and_then_all(run, buried):
    assert run("replay", "raw.trades", "--id", buried[1]).output == "1 dead letter of raw.trades put back\n"
    again = run("replay", "raw.trades", "--id", buried[1])
    assert "1 of the ids are no dead letters of raw.trades" in again.output
    assert run("replay", "raw.trades").output == "1 dead letter of raw.trades put back\n"
    trades, *_ = json.loads(run("list", "--json").output)
    assert (trades["dead"], trades["groups"][GROUP]["unread"]) == (0, 3)


def test_discarding_one_and_then_all(run, buried):
    assert "or take --all of them" in run("discard", "raw.trades").output
    assert run("discard", "raw.trades", "--id", buried[1]).output == "1 dead letter of raw.trades discarded\n"
    assert run("discard", "raw.trades", "--id", buried[1]).output == "0 dead letters of raw.trades discarded\n"
    assert run("discard", "raw.trades", "--all").output == "1 dead letter of raw.trades discarded\n"
    assert run("dead", "raw.trades").output == "raw.trades has no dead letters\n"


def test_what_cannot_be_asked_is_told(run, url, capsys):
    def ended(*arguments):
        code = ending(lambda: streams.main([*arguments], standalone_mode=False))
        return code, capsys.readouterr().err

    code, told = ended("dead", "raw.nothing", "--url", url)
    assert (code, "there is no topic 'raw.nothing'; there are raw.trades" in told) == (REFUSED, True)
    code, told = ended("list", "--url", "postgresql://u:secret@h/db")
    assert (code, "'postgresql:' names no streams" in told, "secret" in told) == (REFUSED, True, False)
    code, told = ended("list", "--url", "redis://127.0.0.1:1/0")
    assert (code, "Redis at 127.0.0.1:1/0: no answer" in told) == (FAILED, True)
    code, told = ended("list", "--url", url, "--json", "--watch")
    assert (code, "leave one of them out" in told) == (REFUSED, True)
