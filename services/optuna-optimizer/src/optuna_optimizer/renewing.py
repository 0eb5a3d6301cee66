"""Keeping one's claims while the work on them takes its time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tidewright.ports import ArchiveUnavailable, StudyStore

LEASE = 60.0
"""Seconds after which a claim that nobody renews is anybody's: its worker is gone."""


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
