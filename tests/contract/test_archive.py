"""What every `Archive` promises."""

from dataclasses import replace

import numpy as np
import pytest

from tidewright.adapters.archives import archive_at
from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.provenance import bars_digest
from tidewright.domain.tape import TAPE_COLUMNS, Tape
from tidewright.ports import ArchiveRefused, Reject, StoredReport, Written

pytestmark = pytest.mark.anyio

HOUR = 3_600_000
MARKET = Market("binance", "BTC/USDT", "1h")


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(params=["memory", "postgres"])
def url(request):
    return "memory:" if request.param == "memory" else request.getfixturevalue("database_url")


@pytest.fixture
async def archive(url):
    archive = archive_at(url)
    yield archive
    await archive.close()


def some_bars(first=0, count=10, market=MARKET):
    price = 100.0 + np.arange(first, first + count)
    time = HOUR * np.arange(first, first + count)
    return Bars(time, price, price + 2, price - 2, price + 1, price * 3, step=HOUR, market=market)


def taken(bars, rows):
    columns = {name: getattr(bars, name)[rows] for name in ("time", *COLUMNS)}
    return replace(bars, **columns)


def some_trades(first=1, count=10, time=0):
    ids = np.arange(first, first + count)
    return Tape(ids, time + 7 * ids, 100.0 + ids, 0.1 * ids, ids % 2 == 0)


def held(tape):
    return list(zip(*(getattr(tape, name).tolist() for name in TAPE_COLUMNS), strict=True))


async def test_what_was_written_is_read(archive):
    assert await archive.write_bars(some_bars()) == Written(10, 0)

    bars = await archive.read_bars(MARKET)
    assert bars_digest(bars) == bars_digest(some_bars())
    assert (bars.step, bars.market) == (HOUR, MARKET)
    assert await archive.newest_bar(MARKET) == 9 * HOUR


async def test_writing_again_changes_nothing(archive):
    await archive.write_bars(some_bars())

    assert await archive.write_bars(some_bars()) == Written(0, 10)
    assert await archive.write_bars(some_bars(5, 10)) == Written(5, 5)
    assert bars_digest(await archive.read_bars(MARKET)) == bars_digest(some_bars(0, 15))


async def test_bars_that_differ_are_told_and_left_as_they_are(archive):
    await archive.write_bars(some_bars())
    other = some_bars(5, 10)
    other.volume[1] += 0.5
    other.close[3] += 0.5

    assert await archive.write_bars(other) == Written(5, 3, (6 * HOUR, 8 * HOUR))
    assert bars_digest((await archive.read_bars(MARKET)).part(0, 10)) == bars_digest(some_bars())


async def test_bars_that_differ_are_replaced_when_asked_to(archive):
    await archive.write_bars(some_bars())
    other = some_bars(5, 10)
    other.close[3] += 0.5

    assert await archive.write_bars(other, replace=True) == Written(6, 4)
    assert bars_digest((await archive.read_bars(MARKET)).part(5, 15)) == bars_digest(other)


@pytest.mark.parametrize("values", [(0.0, -0.0), (np.nan, 1.0), (5e-324, 0.0), (0.1 + 0.2, 0.3)])
async def test_a_bar_is_the_same_only_bit_for_bit(archive, values):
    for value in (*values, *values):
        bars = some_bars(count=1)
        bars.volume[0] = value
        written = await archive.write_bars(bars)
        first = value is values[0]
        assert written.differing == (() if first else (0,))

    stored = await archive.read_bars(MARKET)
    assert stored.volume.tobytes() == np.array(values[:1]).tobytes()


async def test_bars_come_in_any_order_and_the_first_of_those_with_one_time_stays(archive):
    bars = taken(some_bars(), [4, 2, 9, 2, 0])
    bars.close[3] = 7.0

    assert await archive.write_bars(bars) == Written(4, 0, (2 * HOUR,))
    stored = await archive.read_bars(MARKET)
    assert stored.time.tolist() == [0, 2 * HOUR, 4 * HOUR, 9 * HOUR]
    assert stored.close[1] == some_bars().close[2]


