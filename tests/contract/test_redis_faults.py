"""What `RedisStreams` makes of a server with faults: what was published is what is consumed, exactly."""

import asyncio
import itertools
import ssl
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import urlsplit

import pytest
import trustme
from cutting_proxy import cutting_proxy

from tidewright.adapters.embedded_redis import EmbeddedRedis, EmbeddedRedisFailed
from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.redis_server import RedisOptions, RedisServer
from tidewright.adapters.redis_streams import RedisStreams
from tidewright.ports import LaneBehind, Message, StreamFull, StreamUnavailable
from tidewright.v1.market_data_pb2 import TradeEvent
from tidewright.wire.topology import Topic

pytestmark = pytest.mark.anyio

TOPIC = Topic("raw.trades", TradeEvent, "producer", ("group",), bound=100_000, kept=10)
TOPICS = {TOPIC.name: TOPIC}
HASTY = RedisOptions(connect_timeout=1.0, timeout=2.0, patience=0.3)


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def server(tmp_path):
    with EmbeddedRedis(tmp_path / "redis", sync="always") as running:
        yield running


@asynccontextmanager
async def connected(url, abandoned_after=30.0):
    streams = RedisStreams(url, HASTY, TOPICS, abandoned_after)
    try:
        yield streams
    finally:
        await streams.close()


def numbers(first, count, size=0):
    return [Message("lane", number, str(number).encode().ljust(size)) for number in range(first, first + count)]


async def until_available(do):
    """Do it again and again until it is done, as a service does."""
    while True:
        try:
            return await do()
        except StreamUnavailable:
            await asyncio.sleep(0.01)


async def publish(streams, total, batch=10):
    """The numbers up to a total, each batch until it is confirmed."""
    for first in range(1, total + 1, batch):
        await until_available(partial(streams.publish, TOPIC.name, numbers(first, batch)))


async def consume(streams, total, consumer="a"):
    """The numbers as they came, until all of them were seen, acknowledged batch by batch."""
    subscription = await until_available(partial(streams.subscribe, TOPIC.name, "group", consumer))
    came = []
    while len(set(came)) < total:
        deliveries = await until_available(partial(subscription.read, 50, 1.0))
        came += [int(delivery.data) for delivery in deliveries]
        await until_available(partial(subscription.acknowledge, [delivery.id for delivery in deliveries]))
    return came


def first_times(came):
    return list(dict.fromkeys(came))


async def no_more(streams):
    """Whether the group has had everything."""
    backlog = await until_available(partial(streams.backlog, TOPIC.name, "group"))
    return backlog.unread == backlog.pending == 0


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_server_that_is_restarted_again_and_again_loses_nothing(server, end):
    async with connected(server.url) as ours, connected(server.url) as theirs:
        publishing, consuming = asyncio.create_task(publish(ours, 2_000)), asyncio.create_task(consume(theirs, 2_000))
        for quarter in (400, 800, 1_200):
            while (await until_available(partial(ours.last, TOPIC.name, "lane")) or 0) < quarter:
                await asyncio.sleep(0.005)
            await asyncio.to_thread(getattr(server, end))
            await asyncio.to_thread(server.start)
        await publishing
        assert first_times(await consuming) == list(range(1, 2_001))
        assert await no_more(ours)
        assert (await ours.standing(TOPIC.name)).length <= 2_000


async def test_answers_that_are_lost_double_nothing_and_lose_nothing(server):
    async with cutting_proxy(server.port, share=0.2) as (proxy, port):
        url = server.url.replace(str(server.port), str(port))
        async with connected(url) as ours, connected(url) as theirs, connected(server.url) as truth:
            _, came = await asyncio.gather(publish(ours, 500), consume(theirs, 500))
            tail = truth.tail(TOPIC.name, "0-0")
            kept = [int((await anext(tail)).data)]
            while kept[-1] < 500:
                kept.append(int((await anext(tail)).data))
            await tail.aclose()
    assert proxy.cuts > 10
    assert first_times(came) == list(range(1, 501))
    assert kept == list(range(kept[0], 501)), "each is in the stream once"


