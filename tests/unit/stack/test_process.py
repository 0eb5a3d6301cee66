"""A process that is kept running."""

import itertools
import os
import signal
import sys
import time

import pytest

from tidewright.stack.process import KeptProcess, last_line

PATIENCE = 20.0


class World:
    """A process in a time of its own, whose probe says `reason`."""

    def __init__(self, folder, code):
        self.time, self.reason = 100.0, None
        self.log = folder / "its.log"
        command = [sys.executable, "-c", code]
        self.kept = KeptProcess("its", command, os.environ, self.log, lambda: self.reason, "there", lambda: self.time)

    def until(self, state):
        given_up = time.monotonic() + PATIENCE
        while self.kept.look.state != state:
            assert time.monotonic() < given_up, self.kept.look
            self.kept.turn()
            time.sleep(0.005)
        return self.kept.look

    def end(self):
        self.kept.tell_to_stop()
        self.kept.stopped()


@pytest.fixture
def world(tmp_path):
    made = []

    def make(code):
        made.append(World(tmp_path, code))
        return made[-1]

    yield make
    for one in made:
        one.end()


WAITING = "import time; print('here I am', flush=True); time.sleep(600)"


def test_it_is_ready_when_its_probe_says_so(world):
    its = world(WAITING)
    its.kept.turn()
    assert (its.kept.look.state, its.kept.look.address) == ("starting", "there")
    its.time += 2
    its.kept.turn()
    assert its.kept.look.state == "starting", "nothing answers yet"
    its.time, its.reason = its.time + 2, ""
    its.until("ready")
    its.time, its.reason = its.time + 2, "the archive is away"
    assert its.until("not ready").detail == "the archive is away"
    its.time, its.reason = its.time + 2, None
    its.kept.turn()
    assert its.kept.look.detail == "does not answer"


def test_one_that_is_killed_is_started_again_after_a_pause(world):
    its = world(WAITING)
    its.kept.turn()
    first = its.kept.pid
    os.kill(first, signal.SIGKILL)
    look = its.until("ended")
    assert "killed by signal 9; starts again in 1 s" in look.detail
    assert look.restarts == 1
    its.kept.turn()
    assert its.kept.pid is None
    its.time += 1.3
    its.kept.turn()
    assert its.kept.pid not in {None, first}


def test_the_pause_grows_to_half_a_minute_and_is_short_again_after_a_minute_of_work(world):
    its = world("print('bad luck'); raise SystemExit(3)")
    pauses = []
    for _ in range(7):
        look = its.until("ended")
        assert (look.line, look.detail.split(";")[0]) == ("bad luck", "exit code 3")
        pauses.append(int(look.detail.split()[-2]))
        its.time += 40
        its.kept.turn()
    assert all(longer >= shorter for shorter, longer in itertools.pairwise(pauses[:5]))
    assert pauses[0] == 1
    assert all(24 <= pause <= 36 for pause in pauses[5:])
    its.time += 61
    assert its.until("ended").detail.endswith("again in 1 s")


def test_one_that_refuses_is_left_alone(world):
    its = world("import sys; print('TIDEWRIGHT_ARCHIVE: missing', file=sys.stderr); sys.exit(2)")
    look = its.until("refused")
    assert (look.line, look.restarts) == ("TIDEWRIGHT_ARCHIVE: missing", 0)
    its.time += 3_600
    its.kept.turn()
    assert its.kept.pid is None


def test_one_that_is_told_to_stop_is_not_started_again(world):
    its = world(WAITING)
    its.kept.turn()
    its.end()
    its.time += 3_600
    its.kept.turn()
    assert (its.kept.look.state, its.kept.pid) == ("stopped", None)


@pytest.mark.parametrize(
    ("log", "told"),
    [
        ("", ""),
        ("first\nsecond\n\n", "second"),
        (
            '{"event": "not ready", "level": "info", "timestamp": "t", "reason": "no bars"}\n',
            "not ready reason=no bars",
        ),
        ("x" * 10_000 + "\nend\n", "end"),
        ("[1, 2]\n", "[1, 2]"),
    ],
)
def test_the_last_line_of_a_log(tmp_path, log, told):
    path = tmp_path / "log"
    path.write_text(log)
    assert last_line(path) == told


def test_a_log_that_is_not_there_has_no_last_line(tmp_path):
    assert last_line(tmp_path / "none") == ""
