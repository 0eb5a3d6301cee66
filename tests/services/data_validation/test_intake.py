"""The loops: raw messages are judged, archived, passed on, held or buried, and acknowledged."""

import asyncio

import numpy as np
import pytest
from raw_messages import BTC, DAWN, HOUR, MINUTE, bar, bars, history, trade, values_of

from data_validation.intake import ATTEMPTS, Intake
from tidewright.adapters.memory_archive import MemoryArchive
from tidewright.adapters.memory_streams import MemoryServer, MemoryStreams
from tidewright.domain.bars import COLUMNS, Market
from tidewright.ports import ArchiveUnavailable, Message, StreamUnavailable
from tidewright.serving.failures import Failure, Kind
from tidewright.wire.market_data import history_of

pytestmark = pytest.mark.anyio


async def archived_ids(pipeline, symbol="BTC/USDT"):
    return (await pipeline.archive.read_tape("binance", symbol)).id.tolist()


async def test_sound_trades_are_archived_passed_on_as_they_came_and_acknowledged(pipeline):
    sent = [trade(number) for number in range(1, 1_201)]
    await pipeline.publish("raw.trades", *sent)

    await pipeline.consume("raw.trades")

    assert await archived_ids(pipeline) == list(range(1, 1_201))
    assert await pipeline.passed_on("valid.trades") == [message.data for message in sent]
    assert await pipeline.held() == []
    backlog = await pipeline.streams.backlog("raw.trades", "data-validation")
    assert (backlog.unread, backlog.pending) == (0, 0)


@pytest.mark.parametrize(
    ("wrong", "reasons"),
    [
        ({"price": float("nan")}, ("NonFinite",)),
        ({"price": 1e308}, ("PriceTooHigh",)),
        ({"price": -1.0}, ("NonPositivePrice",)),
        ({"quantity": 0.0}, ("NonPositiveQuantity",)),
        ({"quantity": float("inf")}, ("NonFinite", "QuantityTooHigh")),
        ({"time": -5}, ("ImpossibleTime",)),
        ({"time": DAWN + 48 * HOUR, "received": DAWN}, ("FutureTime",)),
    ],
)
async def test_an_absurd_trade_is_held_with_its_reasons_and_the_others_pass(pipeline, wrong, reasons):
    sent = [trade(1), trade(2, **wrong), trade(3)]
    await pipeline.publish("raw.trades", *sent)

    await pipeline.consume("raw.trades")

    (held,) = await pipeline.held()
    assert (held.topic, held.data, held.reasons) == ("raw.trades", sent[1].data, reasons)
    assert await archived_ids(pipeline) == [1, 3]
    assert await pipeline.passed_on("valid.trades") == [sent[0].data, sent[2].data]


async def test_bars_are_archived_and_passed_on(pipeline):
    sent = [bar(number) for number in range(30)]
    await pipeline.publish("raw.bars", *sent)

    await pipeline.consume("raw.bars")

    stored = await pipeline.archive.read_bars(BTC)
    for name in ("time", *COLUMNS):
        np.testing.assert_array_equal(getattr(stored, name), getattr(bars(30), name))
    assert await pipeline.passed_on("valid.bars") == [message.data for message in sent]


async def test_a_backfill_is_archived_and_not_passed_on(pipeline):
    await pipeline.publish("raw.history", *history(bars(2_500)))

    await pipeline.consume("raw.history")

    assert len(await pipeline.archive.read_bars(BTC)) == 2_500
    assert await pipeline.passed_on("valid.bars") == []


async def test_of_a_backfill_only_the_wrong_bars_are_held(pipeline):
    broken = bars(1_200)
    broken.high[[7, 1_100]] = 0.5
    await pipeline.publish("raw.history", *history(broken))

    await pipeline.consume("raw.history")

    assert len(await pipeline.archive.read_bars(BTC)) == 1_198
    held = sorted(await pipeline.held(), key=lambda one: history_of(one.data).bars.time[0])
    assert [history_of(one.data).bars.time.tolist() for one in held] == [[DAWN + 7 * MINUTE], [DAWN + 1_100 * MINUTE]]
    assert {one.reasons for one in held} == {("HighTooLow",)}