async def test_while_it_is_away_one_is_told_so_in_time_and_afterwards_all_goes_on(server):
    async with connected(server.url) as streams:
        subscription = await streams.subscribe(TOPIC.name, "group", "a")
        await streams.publish(TOPIC.name, numbers(1, 10))
        await asyncio.to_thread(server.stop)
        asked = (
            streams.publish(TOPIC.name, numbers(11, 10)),
            streams.last(TOPIC.name, "lane"),
            subscription.read(5, 30.0),
            subscription.acknowledge(["1-1"]),
            streams.backlog(TOPIC.name, "group"),
            anext(streams.tail(TOPIC.name)),
        )
        async with asyncio.timeout(20):
            for error in await asyncio.gather(*asked, return_exceptions=True):
                assert isinstance(error, StreamUnavailable)
                assert f"Redis at 127.0.0.1:{server.port}/0: no answer" in str(error)
        await asyncio.to_thread(server.start)
        await streams.publish(TOPIC.name, numbers(11, 10))
        assert [int(delivery.data) for delivery in await subscription.read(50, 1.0)] == list(range(1, 21))


async def test_a_server_that_has_lost_everything_begins_anew_and_ids_go_on_rising(server):
    async with connected(server.url) as streams, connected(server.url) as onlooker:
        subscription = await streams.subscribe(TOPIC.name, "group", "a")
        await streams.publish(TOPIC.name, numbers(1, 3))
        tail = onlooker.tail(TOPIC.name, "0-0")
        before = [await anext(tail) for _ in range(3)]
        await _flush(server)
        assert await streams.last(TOPIC.name, "lane") is None
        await streams.publish(TOPIC.name, numbers(1, 3))
        assert [int(delivery.data) for delivery in await subscription.read(9, 1.0)] == [1, 2, 3]
        after = [await anext(tail) for _ in range(3)]
        await tail.aclose()
        assert [delivery.data for delivery in after] == [delivery.data for delivery in before]
        assert int(after[0].id.split("-")[0]) > int(before[0].id.split("-")[0])


async def test_a_reader_that_waits_while_everything_is_lost_goes_on(server):
    async with connected(server.url) as streams:
        subscription = await streams.subscribe(TOPIC.name, "group", "a")
        reading = asyncio.create_task(subscription.read(9, 30.0))
        await asyncio.wait((reading,), timeout=0.1)
        await _flush(server)
        await streams.publish(TOPIC.name, numbers(1, 1))
        assert [int(delivery.data) for delivery in await reading] == [1]


async def test_scripts_that_the_server_forgets_are_told_again(server):
    async with connected(server.url) as streams:
        for first in (1, 11):
            await streams.publish(TOPIC.name, numbers(first, 10))
            await _command(server, "SCRIPT", "FLUSH")
        assert await streams.last(TOPIC.name, "lane") == 20


async def test_a_consumer_that_dies_leaves_its_messages_to_the_other(server):
    async with connected(server.url, 0.05) as ours, connected(server.url, 0.05) as theirs:
        await publish(ours, 200)
        dying = await ours.subscribe(TOPIC.name, "group", "dying")
        held = await dying.read(30, 1.0)
        assert len(held) == 30
        assert sorted(set(await consume(theirs, 200, "alive"))) == list(range(1, 201))
        assert await no_more(theirs)


async def test_a_poison_message_tells_how_often_it_was_tried(server):
    async with connected(server.url) as streams:
        await streams.publish(TOPIC.name, numbers(1, 2))
        for attempt in range(1, 7):
            subscription = await streams.subscribe(TOPIC.name, "group", "a")
            poison, _ = await subscription.read(2, 1.0)
            assert (poison.data, poison.attempts) == (b"1", attempt)
            if poison.attempts > 5:
                await subscription.bury(poison, "six times is enough")
        assert [delivery.data for delivery in await subscription.read(2, 1.0)] == [b"2"]
        assert [letter.attempts for letter in await streams.dead(TOPIC.name, 9)] == [6]


