"""The archive while its server is lost, gone, restarted or full: all of a write or nothing, and writing again gives exactly the rows."""

import asyncio
from urllib.parse import urlsplit

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tcp_proxy import TcpProxy

from tidewright.adapters.embedded_postgres import EmbeddedPostgres
from tidewright.adapters.postgres.archive import PostgresArchive
from tidewright.adapters.postgres.connection import Address, DatabaseRefused, meaning
from tidewright.adapters.postgres.database import Database
from tidewright.adapters.postgres.migrating import upgrade
from tidewright.domain.bars import Bars, Market
from tidewright.domain.provenance import bars_digest
from tidewright.ports import ArchiveUnavailable, Written

pytestmark = pytest.mark.anyio

HOUR = 3_600_000
MARKET = Market("binance", "BTC/USDT", "1h")


@pytest.fixture
def anyio_backend():
    return "asyncio"


def some_bars(first=0, count=10):
    price = 100.0 + np.arange(first, first + count)
    time = HOUR * np.arange(first, first + count)
    return Bars(time, price, price + 2, price - 2, price + 1, price * 3, step=HOUR, market=MARKET)


@pytest.fixture
def server(tmp_path):
    """One of the test's own, which it may end."""
    with EmbeddedPostgres(tmp_path / "server", durable=False) as server:
        asyncio.run(upgrade(Address(server.url)))
        yield server


@pytest.fixture
async def archive(server):
    archive = PostgresArchive.at(server.url)
    yield archive
    await archive.close()


@pytest.mark.parametrize("state", ["42P01", "42883", "55000", "XX000", "0A000", "40001", "53100", "57P01", "99999"])
def test_what_the_server_says_and_nobody_foresaw_may_be_mended_there(state):
    error = type("Told", (Exception,), {"sqlstate": state})("told")
    assert type(meaning(error, Address("postgresql://u@h/d"))) is ArchiveUnavailable


def test_a_mistake_of_ours_is_none_of_the_servers():
    assert meaning(TypeError("none"), Address("postgresql://u@h/d")) is None


async def test_a_restart_between_two_writes_is_not_noticed(server, archive):
    await archive.write_bars(some_bars(0, 10))
    server.stop()
    server.start()

    assert await archive.write_bars(some_bars(5, 10)) == Written(5, 5)
    assert bars_digest(await archive.read_bars(MARKET)) == bars_digest(some_bars(0, 15))


async def test_while_the_server_is_gone_everything_says_so_and_works_again_after(server, archive):
    await archive.write_bars(some_bars())
    server.kill()

    for ask in (archive.write_bars(some_bars(5)), archive.read_bars(MARKET), archive.held(1), archive.check()):
        with pytest.raises(ArchiveUnavailable, match=r"postgresql://postgres@127\.0\.0\.1:\d+/postgres: "):
            await ask
    server.start()
    assert await archive.write_bars(some_bars(5)) == Written(5, 5)


async def test_a_server_that_is_killed_in_the_middle_of_a_copy_has_all_or_nothing(server):
    """At whatever byte: what was written is there, and writing again adds the rest."""
    parts = urlsplit(server.url)
    proxy = TcpProxy(parts.hostname, parts.port)
    bars = some_bars(count=20_000)  # more than a megabyte of COPY

    async def die():
        server.kill()

    async with proxy.listening():
        url = parts._replace(netloc=parts.netloc.replace(str(parts.port), str(proxy.port))).geturl()
        archive = PostgresArchive.at(url)
        await archive.check()
        proxy.cut_after, proxy.cut = proxy.sent + 600_000, die
        with pytest.raises(ArchiveUnavailable):
            await archive.write_bars(bars)
        proxy.cut_after = None
        server.start()
        assert len(await archive.read_bars(MARKET)) == 0
        assert await archive.write_bars(bars) == Written(len(bars), 0)
        assert bars_digest(await archive.read_bars(MARKET)) == bars_digest(bars)
        await archive.close()


async def test_a_connection_that_is_lost_at_any_byte_leaves_all_or_nothing(database_url):
    """The commit's own answer may be what is lost: then all is there though nobody was told."""
    parts = urlsplit(database_url)
    proxy = TcpProxy(parts.hostname, parts.port)
    bars, outcomes, lost = some_bars(count=50), set(), 0
    plain = PostgresArchive.at(database_url)
    async with proxy.listening():
        url = parts._replace(netloc=parts.netloc.replace(str(parts.port), str(proxy.port))).geturl()
        whole = await _bytes_of_a_write(proxy, url, bars)
        cuts = [*range(1, whole, 800), *range(whole, whole + 200, 10)]
        for number, cut in enumerate(cuts):
            market = MARKET._replace(symbol=f"A{number}/USDT")
            archive = PostgresArchive.at(url, most=1)
            proxy.cut_after = proxy.sent + cut
            one = Bars(bars.time, bars.open, bars.high, bars.low, bars.close, bars.volume, HOUR, market)
            try:
                await archive.write_bars(one)
            except ArchiveUnavailable:
                lost += 1
            await archive.close()
            proxy.cut_after = None
            outcomes.add(len(await plain.read_bars(market)))
            await plain.write_bars(one)
            assert bars_digest(await plain.read_bars(market)) == bars_digest(one)
    await plain.close()
    assert outcomes == {0, len(bars)}
    assert lost > 10


