"""Time passes, with nothing in between: no network, and a loop whose clock runs only while everything waits."""

import asyncio
from math import inf

import numpy as np
import pytest
import virtual_time

from tidewright.exchange.connections import Connection
from tidewright.exchange.local import LocalExchange, Settings
from tidewright.exchange.markets import Symbol
from tidewright.exchange.simulated import simulated_market

START, HOUR = 1_704_067_200_000, 3_600_000


class Wire:
    """Takes everything that is written, or nothing."""

    def __init__(self, *, deaf=False):
        self.deaf = deaf
        self.written = []
        self.waiting = 0
        self.aborted = False

    def write(self, data):
        self.written.append(data)
        self.waiting += len(data) * self.deaf

    def get_write_buffer_size(self):
        return self.waiting

    def abort(self):
        self.aborted = True

    @property
    def frames(self):
        return b"".join(self.written).count(b'{"e":"')


@pytest.fixture(scope="module")
def market():
    return simulated_market(Symbol.of("BTC/USDT"), START, 6, seed=1)


def exchange_of(market, **settings):
    return LocalExchange([market], Settings(**settings), monotonic=asyncio.get_running_loop().time)


def connected(exchange, wire, stream="btcusdt@trade"):
    connection = Connection(wire, exchange.hub, exchange.faults, combined=False)
    connection.subscribe([stream])
    exchange.player.connections.add(connection)
    return connection


def test_a_tape_takes_its_time(market):
    async def play():
        exchange, wire = exchange_of(market, speed=60.0), Wire()
        connected(exchange, wire)
        before = asyncio.get_running_loop().time()
        await exchange.run()
        assert wire.frames == len(market.log)
        assert asyncio.get_running_loop().time() - before == pytest.approx(6 * 3_600 / 60, abs=0.1)

    virtual_time.run(play())


def test_the_time_that_is_told_is_never_past_what_was_not_told(market):
    async def play():
        exchange, wire = exchange_of(market, speed=1.0), Wire()
        connected(exchange, wire)
        playing = asyncio.create_task(exchange.run())
        for _ in range(50):
            await asyncio.sleep(0.75)
            assert wire.frames == market.log.happened(exchange.clock.milliseconds())
        playing.cancel()

    virtual_time.run(play())


def test_a_client_that_does_not_read_is_cut_off_and_others_are_not(market):
    async def play():
        exchange, deaf, wire = exchange_of(market, speed=600.0, backlog=10_000), Wire(deaf=True), Wire()
        connected(exchange, deaf)
        connected(exchange, wire)
        await exchange.run()
        assert deaf.aborted
        assert 10_000 < deaf.waiting < 20_000
        assert (wire.aborted, wire.frames) == (False, len(market.log))

    virtual_time.run(play())


def test_at_full_speed_everybody_waits_for_who_does_not_read_but_not_for_ever(market):
    async def play():
        exchange, deaf, wire = exchange_of(market, speed=inf), Wire(deaf=True), Wire()
        connected(exchange, deaf)
        connected(exchange, wire)
        playing = asyncio.create_task(exchange.run())
        await asyncio.sleep(5)
        assert 0 < wire.frames < len(market.log)
        told = wire.frames
        deaf.waiting = 0
        await asyncio.sleep(5)
        assert told < wire.frames < len(market.log)
        await playing
        assert deaf.aborted
        assert wire.frames == len(market.log)

    virtual_time.run(play())


def test_a_connection_ends_at_its_age_with_all_that_it_was_owed(market):
    async def play():
        exchange, wire = exchange_of(market, speed=inf), Wire()
        connection = connected(exchange, wire)
        connection.until = (START + HOUR) * 1_000_000
        await exchange.run()
        assert wire.frames >= np.searchsorted(market.log.time, START + HOUR)
        assert not wire.aborted
        assert not connection.open

    virtual_time.run(play())