async def filled(streams, refused, topic=TOPIC.name):
    """Publishes until it is refused; the last number that was taken."""
    for first in itertools.count(1, 10):
        try:
            await streams.publish(topic, numbers(first, 10, size=2_000))
        except refused:
            return first - 1
    raise AssertionError


async def test_a_full_memory_loses_nothing_and_takes_more_once_consumers_have_caught_up(tmp_path):
    with EmbeddedRedis(tmp_path, memory=8 << 20) as server:
        async with connected(server.url) as streams:
            accepted = await filled(streams, StreamFull)
            assert accepted > 1_000
            with pytest.raises(
                StreamFull, match=r"raw\.trades: the server's memory is nearly full \(maxmemory\).* group runs"
            ):
                await streams.publish(TOPIC.name, numbers(accepted + 1, 10, size=2_000))
            assert await streams.last(TOPIC.name, "lane") == accepted
            assert first_times(await consume(streams, accepted)) == list(range(1, accepted + 1))
            assert (await streams.standing(TOPIC.name)).length < accepted / 2, "before anything more is published"
            await streams.publish(TOPIC.name, numbers(accepted + 1, 10, size=2_000))


async def test_where_consumers_are_behind_those_who_make_them_catch_up_still_have_room(tmp_path):
    onwards = Topic("valid.trades", TradeEvent, "group", kept=10)
    with EmbeddedRedis(tmp_path, memory=8 << 20) as server:
        streams = RedisStreams(server.url, HASTY, TOPICS | {onwards.name: onwards})
        try:
            accepted = await filled(streams, StreamFull)
            subscription = await streams.subscribe(TOPIC.name, "group", "a")
            for first in range(1, accepted, 500):
                deliveries = await subscription.read(500, 0)
                passed_on = [Message("lane", first + n, delivery.data) for n, delivery in enumerate(deliveries)]
                await streams.publish(onwards.name, passed_on[: len(passed_on) // 4])
                await subscription.acknowledge([delivery.id for delivery in deliveries])
            assert await no_more(streams)
        finally:
            await streams.close()


async def test_a_memory_that_others_have_filled_is_told_as_away(tmp_path):
    crowd = Topic("valid.trades", TradeEvent, "group", kept=100_000)
    with EmbeddedRedis(tmp_path, memory=8 << 20) as server:
        streams = RedisStreams(server.url, HASTY, {crowd.name: crowd})
        try:
            accepted = await filled(streams, StreamUnavailable, crowd.name)
            with pytest.raises(StreamUnavailable, match=r"its memory is full \(maxmemory\)"):
                await streams.publish(crowd.name, numbers(accepted + 1, 10, size=2_000))
            assert await streams.last(crowd.name, "lane") == accepted
        finally:
            await streams.close()


async def test_a_publisher_whose_last_messages_the_server_has_lost_is_told_so(server):
    async with connected(server.url) as streams:
        await streams.publish(TOPIC.name, numbers(1, 10))
        await asyncio.to_thread(server.stop)
        kept = {
            path: path.read_bytes() for path in server.folder.rglob("*") if path.suffix in {".aof", ".rdb", ".manifest"}
        }
        await asyncio.to_thread(server.start)
        await streams.publish(TOPIC.name, numbers(11, 10), {"lane": 10})
        await asyncio.to_thread(server.kill)
        for path, content in kept.items():
            path.write_bytes(content)
        await asyncio.to_thread(server.start)
        with pytest.raises(LaneBehind) as behind:
            await until_available(partial(streams.publish, TOPIC.name, numbers(21, 10), {"lane": 20}))
        assert (behind.value.lane, behind.value.last) == ("lane", 10)
        assert await streams.last(TOPIC.name, "lane") == 10
        await streams.publish(TOPIC.name, numbers(11, 20), {"lane": 10})
        assert first_times(await consume(streams, 30)) == list(range(1, 31))


async def test_a_wrong_password_is_told_at_once(server):
    wrong = server.url.replace(urlsplit(server.url).password, "guess")
    async with connected(wrong) as streams:
        with pytest.raises(StreamUnavailable, match="refuses these credentials") as refused:
            await streams.last(TOPIC.name, "lane")
    assert "guess" not in str(refused.value)


async def test_tls_and_a_password_in_a_file(server, tmp_path):
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    password = urlsplit(server.url).password
    (tmp_path / "password").write_text(f"{password}\n")
    async with cutting_proxy(server.port, share=0.0, tls=context) as (_, port):
        url = f"rediss://127.0.0.1:{port}/0?ca={tmp_path}/ca.crt&password_file={tmp_path}/password"
        async with connected(url) as streams:
            assert await streams.publish(TOPIC.name, numbers(1, 3)) == 3
        async with connected(f"rediss://:{password}@127.0.0.1:{port}/0") as streams:
            with pytest.raises(StreamUnavailable, match="certificate verify failed"):
                await streams.last(TOPIC.name, "lane")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://localhost", "cannot be read; write redis://HOST"),
        ("redis://:pass:word@x:y/0", "cannot be read"),
        ("redis:///0", "names no host"),
        ("redis://localhost?socket_timeout=1", "there is no option 'socket_timeout'; there are ca and password_file"),
    ],
)
async def test_a_url_that_names_no_server_is_refused(url, told):
    with pytest.raises(UrlRefused, match=told) as refused:
        RedisServer(url)
    assert "word" not in str(refused.value).replace("password_file", "").replace("PASSWORD", "")


