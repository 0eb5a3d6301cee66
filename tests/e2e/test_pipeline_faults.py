"""A recording through the whole pipeline while one of its servers is gone for a minute: what is archived is the tape, row for row."""

import asyncio
import time

import numpy as np
import pytest
from local_exchange import serving
from pipeline import EXCHANGE, SYMBOL, Pipeline, until

from tidewright.adapters.embedded_postgres import EmbeddedPostgres
from tidewright.adapters.embedded_redis import EmbeddedRedis
from tidewright.adapters.postgres.connection import Address
from tidewright.adapters.postgres.migrating import upgrade
from tidewright.domain.bars import COLUMNS, Market
from tidewright.domain.tape import TAPE_COLUMNS
from tidewright.exchange.local import Settings
from tidewright.exchange.recording import recorded_markets
from tidewright.wire.topology import RAW_BARS, RAW_TRADES, VALID_TRADES, market_lane

pytestmark = [pytest.mark.soak, pytest.mark.shared]

AWAY = 60.0
SPEED = 6.0
"""Thirteen minutes in 130 seconds: it goes on before the server has gone, meanwhile, and after it is back."""

ONE_MINUTE = Market(EXCHANGE, SYMBOL, "1m")


@pytest.fixture
def exchange(shared_data):
    recording = sorted((shared_data / "raw-websocket").glob("binance-spot-btcusdt-*.gz"))
    settings = Settings(speed=SPEED, wait=True, weight_limit=10**9)
    with serving(recorded_markets(recording), settings) as served:
        yield served


@pytest.fixture
def postgres(tmp_path):
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        yield server


@pytest.fixture
def pipeline(tmp_path, exchange, postgres):
    asyncio.run(upgrade(Address(postgres.url)))
    with EmbeddedRedis(tmp_path / "redis", sync="always") as redis:
        pipeline = Pipeline(tmp_path, exchange.url, redis, postgres.url)
        yield pipeline
        pipeline.stop()


@pytest.mark.parametrize("gone", ["postgres", "redis", "both"])
def test_a_server_that_is_gone_for_a_minute_costs_nothing(pipeline, exchange, postgres, gone):
    truth = exchange.truth(SYMBOL)
    servers = {"postgres": [postgres], "redis": [pipeline.redis], "both": [postgres, pipeline.redis]}[gone]
    pipeline.start_validation()
    pipeline.start_collector()
    until(lambda: pipeline.newest_trade() >= truth.id[len(truth) // 5], "a fifth of the tape", 120)
    for server in servers:
        server.kill()
    time.sleep(AWAY)
    for server in servers:
        server.start()
    assert pipeline.newest_trade() < truth.id[-1]
    assert '"waiting"' in pipeline.log("data_validation")
    until(lambda: pipeline.newest_trade() == truth.id[-1], "the whole tape", 240)

    tape = pipeline.archived(lambda archive: archive.read_tape(EXCHANGE, SYMBOL))
    for name in TAPE_COLUMNS:
        assert np.array_equal(getattr(tape, name), getattr(truth, name)), name
    judge_bars(pipeline, exchange.bars(SYMBOL, "1m"))
    lane = market_lane(EXCHANGE, SYMBOL)
    until(lambda: pipeline.streamed(lambda streams: streams.last(VALID_TRADES.name, lane)) == truth.id[-1], "told", 60)
    assert pipeline.archived(lambda archive: archive.held(10)) == []
    for topic in (RAW_TRADES, RAW_BARS):
        assert pipeline.streamed(lambda streams, topic=topic: streams.standing(topic.name)).dead == 0


def judge_bars(pipeline, bars):
    """All but the last, which never closes."""
    until(
        lambda: (pipeline.archived(lambda archive: archive.newest_bar(ONE_MINUTE)) or 0) >= bars.time[-2],
        "the bars",
        60,
    )
    found = pipeline.archived(lambda archive: archive.read_bars(ONE_MINUTE))
    for name in ("time", *COLUMNS):
        assert np.array_equal(getattr(found, name), getattr(bars, name)[:-1]), name
