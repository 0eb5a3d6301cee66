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


@pytest.mark.parametrize(
    ("name", "url", "remedy"),
    [
        ("archive", "mysql://host/bars", "write postgresql://"),
        ("streams", "kafka://host", "write redis://"),
        ("streams", "redis://", "names no host; write redis://"),
    ],
)
def test_a_url_that_names_nothing_is_refused_with_its_variable(name, url, remedy):
    with pytest.raises(SettingsRefused, match=f"TIDEWRIGHT_{name.upper()}: .*{remedy}"):
        named(**{name: url})


def test_a_store_that_is_none_is_refused_with_its_variable():
    def refused():
        raise UrlRefused("no store")

    settings = SignalSettings(strategy=Path("strategy.yaml"), anchor=Path("anchor"))
    with pytest.raises(SettingsRefused, match="TIDEWRIGHT_STORE: no store"):
        sources(settings, SystemClock(), refused)
