"""What every `RunBook` promises."""

from dataclasses import replace

import numpy as np
import pytest

from tidewright.adapters.postgres.migrations.versions import v0003_runs
from tidewright.adapters.run_books import run_book_at
from tidewright.ports import RANKED_BY, FinishedRun

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(params=["memory", "postgres"])
def url(request):
    return "memory:" if request.param == "memory" else request.getfixturevalue("database_url")


@pytest.fixture
async def book(url):
    book = run_book_at(url)
    yield book
    await book.close()


def trades(count=3, **more):
    numbers = np.arange(float(count))
    names = ("quantity", "entryPrice", "exitPrice", "fees", "pnl", "netReturn", "adverse", "favourable")
    return {
        "entryTime": 3_600_000 * np.arange(count),
        "exitTime": 3_600_000 * np.arange(1, count + 1),
        "direction": np.ones(count, np.int64),
        **{name: numbers / 10 + place for place, name in enumerate(names)},
        "reason": np.array(["Signal", "StopLoss", "TakeProfit"] * count)[:count],
        "barsHeld": np.arange(count),
        **more,
    }


def a_run(name="demo", digest="sha256:1", saved=1_000, **figures):
    record = {
        "kind": "BacktestRun",
        "name": name,
        "result": {"finalEquity": 11_000.0, "sharpe": 1.5, "maxDrawdown": 0.2, "trades": 3, "calmar": None} | figures,
        "provenance": {
            "digest": digest,
            "data": {
                "digest": "sha256:d", "exchange": "binance", "symbol": "BTC/USDT", "timeframe": "1h",
                "start": "2023-01-01T00:00:00Z", "end": "2024-01-01T00:00:00Z", "simulated": False,
            },
            "strategy": {"name": "MovingAverageCross", "digest": "sha256:s"},
        },
    }  # fmt: skip
    return FinishedRun(f"default/{name}/uid", record, trades(), saved)


def same(left, right):
    assert replace(left, trades={}) == replace(right, trades={})
    assert {name: column.tolist() for name, column in left.trades.items()} == {
        name: column.tolist() for name, column in right.trades.items()
    }
    return True


async def test_what_was_saved_is_found_by_its_id(book):
    run = a_run()
    assert await book.save(run)

    assert same(await book.run(run.id), run)
    assert same(await book.run(run.id, run.digest), run)
    assert await book.run(run.id, "sha256:0") is None
    assert await book.run("nobody") is None


async def test_saving_again_changes_nothing(book):
    await book.save(a_run())

    assert not await book.save(a_run(saved=9, sharpe=7.0))
    assert same(await book.run(a_run().id), a_run())
    assert len(await book.runs(10)) == 1


async def test_another_result_of_a_run_is_kept_beside_the_first(book):
    await book.save(a_run())
    await book.save(a_run(digest="sha256:2", saved=2_000))

    assert (await book.run(a_run().id)).digest == "sha256:2"
    assert (await book.run(a_run().id, "sha256:1")).saved_ms == 1_000
    assert [entry.digest for entry in await book.runs(10)] == ["sha256:2", "sha256:1"]


async def test_trades_of_several_symbols_keep_their_names(book):
    run = a_run()
    run = replace(run, record=run.record | {"symbols": []}, trades=trades(symbol=np.array(["A/B", "C/D", "A/B"])))
    await book.save(run)

    assert same(await book.run(run.id), run)


async def test_texts_may_be_objects_as_in_tables_that_were_read_from_a_file(book):
    texts = {name: column.astype(object) for name, column in trades().items() if column.dtype.kind == "U"}
    run = replace(a_run(), trades=trades(**texts))
    assert texts
    await book.save(run)

    assert same(await book.run(run.id), run)


async def test_a_run_without_a_trade_is_kept(book):
    run = replace(a_run(), trades=trades(0))
    await book.save(run)

    assert same(await book.run(run.id), run)


async def test_an_entry_says_what_the_record_does(book):
    await book.save(a_run())
    (entry,) = await book.runs(1)

    assert (entry.id, entry.digest, entry.saved_ms, entry.name) == ("default/demo/uid", "sha256:1", 1_000, "demo")
    assert (entry.strategy, entry.exchange, entry.symbol) == ("MovingAverageCross", "binance", "BTC/USDT")
    assert (entry.timeframe, entry.start[:10], entry.end[:10], entry.simulated) == ("1h", "2023-01-01", "2024-01-01", False)  # fmt: skip
    told = {"sharpe": 1.5, "maxDrawdown": 0.2, "trades": 3.0}
    assert entry.figures == dict.fromkeys(RANKED_BY) | told


async def test_the_best_come_first_and_those_that_are_undefined_last(book):
    for name, sharpe, drawdown in (("a", 1.0, 0.1), ("b", None, 0.3), ("c", 2.0, None), ("d", -1.0, 0.2)):
        await book.save(a_run(name, sharpe=sharpe, maxDrawdown=drawdown))

    async def ranked(by, most=10):
        return "".join(entry.name for entry in await book.leaderboard(by, most))

    assert await ranked("sharpe") == "cadb"
    assert await ranked("maxDrawdown") == "adbc"
    assert await ranked("sharpe", 2) == "ca"
    assert await ranked("trades") == "abcd"


async def test_a_figure_that_runs_are_not_ranked_by_is_refused(book):
    with pytest.raises(ValueError, match=r"'id; DROP TABLE' is no figure to rank by; name one of sharpe, "):
        await book.leaderboard("id; DROP TABLE", 10)


async def test_the_leaderboard_has_a_column_for_each_figure():
    assert set(RANKED_BY) == set(v0003_runs.FIGURES.values()) - {"finalEquity"}
