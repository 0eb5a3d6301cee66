"""Work in a process of its own: it can be stopped at any moment, in the middle of compiled code too, and somebody is left to tell how it ended."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

_STOPS = (signal.SIGTERM, signal.SIGINT)
_PATIENCE = 0.5
"""Seconds that the work has to put the last files in place once it is told to stop."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Ended:
    """How the work ended: with `code`, or killed by a signal; `stopped` is the signal by which this process was told to stop, `told` what the work has told last."""

    code: int = 0
    killed: int = 0
    stopped: int = 0
    told: str = ""


def hold() -> None:
    """From here on no signal to stop is lost, but waits for `supervised`. As the first process of a container this one would not be stopped by it otherwise."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)


def supervised(work: Callable[[Tell], int]) -> Ended:
    """Do `work` in a process of its own, and wait for it; to be called once, after `hold` and before there is any thread.

    `work` returns its exit code. It can tell this process a line or two, which outlive it. SIGTERM and Ctrl-C end it at once.
    """
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        os.close(reading)
        _worker(work, writing)
    os.close(writing)
    stopped = _stop_with_us(process)
    _, status = os.waitpid(process, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    with os.fdopen(reading, encoding="utf-8") as lines:
        told = lines.read().splitlines()
    code = os.waitstatus_to_exitcode(status)
    return Ended(max(code, 0), max(-code, 0), stopped[0] if stopped else 0, told[-1] if told else "")


def _stop_with_us(process: int) -> list[int]:
    """Pass on that we are to stop, and insist after a while; the signals are noted in the list."""
    stopped: list[int] = []

    def send(number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(process, number)

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.append(number)
        send(signal.SIGTERM)
        signal.setitimer(signal.ITIMER_REAL, _PATIENCE)

    for number in _STOPS:
        signal.signal(number, stop)
    signal.signal(signal.SIGALRM, lambda number, frame: send(signal.SIGKILL))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    return stopped


def _worker(work: Callable[[Tell], int], writing: int) -> NoReturn:
    def tell(line: str) -> None:
        os.write(writing, f"{line}\n".encode())

    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to both of us, and the other one decides
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
        code = work(tell)
    except BaseException:  # nobody is left to tell of it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
