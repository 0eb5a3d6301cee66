"""A local exchange on a port of its own, and a client that knows nothing of it but the address."""

import asyncio
import json
from contextlib import asynccontextmanager
from math import inf

import aiohttp
import pytest
from exchange_tapes import record, ticker, trade

from tidewright.exchange.faults import Faults
from tidewright.exchange.local import LocalExchange, Settings
from tidewright.exchange.recording import recorded_markets
from tidewright.exchange.server import ExchangeServer


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Client:
    """REST by `get`, streams by `listen`."""

    def __init__(self, server, session):
        self.server, self.session = server, session
        self.exchange = server.exchange

    async def get(self, path, status=200, **query):
        async with self.session.get(f"/api/v3/{path}", params=query) as answer:
            assert answer.status == status, await answer.text()
            self.headers = answer.headers
            return await answer.json()

    @asynccontextmanager
    async def listen(self, path):
        async with self.session.ws_connect(
            path, max_msg_size=0, timeout=aiohttp.ClientWSTimeout(ws_close=0.1)
        ) as socket:
            yield socket

    async def texts(self, path):
        """Everything that a connection to the combined streams is told until the tape has ended, or until it is cut."""
        texts = []
        async with self.listen(path) as socket:
            end = asyncio.create_task(self._ask_at_the_end(socket))
            async for message in socket:
                if '"id":"end"' in message.data:
                    break
                texts.append(message.data)
            end.cancel()
        return texts

    async def _ask_at_the_end(self, socket):
        await self.server.played()
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": "end"})

    async def told(self, path):
        return [json.loads(text) for text in await self.texts(path)]


@asynccontextmanager
async def exchanging(markets, plan=None, seed=0, **settings):
    settings = Settings(**({"speed": inf, "wait": True} | settings))
    async with (
        ExchangeServer(LocalExchange(markets, settings, Faults(seed, plan))) as server,
        aiohttp.ClientSession(server.url, timeout=aiohttp.ClientTimeout(total=30)) as session,
    ):
        yield Client(server, session)


@pytest.fixture(name="exchanging")
def _exchanging():
    """Serves markets with faults and settings."""
    return exchanging


TRADES = 200


@pytest.fixture
def markets(tmp_path):
    """Two hundred trades of a minute and forty seconds, each after a ticker of its own."""
    lines = []
    for number in range(1, TRADES + 1):
        time, price = number * 500, 100 + number % 7
        lines += [
            (time, ticker(number, f"{price - 1}.00000000", f"{price}.00000000")),
            (time + 2, trade(number, time, f"{price}.50", f"0.{number:05d}", maker=number % 3 == 0)),
        ]
    return recorded_markets([record(tmp_path / "recording", *lines)])
