"""The schema: up, down and up again on data, its functions and views, who may do what, and who refuses which version."""

import asyncio

import numpy as np
import pytest

from tidewright.adapters.bar_file import Reading, read_bars
from tidewright.adapters.postgres import migrating
from tidewright.adapters.postgres.archive import PostgresArchive
from tidewright.adapters.postgres.bars import PostgresBars
from tidewright.adapters.postgres.connection import Address, DatabaseRefused
from tidewright.adapters.postgres.database import Database
from tidewright.adapters.postgres.schema import REVISION, check_schema
from tidewright.adapters.postgres.studies import PostgresStudies
from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.provenance import bars_digest
from tidewright.domain.quality import gaps
from tidewright.domain.resampling import resample
from tidewright.domain.trials import Trial
from tidewright.ports import ArchiveUnavailable, Source

HOUR = 3_600_000
MARKET = Market("binance", "BTC/USDT", "1h")
FILE = Source("bars.csv", "sha256:0")


def some_bars(first=0, count=10, market=MARKET):
    price = 100.0 + np.arange(first, first + count)
    time = HOUR * np.arange(first, first + count)
    return Bars(time, price, price + 2, price - 2, price + 1, price / 7, step=HOUR, market=market)


def asked(url, work):
    """What comes of some work in a transaction."""

    async def done():
        async with Database(Address(url), 0, checked=False).transaction() as transaction:
            return await work(transaction)

    return asyncio.run(done())


def rows(url, statement):
    return [tuple(row.values()) for row in asked(url, lambda transaction: transaction.rows(statement))]


@pytest.fixture
def empty_url(postgres_server):
    with postgres_server.database(migrated=False) as url:
        yield url


def test_the_newest_migration_is_the_one_that_this_version_works_with():
    revisions = [migration.revision for migration in migrating.migrations()]

    assert revisions == [f"{number:04}" for number in range(1, len(revisions) + 1)]
    assert revisions[-1] == REVISION


def test_what_an_older_schema_has_survives_the_way_down_and_up(empty_url):
    address, told = Address(empty_url), []
    asyncio.run(migrating.upgrade(address))
    bars = PostgresBars(empty_url)
    stored = bars.merge(some_bars(0, 5_000), FILE).stored
    archive = PostgresArchive.at(empty_url, 0)
    asked(empty_url, lambda transaction: transaction.execute(
        "INSERT INTO quarantine VALUES ('a', 'raw.bars', '', '[]', now(), 1)"
    ))  # fmt: skip

    asyncio.run(migrating.downgrade(address, "0001", told.append))
    assert [migration.revision for migration in told] == ["0006", "0005", "0004", "0003", "0002"]
    assert asyncio.run(migrating.current(address)) == "0001"
    assert rows(empty_url, "SELECT count(*) FROM candles") == [(5_000,)]

    asyncio.run(migrating.upgrade(address))
    assert bars.describe(MARKET) == stored
    assert bars_digest(bars.read(MARKET)) == stored.digest
    assert asyncio.run(archive.held(1)) == []


def test_everything_can_be_taken_out_and_made_again(empty_url):
    address = Address(empty_url)
    assert asyncio.run(migrating.current(address)) is None
    for _ in range(2):
        asyncio.run(migrating.upgrade(address))
        PostgresBars(empty_url).merge(some_bars(), FILE)
        asyncio.run(migrating.downgrade(address, migrating.EMPTY))

    left = "SELECT relname FROM pg_class WHERE relnamespace = 'tidewright'::regnamespace AND relkind IN ('r', 'p', 'v')"
    assert rows(empty_url, left) == [("schema_version",)]


def test_two_upgrades_at_once_are_one_after_the_other(empty_url):
    async def both():
        told = []
        address = Address(empty_url)
        await asyncio.gather(*(migrating.upgrade(address, tell=told.append) for _ in range(2)))
        return told

    assert len(asyncio.run(both())) == len(migrating.migrations())


def test_an_upgrade_that_fails_changes_nothing(empty_url):
    asyncio.run(migrating.upgrade(Address(empty_url), "0003"))
    asked(empty_url, lambda transaction: transaction.execute("CREATE TABLE tidewright.latest_bars ()"))

    with pytest.raises(Exception, match="already exists"):
        asyncio.run(migrating.upgrade(Address(empty_url)))
    assert asyncio.run(migrating.current(Address(empty_url))) == "0003"
    assert rows(empty_url, "SELECT to_regclass('tidewright.backfills')::text") == [(None,)]


