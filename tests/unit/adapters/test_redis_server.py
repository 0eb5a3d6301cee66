"""The server's client, where asyncio itself would fail."""

import asyncio

import pytest

from tidewright.adapters.redis_server import RedisServer


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.anyio
async def test_whoever_is_cancelled_as_the_answer_comes_is_cancelled(monkeypatch):
    """In Python 3.11 `asyncio.wait_for`, by which the client waits, returns the answer and forgets."""
    server = RedisServer("redis://127.0.0.1:1/0")
    answer = asyncio.get_running_loop().create_future()
    monkeypatch.setattr(server._commands, "execute_command", lambda *_: asyncio.wait_for(answer, 10))
    asked = asyncio.create_task(server.call("PING"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    answer.set_result(b"PONG")
    asked.cancel()
    await asyncio.wait((asked,))
    assert asked.cancelled()
    await server.close()
