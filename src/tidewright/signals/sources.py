"""Where the service's bars come from, and where its signals go."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from tidewright.adapters.archive_feed import ArchiveFeed
from tidewright.adapters.archives import ready_archive
from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.store_feed import StoreFeed
from tidewright.adapters.streams_url import streams_at
from tidewright.ports import Archive, BarFeed, BarStore, Clock, Streams
from tidewright.serving.settings import PREFIX, SettingsRefused, setting
from tidewright.signals.settings import SignalSettings


@dataclass(frozen=True, slots=True)
class Sources:
    """`feed` needs `listen` to run beside it; `streams` are where signals are published, if anywhere."""

    feed: BarFeed
    listen: Callable[[], Coroutine[Any, Any, None]]
    streams: Streams | None
    archive: Archive | None

    async def close(self) -> None:
        """Let go of all connections."""
        for held in (self.streams, self.archive):
            if held is not None:
                await held.close()


def sources(settings: SignalSettings, clock: Clock, store: Callable[[], BarStore]) -> Sources:
    """What the settings name: an archive whose stream tells of new bars, or a store that is looked into. Raises SettingsRefused."""
    if settings.archive and settings.replay_from:
        raise SettingsRefused(
            f"{PREFIX}REPLAY_FROM: replays the bars of a store; unset {PREFIX}ARCHIVE, or do not replay"
        )
    with setting("STREAMS", UrlRefused):
        streams = streams_at(settings.streams) if settings.streams else None
    if not settings.archive:
        with setting("STORE", UrlRefused):
            bars = store()
        feed = StoreFeed(bars, clock, round(settings.delay * 1_000), round(settings.poll * 1_000))
        return Sources(feed, _nothing, streams, None)
    with setting("ARCHIVE", UrlRefused):
        archive = ready_archive(settings.archive)
    followed = ArchiveFeed(archive, streams, settings.poll)
    return Sources(followed, followed.listen, streams, archive)


async def _nothing() -> None:
    """A store has nobody who tells of its bars."""
