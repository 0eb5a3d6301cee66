"""Programs of this machine, run to their end."""

import subprocess
import sys


def run(*command: str) -> str:
    """What a command prints.

    Raises:
        RuntimeError: it failed, with the end of what it said.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def told(words: str) -> None:
    """Say to whoever waits what is being done."""
    print(words, file=sys.stderr, flush=True)
