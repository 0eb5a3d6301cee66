"""A process that ends with the one that started it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tidewright.adapters.child_process import ChildProcess

PATIENCE = 20.0

PARENT = """
import sys, time
from pathlib import Path
from tidewright.adapters.child_process import ChildProcess
child = ChildProcess(["/bin/sleep", "600"], Path(sys.argv[1]))
print(child.pid, flush=True)
time.sleep(600)
"""


def runs(pid):
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def until(what):
    given_up = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < given_up
        time.sleep(0.005)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_parent_however_that_ends(tmp_path, end):
    with subprocess.Popen([sys.executable, "-c", PARENT, tmp_path / "log"], stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        assert runs(pid)
        parent.send_signal(end)
    until(lambda: not runs(pid))


@pytest.mark.parametrize(("command", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_how_it_ended(tmp_path, command, code):
    child = ChildProcess(["/bin/sh", "-c", command], tmp_path / "log")
    until(lambda: child.code is not None)
    assert child.code == code


def test_what_it_says_is_in_its_log(tmp_path):
    (tmp_path / "log").write_text("before\n")
    child = ChildProcess(["/bin/sh", "-c", "echo out; echo err >&2; echo $WORD"], tmp_path / "log", {"WORD": "told"})
    assert child.wait(PATIENCE) == 0
    assert (tmp_path / "log").read_text() == "before\nout\nerr\ntold\n"


def test_ctrl_c_on_the_terminal_is_for_the_parent_alone(tmp_path):
    child = ChildProcess(["/bin/sleep", "600"], tmp_path / "log")
    assert os.getsid(child.pid) != os.getsid(0)
    child.kill()


def test_one_that_does_not_stop_is_killed(tmp_path):
    child = ChildProcess(["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done"], tmp_path / "log")
    until(lambda: "ready" in (tmp_path / "log").read_text())
    child.tell_to_stop()
    assert child.wait(0.05) == 137
    assert not runs(child.pid)


def test_a_command_that_is_not_there_says_so_in_the_log(tmp_path):
    child = ChildProcess(["/nowhere/to/be/found"], tmp_path / "log")
    assert child.wait(PATIENCE) == 127
    assert "/nowhere/to/be/found" in (tmp_path / "log").read_text()