async def test_the_last_of_those_with_one_time_replaces(archive):
    bars = taken(some_bars(), [2, 2])
    bars.close[:] = 1.0, 2.0
    await archive.write_bars(bars, replace=True)

    assert (await archive.read_bars(MARKET)).close.tolist() == [2.0]


async def test_a_period_is_its_start_and_everything_before_its_end(archive):
    await archive.write_bars(some_bars())

    async def opens(*period):
        return ((await archive.read_bars(MARKET, *period)).time // HOUR).tolist()

    assert await opens(2 * HOUR, 5 * HOUR) == [2, 3, 4]
    assert await opens(2 * HOUR + 1, 5 * HOUR + 1) == [3, 4, 5]
    assert await opens(7 * HOUR) == [7, 8, 9]
    assert await opens(None, 2 * HOUR) == [0, 1]
    assert await opens(np.iinfo(np.int64).min, np.iinfo(np.int64).max) == list(range(10))
    assert await opens(5 * HOUR, 5 * HOUR) == []


async def test_bars_of_many_years_are_one_series(archive):
    time = np.array(["1970-01-01", "1999-12-31", "2000-01-01", "2024-02-29", "2099-12-31"], "datetime64[ms]").astype(np.int64)  # fmt: skip
    price = np.arange(1.0, 6.0)
    bars = Bars(time, price, price, price, price, price, 24 * HOUR, MARKET._replace(timeframe="1d"))

    assert await archive.write_bars(bars) == Written(5, 0)
    assert bars_digest(await archive.read_bars(bars.market)) == bars_digest(bars)


async def test_markets_are_apart(archive):
    others = [MARKET._replace(exchange="kraken"), MARKET._replace(symbol="ETH/USDT"), MARKET]
    for count, market in enumerate(others, 1):
        await archive.write_bars(some_bars(count=count, market=market))

    assert [len(await archive.read_bars(market)) for market in others] == [1, 2, 3]
    assert len(await archive.read_bars(MARKET._replace(timeframe="4h"))) == 0


async def test_what_nobody_wrote_is_empty(archive):
    assert len(await archive.read_bars(MARKET)) == 0
    assert (await archive.read_bars(MARKET)).time.dtype == np.int64
    assert len(await archive.read_tape("binance", "BTC/USDT")) == 0
    assert await archive.newest_bar(MARKET) is None
    assert await archive.newest_trade("binance", "BTC/USDT") is None
    assert await archive.write_bars(some_bars(count=0)) == Written(0, 0)
    assert await archive.write_tape("binance", "BTC/USDT", some_trades(count=0)) == Written(0, 0)


async def test_arrays_belong_to_the_caller(archive):
    await archive.write_bars(some_bars())
    await archive.write_tape("binance", "BTC/USDT", some_trades())
    bars, tape = await archive.read_bars(MARKET), await archive.read_tape("binance", "BTC/USDT")
    for name in ("time", *COLUMNS):
        getattr(bars, name)[:] = -1
    for name in TAPE_COLUMNS:
        getattr(tape, name)[:] = 0

    assert bars_digest(await archive.read_bars(MARKET)) == bars_digest(some_bars())
    assert held(await archive.read_tape("binance", "BTC/USDT")) == held(some_trades())


async def test_trades_are_kept_by_their_ids(archive):
    name = "binance", "BTC/USDT"
    assert await archive.write_tape(*name, some_trades(1, 10)) == Written(10, 0)
    assert await archive.write_tape(*name, some_trades(6, 10)) == Written(5, 5)

    assert held(await archive.read_tape(*name)) == held(some_trades(1, 15))
    assert held(await archive.read_tape(*name, 3, 5)) == held(some_trades(3, 3))
    assert held(await archive.read_tape(*name, 14)) == held(some_trades(14, 2))
    assert held(await archive.read_tape(*name, last=2)) == held(some_trades(1, 2))
    assert await archive.newest_trade(*name) == 15
    assert await archive.newest_trade("kraken", "BTC/USDT") is None


async def test_an_id_is_one_trade_whatever_its_time(archive):
    name, year = ("binance", "BTC/USDT"), 366 * 24 * HOUR
    await archive.write_tape(*name, some_trades(1, 3))
    other = some_trades(2, 3)
    other.time[0] += year

    assert await archive.write_tape(*name, other) == Written(1, 1, (2,))
    assert held(await archive.read_tape(*name)) == held(some_trades(1, 4))


async def test_the_first_of_the_trades_with_one_id_stays(archive):
    ids = np.array([5, 3, 5, 5])
    tape = Tape(ids, 10**12 * np.array([1, 1, 2, 1]), np.ones(4), np.ones(4), np.zeros(4, np.bool_))

    assert await archive.write_tape("binance", "BTC/USDT", tape) == Written(2, 1, (5,))
    assert (await archive.read_tape("binance", "BTC/USDT")).time.tolist() == [10**12, 10**12]


@pytest.mark.parametrize(
    ("bars", "why"),
    [
        (replace(some_bars(), step=60_000), "a timeframe is one of"),
        (some_bars(market=MARKET._replace(timeframe="7h")), "a timeframe is one of"),
        (some_bars(market=MARKET._replace(symbol="")), "names no exchange, symbol or timeframe"),
        (some_bars(market=MARKET._replace(exchange="a\0b")), "has no NUL"),
        (some_bars(first=-1), "has the time -3600000, which is not in 1970 to 2099"),
        (some_bars(first=2_000_000), "give milliseconds since the epoch"),
    ],
)
async def test_what_is_no_series_of_bars_is_refused(archive, bars, why):
    with pytest.raises(ArchiveRefused, match=why):
        await archive.write_bars(bars)


async def test_trades_without_a_name_or_a_time_are_refused(archive):
    with pytest.raises(ArchiveRefused, match="names no exchange"):
        await archive.write_tape("binance", "..", some_trades())
    with pytest.raises(ArchiveRefused, match="a trade of BTC/USDT on binance has the time"):
        await archive.write_tape("binance", "BTC/USDT", some_trades(time=10**15))


def reject(name="a", topic="raw.bars", reasons=("NonFinite",), data=b"\0\xff"):
    return Reject(name, topic, data, reasons, 1_700_000_000_123)


async def test_what_is_held_is_told_by_id_and_in_parts(archive):
    await archive.hold([reject("c"), reject("a"), reject("B", topic="raw.trades")])

    assert [one.id for one in await archive.held(10)] == ["B", "a", "c"]
    assert await archive.held(10, topic="raw.trades") == [reject("B", topic="raw.trades")]
    assert [one.id for one in await archive.held(1, after="B")] == ["a"]
    assert [one.id for one in await archive.held(9, topic="raw.bars", after="a")] == ["c"]


async def test_holding_again_is_another_attempt_with_the_new_reasons(archive):
    await archive.hold([reject()])
    await archive.hold([reject(reasons=("Gap", "with \0 and \u2028 in it")), reject("b")])

    twice = replace(reject(reasons=("Gap", "with \0 and \u2028 in it")), attempts=2)
    assert await archive.held(10) == [twice, reject("b")]


async def test_what_is_released_is_held_no_longer(archive):
    await archive.hold([reject("a"), reject("b")])

    assert await archive.release(["b", "nobody", "b"]) == 1
    assert await archive.release(["b"]) == 0
    assert await archive.release([]) == 0
    assert await archive.held(10) == [reject("a")]


def report(name="r1", created=1_700_000_000_000, **content):
    return StoredReport(name, "Validation", "BTC/USDT 1h on binance", created, True, content)


async def test_reports_are_kept_and_the_newest_told_first(archive):
    reports = [report("old", 1), report("new", 3, rules=[{"name": "Gap", "count": 0.5}], text="ü\0"), report("mid", 2)]
    for one in reports:
        await archive.save_report(one)

    assert await archive.report("new") == reports[1]
    assert await archive.report("nobody") is None
    assert [one.id for one in await archive.reports(2)] == ["new", "mid"]


async def test_a_report_that_is_saved_again_is_the_later_one(archive):
    await archive.save_report(report(count=1))
    await archive.save_report(report(count=2))

    assert await archive.reports(10) == [report(count=2)]