@pytest.mark.parametrize(
    ("found", "remedy"),
    [
        (None, "has no schema of Tidewright yet; run `tidewright db upgrade`"),
        ("0003", f"has the schema 0003, and this version needs {REVISION}; run `tidewright db upgrade`"),
        ("9999", f"newer than this version's {REVISION}; install .* or run its `tidewright db downgrade {REVISION}`"),
    ],
)
def test_a_schema_of_another_version_is_refused_with_the_command_that_mends_it(found, remedy):
    with pytest.raises(DatabaseRefused, match=remedy):
        check_schema(found, "postgresql://db/x")


def test_nobody_works_with_another_schema(empty_url):
    archive, bars = PostgresArchive.at(empty_url, 0), PostgresBars(empty_url)
    with pytest.raises(DatabaseRefused, match="no schema"):
        asyncio.run(archive.check())
    asyncio.run(migrating.upgrade(Address(empty_url), "0004"))
    with pytest.raises(DatabaseRefused, match="0004"):
        bars.markets()
    asyncio.run(migrating.upgrade(Address(empty_url)))
    asyncio.run(archive.check())
    asked(empty_url, lambda transaction: transaction.execute("UPDATE schema_version SET version_num = '9999'"))
    with pytest.raises(DatabaseRefused, match="9999, which is newer"):
        asyncio.run(archive.check())
    for migrate in (migrating.upgrade(Address(empty_url)), migrating.downgrade(Address(empty_url), "0001")):
        with pytest.raises(DatabaseRefused, match="9999, which is newer"):
            asyncio.run(migrate)


# Who may do what.


@pytest.fixture
def member(postgres_server, database_url):
    """Makes a user who is a member of a role, and returns the database's URL as that user."""
    made = []

    def user(role):
        name = f"test_{role}_{database_url.rpartition('_')[2]}"
        postgres_server.run(f"CREATE ROLE {name} LOGIN PASSWORD 'secret' IN ROLE {role}")
        made.append(name)
        return postgres_server.url_of(database_url.rpartition("/")[2], name, "secret")

    yield user
    for name in made:
        postgres_server.run(f"DROP OWNED BY {name}", database_url)
        postgres_server.run(f"DROP ROLE {name}")


def test_a_reader_reads_and_writes_nothing(database_url, member):
    PostgresBars(database_url).merge(some_bars(), FILE)
    url = member(migrating.READER)
    reader = PostgresBars(url)

    assert len(reader.read(MARKET)) == 10
    assert rows(url, "SELECT * FROM latest_bars") != []
    with pytest.raises(DatabaseRefused, match=r"permission denied .*; give the user one of the roles"):
        reader.merge(some_bars(5), FILE)
    tables = rows(url, "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'tidewright'::regnamespace AND relkind IN ('r', 'p')")  # fmt: skip
    assert len(tables) > 14
    for (table,) in tables:
        for statement in (f"DELETE FROM {table}", f"INSERT INTO {table} DEFAULT VALUES", f"TRUNCATE {table}"):  # noqa: S608
            with pytest.raises(DatabaseRefused, match="permission denied"):
                rows(url, statement)


def test_a_writer_writes_what_services_write_and_changes_no_schema(member):
    url = member(migrating.WRITER)
    writer = PostgresBars(url)
    writer.merge(some_bars(), FILE)
    writer.merge(some_bars(5), FILE)

    assert len(writer.read(MARKET)) == 15
    for statement in ("DELETE FROM candles", "DROP TABLE candles", "CREATE TABLE mine ()", "DELETE FROM backtest_runs", "UPDATE schema_version SET version_num = '1'"):  # fmt: skip
        with pytest.raises(DatabaseRefused, match=r"permission denied|must be owner"):
            rows(url, statement)


def test_a_writer_searches_and_a_reader_looks_on(member):
    writer, reader = (PostgresStudies.at(member(role)) for role in (migrating.WRITER, migrating.READER))
    writer.open("default/demo", {"seed": 7})
    claim = writer.claim("default/demo", "worker", 10, 2, 60.0)
    writer.renew("default/demo", "worker", 60.0)
    writer.append("default/demo", "batch", [b"{}"], 0)
    writer.put("default/demo", [Trial(number, {}, "Failed") for number in claim.numbers])

    assert len(reader.trials("default/demo")) == 2
    for write in (lambda: reader.claim("default/demo", "reader", 10, 1, 60.0), lambda: reader.delete("default/demo")):
        with pytest.raises(DatabaseRefused, match="permission denied"):
            write()
    assert writer.delete("default/demo")
    writer.close()
    reader.close()


