"""A day of the market from the exchange to the signals, by the services' own processes, each of which is ended in the middle."""

from pathlib import Path

import numpy as np
import pytest
from local_exchange import serving
from pipeline import EXCHANGE, SYMBOL, Pipeline, until

from tidewright.adapters.anchor_files import AnchorFiles
from tidewright.adapters.embedded_redis import EmbeddedRedis
from tidewright.domain.bars import COLUMNS, Market
from tidewright.domain.tape import TAPE_COLUMNS
from tidewright.exchange.local import Settings
from tidewright.exchange.markets import Symbol
from tidewright.exchange.simulated import simulated_market
from tidewright.signals.parity import judge_published, write
from tidewright.signals.published import published
from tidewright.signals.wiring import chosen_strategy
from tidewright.wire.topology import VALID_TRADES, market_lane

ARTIFACTS = Path(__file__).parents[2] / "build" / "parity" / "live"
"""Where the report is left for who wants to look at it."""

FIVE_MINUTES = Market(EXCHANGE, SYMBOL, "5m")
START, HOURS = 1_735_689_600_000, 24  # 2025-01-01
SPEED = 2_880.0


@pytest.fixture
def exchange():
    market = simulated_market(Symbol.of(SYMBOL), START, HOURS, seed=11)
    with serving([market], Settings(speed=SPEED, wait=True, weight_limit=10**9)) as served:
        yield served


@pytest.fixture
def pipeline(tmp_path, exchange, database_url):
    with EmbeddedRedis(tmp_path / "redis") as redis:
        pipeline = Pipeline(tmp_path, exchange.url, redis, database_url)
        yield pipeline
        pipeline.stop()


@pytest.mark.timeout(600)
def test_a_day_with_restarts_is_archived_exactly_and_its_signals_are_those_of_a_backtest(pipeline, exchange):
    truth = exchange.truth(SYMBOL)
    quarter = len(truth) // 4

    def passed(quarters):
        until(lambda: pipeline.newest_trade() >= truth.id[quarters * quarter], f"{quarters} quarters of the day", 240)

    pipeline.start_validation()
    pipeline.start_signals()
    pipeline.start_collector()
    passed(1)
    pipeline.kill("data_collector")
    pipeline.start_collector()
    passed(2)
    pipeline.kill("data_validation")
    pipeline.start_validation()
    pipeline.kill("tidewright.signals")
    pipeline.start_signals()
    passed(3)
    pipeline.redis.kill()
    pipeline.redis.start()
    until(lambda: pipeline.newest_trade() == truth.id[-1], "the whole day", 240)

    tape = pipeline.archived(lambda archive: archive.read_tape(EXCHANGE, SYMBOL))
    for name in TAPE_COLUMNS:
        assert np.array_equal(getattr(tape, name), getattr(truth, name)), name
    lane = market_lane(EXCHANGE, SYMBOL)
    until(lambda: pipeline.streamed(lambda streams: streams.last(VALID_TRADES.name, lane)) == truth.id[-1], "told", 60)
    judge_bars_and_signals(pipeline, exchange.bars(SYMBOL, "5m"))


def judge_bars_and_signals(pipeline, bars):
    """Of the day's last bar the exchange tells, or does not, depending on when it is asked: its clock stands still at the end of it."""
    sure = int(bars.time[-2])
    until(lambda: (pipeline.archived(lambda archive: archive.newest_bar(FIVE_MINUTES)) or 0) >= sure, "the bars", 60)
    found = pipeline.archived(lambda archive: archive.read_bars(FIVE_MINUTES))
    assert len(found) >= len(bars) - 1
    for name in ("time", *COLUMNS):
        assert np.array_equal(getattr(found, name), getattr(bars, name)[: len(found)]), name

    def said():
        return pipeline.streamed(lambda streams: published(streams, "ema-cross", FIVE_MINUTES))

    until(lambda: (signals := said()) and signals[-1].signal.time >= sure, "the last signal", 60)
    chosen = chosen_strategy(pipeline.strategy, exchange=EXCHANGE)
    anchor = AnchorFiles(pipeline.anchor).read(FIVE_MINUTES)
    signals = [one.signal for one in said()]
    bars_now = pipeline.archived(lambda archive: archive.read_bars(FIVE_MINUTES))
    report = judge_published(chosen.name, chosen.strategy, anchor, bars_now, signals)
    write(report, ARTIFACTS)
    assert report.passed, report.differences[:5]
    assert report.compared > 200
