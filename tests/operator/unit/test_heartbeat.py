"""Liveness that is told from outside of the event loop it is about."""

import asyncio
import http.client
import socket
import threading
import time

import pytest
from background_loop import BackgroundLoop

from tidewright_operator import heartbeat, metrics
from tidewright_operator.heartbeat import Heartbeat


@pytest.fixture
def heart():
    heart = Heartbeat(0)
    yield heart
    heart.close()


def ask(heart, path):
    connection = http.client.HTTPConnection("127.0.0.1", heart.port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_loop_that_beats_is_alive(heart):
    assert ask(heart, "/healthz") == (200, "alive\n")
    assert ask(heart, "/health") == (200, "alive\n")


def test_it_is_ready_once_it_says_so(heart):
    assert ask(heart, "/readyz") == (503, "waiting for the lease\n")
    heart.ready = True
    assert ask(heart, "/readyz") == (200, "ready\n")


def test_other_questions_are_answered_too(heart):
    assert ask(heart, "/")[0] == 404


def test_a_loop_that_hangs_is_dead_although_the_process_answers(heart, monkeypatch):
    monkeypatch.setattr(heartbeat, "SILENCE", 0.5)
    monkeypatch.setattr(heartbeat, "BEAT", 0.01)
    let_go = threading.Event()

    async def hang():
        let_go.wait(30)

    async def beat():
        beating = asyncio.create_task(heart.beat())
        await asyncio.sleep(0.05)
        return beating

    with BackgroundLoop() as loop:
        loop.run(beat())
        assert ask(heart, "/healthz")[0] == 200
        hanging = threading.Thread(target=loop.run, args=(hang(),))
        hanging.start()
        wait_for(lambda: ask(heart, "/healthz")[0] == 503)
        assert "has been silent" in ask(heart, "/healthz")[1]
        let_go.set()
        hanging.join()
        wait_for(lambda: ask(heart, "/healthz")[0] == 200)


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline


def test_how_late_the_loop_is_can_be_read(heart, monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT", 0.0)
    count = lambda: next(s.value for m in metrics.LAG.collect() for s in m.samples if s.name.endswith("_count"))  # noqa: E731
    before = count()

    async def body():
        beating = asyncio.create_task(heart.beat())
        await asyncio.sleep(0.01)
        beating.cancel()

    asyncio.run(body())
    assert count() > before


def test_who_connects_and_says_nothing_holds_nobody_up(heart, monkeypatch):
    with socket.create_connection(("127.0.0.1", heart.port)):
        assert ask(heart, "/healthz")[0] == 200


def test_who_connects_and_says_nothing_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(heartbeat, "PATIENCE", 0.05)
    heart = Heartbeat(0)
    try:
        with socket.create_connection(("127.0.0.1", heart.port), timeout=5) as silent:
            assert silent.recv(1) == b""
    finally:
        heart.close()
