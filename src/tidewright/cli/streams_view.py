"""How ``tidewright streams`` shows streams: tables for people, documents for programs."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tidewright.domain.instant import utc
from tidewright.ports import DeadLetter, Standing
from tidewright.wire.topology import TOPICS

Document = dict[str, Any]

_ALARMING = 0.5
"""The share of a topic's bound from which on a backlog is told in red."""


def document(standings: Mapping[str, Standing]) -> list[Document]:
    """Every topic in plain JSON."""
    return [
        {
            "topic": name,
            "length": standing.length,
            "bound": TOPICS[name].bound,
            "dead": standing.dead,
            "groups": {
                group: {"unread": backlog.unread, "pending": backlog.pending}
                for group, backlog in standing.groups.items()
            },
        }
        for name, standing in standings.items()
    ]


def print_standings(standings: Mapping[str, Standing]) -> None:
    Console().print(_table(standings))


@contextmanager
def watched() -> Iterator[Callable[[Mapping[str, Standing]], None]]:
    """Shows what it is told, in the same place on a terminal."""
    with Live(console=Console(), auto_refresh=False) as live:
        yield lambda standings: live.update(_table(standings), refresh=True)


def letter_document(topic: str, letter: DeadLetter) -> Document:
    """A dead letter in plain JSON; `message` is absent where its bytes are no message of the topic."""
    message = _message(topic, letter.data)
    return {
        "id": letter.id,
        "group": letter.group,
        "buried": utc(letter.buried_ms),
        "attempts": letter.attempts,
        "reason": letter.reason,
        "messageId": letter.message_id,
        "data": base64.b64encode(letter.data).decode(),
    } | ({} if message is None else {"message": message})


def print_letters(topic: str, letters: Sequence[DeadLetter]) -> None:
    if not letters:
        Console().print(f"{topic} has no dead letters")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("Id", "Buried", "By"):
        table.add_column(heading, no_wrap=True)
    table.add_column("Tries", justify="right")
    for heading in ("Reason", "Message"):
        table.add_column(heading, overflow="fold")
    for letter in letters:
        message = _message(topic, letter.data)
        told = f"{len(letter.data):,} bytes" if message is None else json.dumps(message)
        cells = (letter.id, utc(letter.buried_ms), letter.group, str(letter.attempts), letter.reason, told)
        table.add_row(*map(Text, cells))
    Console().print(table)


def _table(standings: Mapping[str, Standing]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("Topic", no_wrap=True)
    table.add_column("Kept", justify="right", no_wrap=True)
    table.add_column("Group", no_wrap=True)
    for heading in ("Unread", "Pending", "Dead"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, standing in standings.items():
        dead = Text(f"{standing.dead:,}", "red" if standing.dead else "")
        if not standing.groups:
            table.add_row(name, f"{standing.length:,}", "", "", "", dead)
        for i, (group, backlog) in enumerate(standing.groups.items()):
            behind = backlog.unread + backlog.pending > _ALARMING * TOPICS[name].bound
            unread = Text(f"{backlog.unread:,}", "red" if behind else "")
            first = (name, f"{standing.length:,}") if i == 0 else ("", "")
            table.add_row(*first, group, unread, f"{backlog.pending:,}", dead if i == 0 else "")
    return table


def _message(topic: str, data: bytes) -> Document | None:
    event = TOPICS[topic].event()
    try:
        event.ParseFromString(data)
    except DecodeError:
        return None
    found: Document = MessageToDict(event)
    return found