async def test_what_differs_from_the_archive_is_held_and_the_archive_stays(pipeline):
    await pipeline.archive.write_bars(bars(3))
    other = bar(1, values=(*values_of(1)[:4], 99.0))
    await pipeline.publish("raw.bars", bar(0), other, bar(2))

    await pipeline.consume("raw.bars")

    (held,) = await pipeline.held()
    assert (held.data, held.reasons) == (other.data, ("DiffersFromArchive",))
    assert (await pipeline.archive.read_bars(BTC)).volume.tolist() == bars(3).volume.tolist()
    assert await pipeline.passed_on("valid.bars") == [bar(0).data, bar(2).data]


async def test_a_poison_message_is_buried_at_once_and_holds_up_nobody(pipeline):
    poison = [Message("x", 1, b"\xff\xff"), Message("y", 1, b""), trade(1, symbol="BTC\0USDT")]
    await pipeline.publish("raw.trades", trade(1), *poison, trade(2))

    await pipeline.consume("raw.trades")

    dead = await pipeline.dead("raw.trades")
    assert [letter.data for letter in dead] == [message.data for message in poison]
    assert all(letter.reason for letter in dead)
    assert await archived_ids(pipeline) == [1, 2]


async def test_a_dead_letter_that_is_replayed_is_archived_though_newer_ones_were(pipeline):
    late = trade(1)
    await pipeline.publish("raw.trades", trade(2), trade(3))
    await pipeline.consume("raw.trades")
    await pipeline.publish("raw.trades", Message("another lane", 1, late.data))

    await pipeline.consume("raw.trades")

    assert await archived_ids(pipeline) == [1, 2, 3]
    assert await pipeline.passed_on("valid.trades") == [trade(2).data, trade(3).data]
    assert await pipeline.held() == []


async def test_the_same_again_changes_nothing(pipeline):
    await pipeline.publish("raw.trades", trade(1), trade(2), Message("another lane", 2, trade(2).data))

    await pipeline.consume("raw.trades")

    assert await archived_ids(pipeline) == [1, 2]
    assert await pipeline.passed_on("valid.trades") == [trade(1).data, trade(2).data]
    assert await pipeline.held() == []


class Surprise(Exception):
    """Nobody expects it."""


@pytest.fixture
def spoilt(pipeline, monkeypatch):
    """Lets the archive fail where rows are such that something is so."""

    def spoil(fails):
        write = pipeline.archive.write_tape

        async def fragile(exchange, symbol, tape):
            if fails(tape):
                raise Surprise("two")
            return await write(exchange, symbol, tape)

        monkeypatch.setattr(pipeline.archive, "write_tape", fragile)

    return spoil


async def test_what_something_unforeseen_comes_of_is_tried_some_times_and_buried(pipeline, spoilt):
    spoilt(lambda tape: 2 in tape.id)
    await pipeline.publish("raw.trades", trade(1), trade(2), trade(3))

    await until_done(pipeline, "raw.trades")

    assert await archived_ids(pipeline) == [1, 3]
    (letter,) = await pipeline.dead("raw.trades")
    assert (letter.data, letter.attempts, letter.reason) == (trade(2).data, ATTEMPTS, "Surprise: two")


async def test_without_another_message_that_can_be_handled_none_is_buried(pipeline, spoilt):
    spoilt(lambda tape: 2 in tape.id)
    await pipeline.publish("raw.trades", trade(2), Message("x", 1, b"\xff"), trade(7, price=-1.0))
    told = []

    async def sleep(milliseconds):
        told.append(pipeline.intake("raw.trades").trouble)
        if len(told) == 50:
            assert [letter.data for letter in await pipeline.dead("raw.trades")] == [b"\xff"]
            await pipeline.publish("raw.trades", trade(8))

    pipeline.clock.sleep = sleep
    await until_done(pipeline, "raw.trades")

    assert len(told) == 50
    assert "raw.trades: the message 0-1 cannot be handled: Surprise: two" in told[0]
    assert await archived_ids(pipeline) == [8]
    assert [letter.data for letter in await pipeline.dead("raw.trades")] == [b"\xff", trade(2).data]


async def test_an_error_that_lasts_buries_nothing_and_breaks_no_order(pipeline, spoilt):
    ill = []
    spoilt(lambda tape: bool(ill))
    sent = [trade(number) for number in range(1, 1_201)]
    await pipeline.publish("raw.trades", *sent[:600])
    rounds = []

    async def sleep(milliseconds):
        rounds.append(milliseconds)
        if len(rounds) == 40:
            ill.clear()

    pipeline.clock.sleep = sleep
    subscription = await pipeline.streams.subscribe("raw.trades", "data-validation", "test")
    await pipeline.intake("raw.trades").step(subscription)
    ill.append("from the middle on")
    await pipeline.publish("raw.trades", *sent[600:])
    await until_done(pipeline, "raw.trades")

    assert len(rounds) == 40
    assert await pipeline.dead("raw.trades") == []
    assert await archived_ids(pipeline) == list(range(1, 1_201))
    assert await pipeline.passed_on("valid.trades") == [message.data for message in sent]


