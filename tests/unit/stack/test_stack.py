"""Servers and toy services that work together."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tidewright.serving.local_service import LocalService
from tidewright.stack.services import Installed, StackRefused
from tidewright.stack.stack import Stack, Wanted

SUPPORT = Path(__file__).parents[2] / "support"
TOY = LocalService("toy_service", 99, needs={"STREAMS": "{streams}"}, takes={"FOLDER": "{folder}/kept"})
PARTING = LocalService("parting_service", 98, needs={"STREAMS": "{streams}"})
KEEPER = LocalService("toy_service", 96, needs={"ARCHIVE": "{database}"})
ABROAD = LocalService("toy_service", 97, needs={"STRATEGY": "{strategy}"})
PATIENCE = 60.0


def stack(folder, only=(), **terms):
    outside = {**os.environ, "PYTHONPATH": str(SUPPORT)}
    outside.pop("TIDEWRIGHT_STREAMS", None)
    installed = Installed(
        {"toy": TOY, "parting": PARTING, "abroad": ABROAD, "keeper": KEEPER}, {"broken": "it cannot be loaded"}
    )
    return Stack(Wanted(folder, only=only, free_ports=True, outside=outside, **terms), installed)


def looks(running):
    return {look.name: look for look in running.looks}


def until(running, what):
    given_up = time.monotonic() + PATIENCE
    while not what(looks(running)):
        assert time.monotonic() < given_up, running.looks
        running.turn()
        time.sleep(0.01)
    return looks(running)


def test_a_service_becomes_ready_and_one_that_is_killed_is_started_again(tmp_path):
    with stack(tmp_path, only=["toy"]) as running:
        before = until(running, lambda its: its["toy"].state == "ready")
        assert before["redis"].state == "ready"
        assert before["toy"].address.startswith("http://127.0.0.1:")
        (toy,) = [kept for kept in running._processes if kept.name == "toy"]
        os.kill(toy.pid, signal.SIGKILL)
        until(running, lambda its: its["toy"].state == "ended")
        until(running, lambda its: its["toy"].state == "ready" and its["toy"].restarts == 1)
    assert looks(running)["toy"].state == looks(running)["redis"].state == "stopped"


def test_a_server_that_is_killed_is_started_again_where_it_was(tmp_path):
    with stack(tmp_path, only=["parting"]) as running:
        url = running.known["streams"]
        (redis,) = running._servers
        os.kill(redis._server.pid, signal.SIGKILL)
        until(running, lambda its: its["redis"].restarts == 1 and its["redis"].state == "ready")
        assert redis.url == url


def test_services_end_before_the_servers_that_they_use(tmp_path):
    with stack(tmp_path, only=["parting"]) as running:
        until(running, lambda its: its["parting"].line == "waiting")
    assert "Redis answered" in looks(running)["parting"].line


def test_what_cannot_be_started_says_why_and_hinders_nobody(tmp_path):
    with stack(tmp_path, streams="redis://elsewhere/0", only=["abroad", "broken"]) as running:
        its = looks(running)
    assert (its["abroad"].state, its["abroad"].detail) == ("off", "needs --strategy")
    assert (its["broken"].state, its["broken"].detail) == ("off", "it cannot be loaded")
    assert "redis" not in its, "nobody needs it"


def test_a_second_one_on_the_same_folder_is_refused(tmp_path):
    with (
        stack(tmp_path, only=["abroad"]),
        pytest.raises(StackRefused, match=rf"another `tidewright up` \(process {os.getpid()}\) runs in .*; stop it"),
        stack(tmp_path, only=["abroad"]),
    ):
        raise AssertionError
    with stack(tmp_path, only=["abroad"]):
        pass


def test_a_service_that_there_is_not_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(StackRefused, match=r"there is no service 'toi'\. Did you mean toy"):
        stack(tmp_path, only=["toi"])


def test_a_database_of_our_own_has_its_schema_before_anyone_asks_it(tmp_path):
    with stack(tmp_path, only=["keeper"]) as running:
        url = running.known["database"]
        checked = subprocess.run(
            [sys.executable, "-m", "tidewright.cli", "db", "check", "--url", url], capture_output=True, check=False
        )
        assert checked.returncode == 0, checked.stderr
    assert looks(running)["postgres"].state == "stopped"
