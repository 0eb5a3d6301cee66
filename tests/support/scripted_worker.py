"""A worker that does as the request's seed says, for the tests of the pool: fast, and bad on purpose."""

import json
import os
import select
import signal
import sys

KILLED, ENDLESS, WRONG, REFUSED = 1, 2, 3, 4
"""Seeds of requests."""


def tell(**what) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def main() -> None:
    tell(free="")
    for line in sys.stdin:
        task = json.loads(line)
        tell(progress={"percent": 28, "stage": "Trading"})
        match json.loads(task["text"])["seed"]:
            case 1:
                os.kill(os.getpid(), signal.SIGKILL)
            case 2:
                select.select([sys.stdin], [], [])  # until whoever started it is gone
                return
            case 3:
                tell(ended={"reason": "Failed", "message": "ValueError: nobody foresaw this", "document": None})
            case _:
                tell(ended={"reason": "Refused", "message": "spec.data: there is no such thing", "document": None})
        tell(free="tracked: somewhere")


if __name__ == "__main__":
    main()