async def test_tries_while_the_archive_was_away_do_not_count(pipeline, monkeypatch):
    write, failures = pipeline.archive.write_tape, [ArchiveUnavailable("gone")] * 20 + [Surprise("once")] * 2

    async def fragile(*given):
        if failures:
            raise failures.pop(0)
        return await write(*given)

    monkeypatch.setattr(pipeline.archive, "write_tape", fragile)
    await pipeline.publish("raw.trades", trade(1), trade(2))

    await until_done(pipeline, "raw.trades")

    assert await pipeline.dead("raw.trades") == []
    assert await pipeline.passed_on("valid.trades") == [trade(1).data, trade(2).data]


async def test_where_dead_letters_are_too_many_it_waits_until_somebody_has_looked(pipeline, monkeypatch):
    for module in ("stream_rules", "memory_streams"):
        monkeypatch.setattr(f"tidewright.adapters.{module}.DEAD_KEPT", 1)
    await pipeline.publish("raw.trades", Message("x", 1, b"\xff"), Message("x", 2, b"\xfe"), trade(1))
    told = []

    async def sleep(milliseconds):
        told.append(pipeline.intake("raw.trades").trouble)
        if len(told) == 5:
            (letter,) = await pipeline.dead("raw.trades")
            await pipeline.streams.discard("raw.trades", [letter.id])

    pipeline.clock.sleep = sleep
    await until_done(pipeline, "raw.trades")

    assert "raw.trades: it has 1 dead letters" in told[0]
    assert [letter.data for letter in await pipeline.dead("raw.trades")] == [b"\xfe"]
    assert await archived_ids(pipeline) == [1]


async def test_a_comparison_that_fails_holds_up_nothing(pipeline, monkeypatch):
    def broken(*_):
        raise Surprise("no comparison")

    monkeypatch.setattr("data_validation.crosscheck.Crosscheck.look", broken)
    await pipeline.publish("raw.trades", *(trade(number) for number in range(1, 9)))
    await until_done(pipeline, "raw.trades")
    assert await archived_ids(pipeline) == list(range(1, 9))
    assert pipeline.clock.slept == []


async def test_metrics_tell_of_it(pipeline):
    await pipeline.publish("raw.trades", *(trade(number) for number in range(1, 9)), trade(9, price=-1.0), trade(11))

    await pipeline.consume("raw.trades")

    assert pipeline.metric('tidewright_validation_messages_total{outcome="valid",topic="raw.trades"}') == 9
    assert pipeline.metric('tidewright_validation_messages_total{outcome="rejected",topic="raw.trades"}') == 1
    assert pipeline.metric('tidewright_validation_broken_total{rule="NonPositivePrice",topic="raw.trades"}') == 1
    assert pipeline.metric('tidewright_validation_broken_total{rule="IdGap",topic="raw.trades"}') == 1
    assert pipeline.metric('tidewright_validation_rate{topic="raw.trades"}') == 0.9
    assert pipeline.metric("tidewright_validation_quarantine") == 1


async def test_a_bar_that_is_not_made_of_its_trades_is_reported(pipeline):
    trades = [trade(number) for number in range(1, 200)]
    await pipeline.publish("raw.trades", *trades)
    await pipeline.publish("raw.bars", *(bar(number) for number in range(4)))

    await pipeline.consume("raw.bars")
    await pipeline.consume("raw.trades")

    reports = await pipeline.archive.reports(10)
    assert sorted(report.subject for report in reports) == [
        f"{BTC} at 2024-01-01T00:0{minute}:00Z" for minute in (1, 2)
    ]
    assert {report.content["rule"] for report in reports} == {"DiffersFromTrades"}
    assert await pipeline.held() == []


