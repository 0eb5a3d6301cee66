"""Whether an object is what it should be."""

from typing import Any


def contains(live: Any, wanted: Any) -> bool:  # noqa: ANN401 - JSON values
    """Whether everything in `wanted` is in `live`: what the API server and others have added does not count.

    Lists must be of one length, and agree item by item. An empty value in `wanted` may be missing in `live`.
    """
    if isinstance(wanted, dict):
        if not isinstance(live, dict):
            return not wanted and live is None
        return all(contains(live.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list):
        if not isinstance(live, list):
            return not wanted and live is None
        return len(live) == len(wanted) and all(contains(a, b) for a, b in zip(live, wanted, strict=True))
    return bool(live == wanted)