def test_a_migrator_needs_no_superuser(database_url, member):
    url = member(migrating.MIGRATOR)
    asyncio.run(migrating.downgrade(Address(url), "0001"))
    asyncio.run(migrating.upgrade(Address(url)))

    assert asyncio.run(migrating.current(Address(database_url))) == REVISION


def test_a_stranger_is_told_which_roles_there_are(member):
    url = member("pg_monitor")
    with pytest.raises(ArchiveUnavailable, match="tidewright_reader, tidewright_writer and tidewright_migrator"):
        PostgresBars(url).markets()


# Functions and views.


@pytest.fixture(scope="module")
def real_bars(shared_data):
    """Seven years of hours, with their 28 gaps."""
    file = read_bars(shared_data / "binance-spot/BTC_USDT-1h-2017-2024.feather", MARKET, Reading({}, "open", sort=False, drop_duplicates=False))  # fmt: skip
    return file.bars


@pytest.mark.shared
@pytest.mark.parametrize("timeframe", ["4h", "1d", "3d", "1w"])
def test_longer_bars_are_those_of_the_domain_bit_for_bit(database_url, real_bars, timeframe):
    PostgresBars(database_url).merge(real_bars, FILE)
    whole = resample(real_bars, timeframe).bars
    statement = f"""
        SELECT (extract(epoch FROM open_time) * 1000)::bigint AS time, open, high, low, close, volume
        FROM resample(series_of('binance', 'BTC/USDT', '1h'), '{timeframe.replace("w", " week")}', '-infinity', 'infinity')"""  # noqa: S608
    found = np.array(rows(database_url, statement))

    assert found[:, 0].tolist() == whole.time.tolist()
    for place, name in enumerate(COLUMNS, 1):
        assert found[:, place].tobytes() == getattr(whole, name).tobytes(), name


@pytest.mark.shared
def test_the_gaps_are_those_of_the_domain(database_url, real_bars):
    PostgresBars(database_url).merge(real_bars, FILE)
    statement = """
        SELECT (extract(epoch FROM after) * 1000)::bigint, (extract(epoch FROM before) * 1000)::bigint AS before, missing FROM bar_gaps"""
    expected = [(gap.after, gap.before, gap.missing) for gap in gaps(real_bars)]

    assert len(expected) == 28
    assert rows(database_url, statement) == expected


def test_the_views_say_what_was_last_and_what_a_day_was(database_url):
    PostgresBars(database_url).merge(some_bars(20, 30), FILE)

    assert rows(database_url, "SELECT symbol, timeframe, open_time::text, close, simulated FROM latest_bars") == [
        ("BTC/USDT", "1h", "1970-01-03 01:00:00+00", 150.0, False)
    ]
    days = rows(database_url, "SELECT day::text, open, high, low, close, bars, missing FROM daily_summary ORDER BY day")
    assert days == [
        ("1970-01-01", 120.0, 125.0, 118.0, 124.0, 4, 20),
        ("1970-01-02", 124.0, 149.0, 122.0, 148.0, 24, 0),
        ("1970-01-03", 148.0, 151.0, 146.0, 150.0, 2, 22),
    ]


# What the store makes of rows that the archive wrote.


def test_a_market_that_the_archive_writes_to_is_described_as_it_is_now(database_url):
    bars, archive = PostgresBars(database_url), PostgresArchive.at(database_url, 0)
    bars.merge(some_bars(), FILE)
    asyncio.run(archive.write_bars(some_bars(12, 3)))
    described = bars.describe(MARKET)

    assert (described.count, described.gaps, described.last) == (13, 1, 14 * HOUR)
    assert described.digest == bars_digest(bars.read(MARKET))
    assert described.sources == (FILE,)
    assert bars.describe(MARKET) == PostgresBars(database_url).describe(MARKET) == described


def test_rows_that_somebody_changed_by_hand_are_not_what_was_recorded(database_url):
    bars = PostgresBars(database_url)
    stored = bars.merge(some_bars(), FILE).stored
    asked(
        database_url, lambda transaction: transaction.execute("UPDATE candles SET close = close + 1 WHERE open = 103")
    )

    assert bars.describe(MARKET).digest == stored.digest != bars_digest(bars.read(MARKET))


async def _in_a_loop(bars):
    return len(bars.read(MARKET))


def test_bars_are_read_where_a_loop_is_running_too(database_url):
    bars = PostgresBars(database_url)
    bars.merge(some_bars(), FILE)

    assert asyncio.run(_in_a_loop(bars)) == 10


def test_a_unix_socket_is_named_by_its_folder():
    address = Address("postgresql://me:secret@/market?host=/var/run/postgresql")

    assert address.name == "postgresql://me@/var/run/postgresql/market"
    assert "secret" not in repr(address)