async def test_a_longer_bar_that_is_not_made_of_the_minutes_in_it_is_reported(pipeline):
    five = Market("binance", "BTC/USDT", "5m")
    await pipeline.publish("raw.bars", bar(0, market=five, values=(42_000.0, 42_004.0, 41_998.0, 42_002.0, 15.0)))
    await pipeline.publish("raw.bars", *(bar(number) for number in range(5)))
    await pipeline.publish("raw.bars", bar(5, market=five, values=(42_002.0, 42_004.0, 41_998.0, 42_002.0, 16.0)))
    await pipeline.publish("raw.bars", *(bar(number) for number in range(5, 10)))

    await pipeline.consume("raw.bars")

    (report,) = await pipeline.archive.reports(10)
    assert report.subject == f"{five} at 2024-01-01T00:05:00Z"
    assert [one["column"] for one in report.content["differences"]] == ["close", "volume"]


class Ended(Exception):
    """Nothing is left to be done."""


async def until_done(pipeline, topic):
    """Let the loop run until there is nothing left to read."""
    intake = pipeline.intake(topic)

    async def step(subscription):
        if not await Intake.step(intake, subscription):
            raise Ended

    intake.step = step
    with pytest.raises(Ended):
        await intake.run()
    return intake


async def test_while_the_streams_are_away_it_waits_longer_and_longer_and_says_so(pipeline):
    await pipeline.publish("raw.trades", trade(1))
    (intake,) = [one for one in pipeline.service.intakes if one.topic == "raw.trades"]
    pipeline.streams.server.away = True
    told = []

    async def sleep(milliseconds):
        told.append((milliseconds, intake.trouble))
        pipeline.streams.server.away = len(told) < 12

    pipeline.clock.sleep = sleep
    await until_done(pipeline, "raw.trades")

    pauses = [milliseconds for milliseconds, _ in told]
    assert len(pauses) == 12
    assert pauses[0] <= 100
    assert 7_500 <= pauses[-1] <= 15_000
    assert all("raw.trades: the streams are away" in trouble for _, trouble in told)
    assert intake.trouble == ""
    assert await archived_ids(pipeline) == [1]


@pytest.mark.parametrize("error", [ArchiveUnavailable("gone"), StreamUnavailable("gone")])
async def test_what_was_read_before_the_archive_went_away_is_read_again(pipeline, monkeypatch, error):
    write, failures = pipeline.archive.write_tape, iter([error, error])

    async def away(*given):
        if failure := next(failures, None):
            raise failure
        return await write(*given)

    monkeypatch.setattr(pipeline.archive, "write_tape", away)
    await pipeline.publish("raw.trades", *(trade(number) for number in range(1, 21)))

    await until_done(pipeline, "raw.trades")

    assert await archived_ids(pipeline) == list(range(1, 21))
    assert len(await pipeline.passed_on("valid.trades")) == 20
    assert await pipeline.held() == []
    assert len(pipeline.clock.slept) == 2


async def test_it_consumes_though_the_process_beside_it_is_killed_at_once(make):
    class Killed:
        async def run(self, work):
            raise Failure(Kind.UNAVAILABLE, "the process that does this was killed")

    pipeline = make(beside=Killed(), wait=0.01)
    await pipeline.publish("raw.trades", trade(1))
    work = asyncio.create_task(pipeline.service.work())
    try:
        async with asyncio.timeout(10):
            while not await archived_ids(pipeline):
                await asyncio.wait((work,), timeout=0.01)
                assert not work.done()
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_it_is_not_ready_before_it_consumes(pipeline):
    assert "raw.trades: not read yet" in pipeline.service.problem()


class CutOff(BaseException):
    """The process is killed."""


class _Cutting:
    """Passes on what is asked of `what`, and is cut off at its `calls`-th call, either before it or after it was done."""

    def __init__(self, what, knife):
        self._what, self._knife = what, knife

    def __getattr__(self, name):
        asked = getattr(self._what, name)
        if not callable(asked) or name in {"log", "tail"}:
            return asked

        async def answer(*given, **named):
            self._knife.cut()
            done = await asked(*given, **named)
            self._knife.cut()
            return _Cutting(done, self._knife) if name == "subscribe" else done

        return answer


class Knife:
    def __init__(self, calls):
        self.calls = calls

    def cut(self):
        self.calls -= 1
        if self.calls == 0:
            raise CutOff


