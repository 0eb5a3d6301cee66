"""Each test has a process of its own: what is supervised must be the only one that it starts."""

import signal
import subprocess
import sys

import pytest

SCRIPT = """
import os, signal, sys, time
from tidewright.cli.supervision import hold, supervised

def work(tell):
    {work}

hold()
{held}
ended = supervised(work)
print("ended", ended.code, ended.killed, ended.stopped, ended.told, flush=True)
"""


def start(work, held="pass"):
    code = SCRIPT.format(work=work, held=held)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process):
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    code, killed, stopped, *told = out.splitlines()[-1].removeprefix("ended ").split(" ", 3)
    return int(code), int(killed), int(stopped), "".join(told)


@pytest.mark.parametrize("code", [0, 3, 255])
def test_work_that_ends_ends_with_its_code(code):
    assert ended(start(f"return {code}")) == (code, 0, 0, "")


def test_what_the_work_tells_outlives_it():
    work = "tell('one'); tell('a folder, ü'); os.kill(os.getpid(), signal.SIGKILL)"
    assert ended(start(work)) == (0, signal.SIGKILL, 0, "a folder, ü")


def test_a_mistake_in_the_work_is_a_failure_with_its_traceback():
    process = start("raise RuntimeError('boom')")
    out, err = process.communicate(timeout=20)
    assert (out, err.splitlines()[-1]) == ("ended 1 0 0 \n", "RuntimeError: boom")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "busy",
    [
        "time.sleep(60)",
        "sum(range(10**12))",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)",
    ],
    ids=["waiting", "calculating", "deaf"],
)
def test_work_is_stopped_whatever_it_is_doing(sent, busy):
    process = start(f"print('busy', flush=True); {busy}")
    assert process.stdout.readline() == "busy\n"
    if "deaf" in busy:
        assert process.stdout.readline() == "deaf\n"
    process.send_signal(sent)
    killed = signal.SIGKILL if "deaf" in busy else signal.SIGTERM
    assert ended(process) == (0, killed, sent, "")


def test_a_signal_that_comes_before_the_work_is_not_lost():
    assert ended(start("time.sleep(60)", held="os.kill(os.getpid(), signal.SIGTERM)"))[1:3] == (signal.SIGTERM,) * 2


def test_work_that_puts_its_last_files_in_place_may_end_by_itself():
    work = "signal.signal(signal.SIGTERM, lambda *_: os._exit(0)); print('busy', flush=True); time.sleep(60)"
    process = start(work)
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert ended(process) == (0, 0, signal.SIGTERM, "")
