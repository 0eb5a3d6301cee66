"""What a held message says, for people."""

from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError

from tidewright.ports import Reject
from tidewright.wire.topology import TOPICS


def content_of(reject: Reject) -> dict[str, Any] | None:
    """The message as JSON values; None where it is none of its topic's."""
    topic = TOPICS.get(reject.topic)
    if topic is None:
        return None
    event = topic.event()
    try:
        event.ParseFromString(reject.data)
    except DecodeError:
        return None
    told: dict[str, Any] = MessageToDict(event)
    return told
