"""Where bars come from is what the settings say."""

import asyncio
from pathlib import Path

import pytest

from tidewright.adapters.archive_feed import ArchiveFeed
from tidewright.adapters.clock import SystemClock
from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.simulated import SimulatedStore
from tidewright.adapters.store_feed import StoreFeed
from tidewright.serving.settings import SettingsRefused
from tidewright.signals.settings import SignalSettings
from tidewright.signals.sources import sources


def named(**given):
    settings = SignalSettings(strategy=Path("strategy.yaml"), anchor=Path("anchor"), **given)
    found = sources(settings, SystemClock(), SimulatedStore)
    asyncio.run(found.close())
    return type(found.feed), found.streams is not None


def test_without_an_archive_a_store_is_looked_into():
    assert named() == (StoreFeed, False)
    assert named(streams="memory:") == (StoreFeed, True)


def test_an_archive_is_followed_with_a_stream_and_without():
    assert named(archive="memory:", streams="memory:") == (ArchiveFeed, True)
    assert named(archive="memory:") == (ArchiveFeed, False)


def test_an_archive_is_not_replayed():
    with pytest.raises(SettingsRefused, match=r"TIDEWRIGHT_REPLAY_FROM: .* unset TIDEWRIGHT_ARCHIVE"):
        named(archive="memory:", replay_from="2024-01-01")


def test_what_is_no_archive_is_refused():
    with pytest.raises(UrlRefused, match="write postgresql://"):
        named(archive="mysql://host/bars")