async def test_two_servers_do_not_share_a_folder(server, monkeypatch):
    monkeypatch.setattr("tidewright.adapters.embedded_redis._LOCKED", 0.05)
    with pytest.raises(EmbeddedRedisFailed, match="another Redis runs in"):
        EmbeddedRedis(server.folder).start()
    assert server.pid


async def _flush(server):
    await _command(server, "FLUSHALL")


async def _command(server, *words):
    connection = RedisServer(server.url, HASTY)
    try:
        await connection.ask(*words)
    finally:
        await connection.close()


@pytest.mark.soak
async def test_everything_at_once_for_a_long_time(server):
    """Answers are cut off, the server is killed again and again, and is away for a minute; two consumers share the work."""
    total = 50_000
    async with cutting_proxy(server.port, share=0.05) as (proxy, port):
        url = server.url.replace(str(server.port), str(port))
        async with connected(url) as ours, connected(url, 1.0) as first, connected(url, 1.0) as second:
            publishing = asyncio.create_task(publish(ours, total, batch=25))
            came = []
            consuming = [
                asyncio.create_task(_consume_until_done(streams, name, publishing, came))
                for streams, name in ((first, "a"), (second, "b"))
            ]
            for pause in [0.0] * 20 + [60.0]:
                await asyncio.wait((publishing,), timeout=0.5)
                await asyncio.to_thread(server.kill)
                await asyncio.sleep(pause)
                await asyncio.to_thread(server.start)
            await publishing
            await asyncio.gather(*consuming)
    assert proxy.cuts > 100
    assert sorted(set(came)) == list(range(1, total + 1))


async def _consume_until_done(streams, consumer, publishing, came):
    subscription = await until_available(partial(streams.subscribe, TOPIC.name, "group", consumer))
    while not (publishing.done() and await no_more(streams)):
        deliveries = await until_available(partial(subscription.read, 50, 1.0))
        came += [int(delivery.data) for delivery in deliveries]
        await until_available(partial(subscription.acknowledge, [delivery.id for delivery in deliveries]))
