"""Keeping one's claims while the work on them takes its time, and giving up what takes every worker with it."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tidewright.domain.strategies.strategy import Value
from tidewright.domain.trials import Trial
from tidewright.ports import ArchiveUnavailable, StudyStore

LEASE = 60.0
"""Seconds after which a claim that nobody renews is anybody's: its worker is gone."""

MOST_ATTEMPTS = 3
"""Workers that one trial may take with it."""


def given_up(number: int, named: Mapping[str, Value]) -> Trial:
    """A trial that nobody has lived to finish."""
    message = f"{MOST_ATTEMPTS} workers ended while they tried it; does the strategy end its process, or is there too little memory?"
    return Trial(number, named, "Failed", reason="WorkersLost", message=message)


@contextmanager
def renewing(store: StudyStore, key: str, worker: str) -> Iterator[None]:
    """A third of a lease apart, from a thread beside the work; one that the store misses is made up for by the next."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(LEASE / 3):
            try:
                store.renew(key, worker, LEASE)
            except ArchiveUnavailable:
                continue

    thread = threading.Thread(target=renew, name="claims", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
