# ruff: noqa: PLC0415 - help must not wait for imports
"""``tidewright streams``: how far consumers are, and what they could not deal with."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from tidewright.cli.market_options import Refused

if TYPE_CHECKING:
    from tidewright.adapters.streams_url import AdministeredStreams
    from tidewright.ports import DeadLetter, Standing

_Result = TypeVar("_Result")
_PAGE = 100

_url = click.option(
    "--url",
    envvar="TIDEWRIGHT_STREAMS",
    required=True,
    show_envvar=True,
    metavar="URL",
    help="The Redis that has them: redis://HOST:6379/0; with a password redis://USER:PASSWORD@HOST:6379/0, with TLS rediss://.",
)
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.group()
def streams() -> None:
    """See the streams between services: how far each consumer is, and what it could not deal with.

    \b
    Examples:
      tidewright streams list --url redis://localhost:6379/0
      tidewright streams list --watch
      tidewright streams dead raw.trades
      tidewright streams replay raw.trades --id 1732343423000-0
      tidewright streams discard raw.trades --id 1732343423000-0

    Without --url they are those of $TIDEWRIGHT_STREAMS; `tidewright up` prints its own.
    """


@streams.command("list")
@_url
@click.option("--watch", is_flag=True, help="Go on until Ctrl-C, once a second.")
@_json
def list_(url: str, watch: bool, as_json: bool) -> None:
    """List every topic: how many messages are kept, what each group has not read or not acknowledged yet, and dead letters.

    A group whose unread messages only grow is not running, or too slow. Where they reach the topic's bound, its producer is refused.

    \b
    Examples:
      tidewright streams list --watch
      tidewright streams list --json | jq '.[] | select(.dead > 0) | .topic'
    """
    from tidewright.cli import streams_view

    if watch and as_json:
        raise click.UsageError("--watch is for people and --json for programs; leave one of them out.")
    if watch:
        _asked(url, _watch)
        return
    standings = _asked(url, _standings)
    if as_json:
        click.echo(json.dumps(streams_view.document(standings), indent=2))
    else:
        streams_view.print_standings(standings)


@streams.command()
@click.argument("topic")
@_url
@click.option(
    "--limit", default=_PAGE, show_default=True, type=click.IntRange(1, 10_000), help="How many, the oldest first."
)
@_json
def dead(topic: str, url: str, limit: int, as_json: bool) -> None:
    """Show the dead letters of TOPIC: what a consumer could do nothing with, and why.

    \b
    Examples:
      tidewright streams dead raw.trades
      tidewright streams dead raw.bars --json | jq -r '.[].reason' | sort | uniq -c
    """
    from tidewright.cli import streams_view

    letters = _asked(url, lambda there: there.dead(topic, limit))
    if as_json:
        click.echo(json.dumps([streams_view.letter_document(topic, letter) for letter in letters], indent=2))
    else:
        streams_view.print_letters(topic, letters)


@streams.command()
@click.argument("topic")
@_url
@click.option(
    "--id",
    "ids",
    multiple=True,
    metavar="ID",
    help="A letter, as `dead` lists them; may be given several times.  [default: all]",
)
def replay(topic: str, url: str, ids: tuple[str, ...]) -> None:
    """Put dead letters of TOPIC back, each for the group that buried it, once what was wrong is mended.

    They come after everything that is in the stream already. Other groups are not given them again.

    \b
    Examples:
      tidewright streams replay raw.trades
      tidewright streams replay raw.trades --id 1732343423000-0 --id 1732343424000-0
    """

    async def put_back(there: "AdministeredStreams") -> int:
        chosen = list(ids) or [letter.id async for letter in _letters(there, topic)]
        pages = [chosen[first : first + _PAGE] for first in range(0, len(chosen), _PAGE)]
        return sum([await there.replay(topic, page) for page in pages])

    count = _asked(url, put_back)
    if ids and count < len(set(ids)):
        click.echo(
            f"{len(set(ids)) - count} of the ids are no dead letters of {topic}; see `tidewright streams dead {topic}`",
            err=True,
        )
    click.echo(f"{count} dead letter{'' if count == 1 else 's'} of {topic} put back")


@streams.command()
@click.argument("topic")
@_url
@click.option(
    "--id", "ids", multiple=True, metavar="ID", help="A letter, as `dead` lists them; may be given several times."
)
@click.option("--all", "every", is_flag=True, help="All of them.")
def discard(topic: str, url: str, ids: tuple[str, ...], every: bool) -> None:
    """Forget dead letters of TOPIC for good: those that `replay` would only bury again.

    Where a topic has 10,000 of them its consumers wait until some are put back or discarded.

    \b
    Examples:
      tidewright streams dead raw.trades --json > letters.json
      tidewright streams discard raw.trades --all
    """
    if bool(ids) == every:
        raise click.UsageError("Name letters with --id, or take --all of them.")

    async def forget(there: "AdministeredStreams") -> int:
        chosen = list(ids) or [letter.id async for letter in _letters(there, topic)]
        pages = [chosen[first : first + _PAGE] for first in range(0, len(chosen), _PAGE)]
        return sum([await there.discard(topic, page) for page in pages])

    count = _asked(url, forget)
    click.echo(f"{count} dead letter{'' if count == 1 else 's'} of {topic} discarded")


def _asked(url: str, ask: "Callable[[AdministeredStreams], Awaitable[_Result]]") -> _Result:
    """What the streams say; what stands in the way is told as an error."""
    from tidewright.adapters.file_url import UrlRefused
    from tidewright.adapters.stream_rules import StreamUnknown
    from tidewright.ports import StreamFull

    async def asked() -> _Result:
        async with _opened(url) as there:
            return await ask(there)

    try:
        return asyncio.run(asked())
    except (UrlRefused, StreamUnknown) as error:
        raise Refused(str(error)) from error
    except StreamFull as error:
        raise OSError(str(error)) from error


@asynccontextmanager
async def _opened(url: str) -> "AsyncIterator[AdministeredStreams]":
    from tidewright.adapters.streams_url import streams_at

    there = streams_at(url)
    try:
        yield there
    finally:
        await there.close()


async def _letters(there: "AdministeredStreams", topic: str) -> "AsyncIterator[DeadLetter]":
    """All of them."""
    after = ""
    while page := await there.dead(topic, _PAGE, after):
        for letter in page:
            yield letter
        after = page[-1].id


async def _standings(there: "AdministeredStreams") -> "dict[str, Standing]":
    from tidewright.wire.topology import TOPICS

    return {name: await there.standing(name) for name in TOPICS}


async def _watch(there: "AdministeredStreams") -> None:
    from tidewright.cli.streams_view import watched

    with watched() as show:
        while True:
            show(await _standings(there))
            await asyncio.sleep(1.0)