@pytest.mark.parametrize("topic", ["raw.trades", "raw.bars", "raw.history"])
async def test_cut_off_anywhere_nothing_is_lost_and_nothing_doubled(make, topic):
    sent = {
        "raw.trades": [trade(number, price=-1.0 if number == 5 else None) for number in range(1, 21)],
        "raw.bars": [bar(number, values=(1.0, 0.5, 2.0, 1.0, 1.0) if number == 5 else None) for number in range(20)],
        "raw.history": history(bars(20)),
    }[topic]
    whole = make(batch=7)
    await whole.publish(topic, *sent, Message("poison", 1, b"\xff"))
    await whole.consume(topic)
    for calls in range(1, 200):
        first = make(batch=7)
        await first.publish(topic, *sent, Message("poison", 1, b"\xff"))
        knife = Knife(calls)
        killed = make(streams=_Cutting(first.streams, knife), archive=_Cutting(first.archive, knife), batch=7)
        try:
            await killed.consume(topic)
        except CutOff:
            again = make(streams=MemoryStreams(first.streams.server), archive=first.archive, batch=7)
            await again.consume(topic)
        await same(first, whole, topic)
        if knife.calls > 0:
            break
    assert calls > 15


@pytest.mark.parametrize("calls", range(1, 40))
async def test_a_validator_that_is_killed_leaves_no_hole_though_another_stands_by(make, calls):
    sent = [trade(number) for number in range(1, 41)]
    server, archive = MemoryServer(), MemoryArchive()
    ours = [MemoryStreams(server, abandoned_after=0.02) for _ in range(2)]
    knife = Knife(calls)
    killed = make(streams=_Cutting(ours[0], knife), archive=_Cutting(archive, knife), batch=7)
    alive = make(streams=ours[1], archive=archive, batch=7)
    await alive.publish("raw.trades", *sent)
    try:
        await killed.consume("raw.trades", "killed")
    except CutOff:
        while (await alive.streams.backlog("raw.trades", "data-validation")) != (40, 0, 0):
            await alive.consume("raw.trades", "alive")
            await asyncio.sleep(0.005)

    assert await archived_ids(alive) == list(range(1, 41))
    assert await alive.passed_on("valid.trades") == [message.data for message in sent]


def gap_warnings(validator, rule, topic):
    text = validator.metrics.text().decode()
    return sum(
        float(line.split()[-1])
        for line in text.splitlines()
        if f'broken_total{{rule="{rule}",topic="{topic}"}}' in line
    )


@pytest.mark.parametrize(
    ("topic", "rule", "parts"),
    [
        (
            "raw.trades",
            "IdGap",
            [[trade(number) for number in part] for part in (range(1, 6), range(6, 21), range(21, 26))],
        ),
        ("raw.bars", "Gap", [[bar(number) for number in part] for part in (range(5), range(5, 20), range(20, 25))]),
        ("raw.history", "Gap", [history(bars(5, first=first)) for first in (0, 5, 10)]),
    ],
)
async def test_who_has_its_turn_again_does_not_take_the_turn_of_another_for_a_gap(make, topic, rule, parts):
    first = make()
    second = make(server=first.streams.server, archive=first.archive)
    for validator, part in zip((first, second, first), parts, strict=True):
        await first.publish(topic, *part)
        await validator.consume(topic)
    assert gap_warnings(first, rule, topic) == 0
    assert gap_warnings(second, rule, topic) == 0


async def test_a_gap_between_the_turns_of_two_is_told_once(make):
    first = make()
    second = make(server=first.streams.server, archive=first.archive)
    for validator, numbers in ((first, range(1, 6)), (second, range(6, 11)), (first, range(12, 15))):
        await first.publish("raw.trades", *map(trade, numbers))
        await validator.consume("raw.trades")
    assert gap_warnings(first, "IdGap", "raw.trades") == 1
    assert gap_warnings(second, "IdGap", "raw.trades") == 0


async def same(one, other, topic):
    """The archive, what was passed on, the quarantine and the dead letters."""
    ours, theirs = await one.archive.read_bars(BTC), await other.archive.read_bars(BTC)
    assert ours.time.tolist() == theirs.time.tolist()
    assert await archived_ids(one) == await archived_ids(other)
    for valid in ("valid.trades", "valid.bars"):
        assert await one.passed_on(valid) == await other.passed_on(valid)
    assert [held.id for held in await one.held()] == [held.id for held in await other.held()]
    assert [letter.data for letter in await one.dead(topic)] == [letter.data for letter in await other.dead(topic)]
    backlog = await one.streams.backlog(topic, "data-validation")
    assert (backlog.unread, backlog.pending) == (0, 0)
