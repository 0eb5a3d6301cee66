"""Where the bars of a service come from."""

import os

from tidewright.adapters.stores import store_at, stores
from tidewright.ports import BarStore


def store_of(url: str) -> BarStore:
    """The store at a URL, or the local one. Raises UrlRefused."""
    return store_at(url) if url else stores(os.environ)
