"""``python -m backtest_engine.worker``: a process that does one task after the other, each a line on stdin; what it tells is a line each on stdout.

It ends when its stdin does, in the middle of work too: whoever started it is gone then. What a strategy prints goes to stderr.
"""

import json
import os
import queue
import sys
import threading
import traceback
from dataclasses import asdict
from functools import cache
from typing import Any, BinaryIO

from backtest_engine.stores import store_of
from backtest_engine.tasks import Ending, Task, carry_out, follow_up, rehearse
from tidewright.specs.status import Progress


def main() -> int:
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    opened = cache(store_of)
    tasks: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks,), daemon=True).start()
    rehearse(opened(""))
    _tell(channel, free="")
    while True:
        task = Task.read(tasks.get())
        ending = _done(task, opened, channel)
        _tell(channel, ended=asdict(ending))
        _tell(channel, free=follow_up(task, ending))


def _done(task: Task, opened: Any, channel: BinaryIO) -> Ending:  # noqa: ANN401 - a cached function has no type of its own
    def tell(progress: Progress) -> None:
        _tell(channel, progress=progress.record())

    try:
        return carry_out(task, opened(task.store), tell)
    except Exception as error:  # the one place where a mistake of ours becomes an answer
        traceback.print_exc()
        return Ending("Failed", f"{type(error).__name__}: {error}"[:500])


def _listen(tasks: "queue.SimpleQueue[str]") -> None:
    for line in sys.stdin:
        tasks.put(line)
    os._exit(0)


def _tell(channel: BinaryIO, **what: object) -> None:
    channel.write(json.dumps(what).encode() + b"\n")
    channel.flush()


if __name__ == "__main__":
    sys.exit(main())