async def _bytes_of_a_write(proxy, url, bars):
    archive = PostgresArchive.at(url, most=1)
    before = proxy.sent
    await archive.write_bars(bars)
    await archive.close()
    return proxy.sent - before


async def test_a_write_that_is_cancelled_leaves_nothing_and_the_connection_can_be_used(database_url):
    archive = PostgresArchive.at(database_url, most=1)
    await archive.check()
    writing = asyncio.ensure_future(archive.write_bars(some_bars(count=200_000)))
    await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing

    assert len(await archive.read_bars(MARKET)) == 0
    assert await archive.write_bars(some_bars()) == Written(10, 0)
    await archive.close()


async def test_many_at_once_wait_for_a_connection_and_then_say_that_there_is_none(database_url):
    database = Database(Address(database_url, lock_timeout=0.05), 1, checked=False)
    async with database.transaction():
        with pytest.raises(ArchiveUnavailable, match="all connections are in use"):
            async with database.transaction():
                pass
    await database.close()


async def test_a_statement_that_takes_too_long_is_given_up(database_url):
    database = Database(Address(database_url, command_timeout=77), 1)
    async with database.transaction() as transaction:
        assert await transaction.value("SHOW statement_timeout") == "77s"

    async def too_long():
        async with database.transaction() as transaction:
            await transaction.execute("SET LOCAL statement_timeout = 50")
            await transaction.execute("SELECT pg_sleep(60)")

    with pytest.raises(ArchiveUnavailable, match="statement timeout"):
        await too_long()
    async with database.transaction() as transaction:
        assert await transaction.value("SELECT 1") == 1
    await database.close()


async def test_writers_of_one_market_take_turns_and_each_row_is_added_once(database_url):
    archives = [PostgresArchive.at(database_url, 2) for _ in range(3)]
    parts = [some_bars(first, 40) for first in range(0, 200, 20)]
    written = await asyncio.gather(*(archives[i % 3].write_bars(part) for i, part in enumerate(parts)))

    assert sum(each.added for each in written) == 220
    assert sum(each.unchanged for each in written) == 400 - 220
    assert bars_digest(await archives[0].read_bars(MARKET)) == bars_digest(some_bars(0, 220))
    for archive in archives:
        await archive.close()


async def test_partitions_are_made_once_by_whoever_comes_first(database_url):
    archives = [PostgresArchive.at(database_url, 1) for _ in range(4)]
    price = np.ones(30)
    time = 365 * 24 * HOUR * np.arange(30)
    markets = [MARKET._replace(symbol=f"{name}/USDT") for name in "ABCD"]
    bars = [Bars(time, price, price, price, price, price, HOUR, market) for market in markets]
    await asyncio.gather(*(archive.write_bars(each) for archive, each in zip(archives, bars, strict=True)))

    for archive, each in zip(archives, bars, strict=True):
        assert bars_digest(await archive.read_bars(each.market)) == bars_digest(each)
        await archive.close()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"netloc": "nobody:wrong@{}"}, "check the user and the password"),
        ({"path": "/not_there"}, "create the database, or name another"),
    ],
)
async def test_a_server_that_will_not_have_us_says_what_to_mend(database_url, change, why):
    parts = urlsplit(database_url)
    change = {name: value.format(parts.netloc.rpartition("@")[2]) for name, value in change.items()}
    archive = PostgresArchive.at(parts._replace(**change).geturl())

    with pytest.raises(DatabaseRefused, match=why) as refused:
        await archive.check()
    assert "wrong" not in str(refused.value)
    await archive.close()


writes = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 15), st.booleans()), max_size=6)


@given(writes=writes)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_overlapping_writes_in_any_order_are_the_set_of_their_rows(database_url, writes):
    async def done():
        archive = PostgresArchive.at(database_url, 2)
        async with Database(Address(database_url), 0).transaction() as transaction:
            await transaction.execute("DELETE FROM candles")
        for first, count, twice in writes:
            for _ in range(1 + twice):
                await archive.write_bars(some_bars(first, count))
        stored = await archive.read_bars(MARKET)
        await archive.close()
        return stored

    expected = sorted({HOUR * i for first, count, _ in writes for i in range(first, first + count)})
    stored = asyncio.run(done())
    assert stored.time.tolist() == expected
    assert stored.close.tolist() == [101.0 + time // HOUR for time in expected]
