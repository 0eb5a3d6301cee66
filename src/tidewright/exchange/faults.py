"""What goes wrong on request: which faults there are, how often or when each happens, and the dice."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

STREAM_FAULTS = {
    "drop": "the connection is cut",
    "silence": "nothing is sent for `seconds`; what would have been is lost",
    "late": "a message comes `messages` later",
    "reorder": "a message comes after the next one",
    "repeat": "a message, or one of those before it, is sent again",
    "malformed": "a message is cut off in the middle",
    "missing": "a field of a message is left out",
    "absurd": "a number of a message is NaN, huge, negative, empty or of another type",
}
REQUEST_FAULTS = {
    "http-429": "the request is refused, with Retry-After of `seconds`",
    "http-418": "the address is banned, with Retry-After of `seconds`",
    "http-5xx": "the request fails with 500, 502, 503 or 504",
    "http-timeout": "the request is not answered within `seconds`, and the connection is cut then",
    "http-drop": "the connection is cut instead of an answer",
    "http-malformed": "the answer is cut off in the middle",
    "http-missing": "a field of the answer is left out",
    "http-absurd": "a number of the answer is NaN, huge, negative, empty or of another type",
}
FAULTS = STREAM_FAULTS | REQUEST_FAULTS
_ABSURDITIES: tuple[Any, ...] = float("nan"), 1e308, "-1.00000000", "NaN", "", "abc", None, 10**30, [], True


@dataclass(frozen=True, slots=True)
class Fault:
    """`rate` is the probability for each message of a connection, or each request. `at` are times in milliseconds of virtual time since the tape began: then
    it happens once to every connection, or to one request. `seconds` are real ones.
    """

    rate: float = 0.0
    at: tuple[int, ...] = ()
    seconds: float = 5.0
    messages: int = 20

    @classmethod
    def of(cls, name: str, told: Any) -> "Fault":  # noqa: ANN401 - as JSON has it
        """Of a rate, or of an object with the fields. Raises ValueError."""
        if name not in FAULTS:
            raise ValueError(f"{name!r} is no fault; there are {', '.join(FAULTS)}")
        fields = {"rate": told} if isinstance(told, int | float) else told
        if not isinstance(fields, Mapping) or set(fields) - {"rate", "at", "seconds", "messages"}:
            raise ValueError(f"{name}: {told!r} is neither a rate nor an object with rate, at, seconds and messages")
        rate, at = fields.get("rate", 0.0), fields.get("at", ())
        seconds, messages = fields.get("seconds", cls().seconds), fields.get("messages", cls().messages)
        if not _number(rate, 0.0, 1.0):
            raise ValueError(f"{name}.rate: {rate!r} is no probability; give one from 0 to 1")
        if not isinstance(at, list | tuple) or not all(_number(moment, 0, inf) for moment in at):
            raise ValueError(f"{name}.at: {at!r} is no list of milliseconds since the tape began")
        if not _number(seconds, 0.0, 3_600.0):
            raise ValueError(f"{name}.seconds: {seconds!r} is no time; give seconds from 0 to 3600")
        if not _number(messages, 1, 10_000) or messages != int(messages):
            raise ValueError(f"{name}.messages: {messages!r} is no count; give a whole number from 1 to 10000")
        return cls(float(rate), tuple(sorted(int(moment) for moment in at)), float(seconds), int(messages))


class Faults:
    """The plan, which may change at any time, and what has happened by it (`done`)."""

    def __init__(self, seed: int = 0, plan: Mapping[str, Any] | None = None) -> None:
        self._seed = seed
        self._dice = 0
        self.plan: dict[str, Fault] = {}
        self.done: Counter[str] = Counter()
        self.fired: Counter[str] = Counter()
        self._now = -1
        self.due: float = inf
        self.on_streams = False
        self.change(plan or {})

    def change(self, plan: Mapping[str, Any]) -> None:
        """Put faults in the place of those of the same name; null, or a rate of 0, ends one. Raises ValueError, and then nothing has changed."""
        if not isinstance(plan, Mapping):
            raise ValueError(f"{plan!r:.60} is no object of faults by name")
        told = {name: Fault.of(name, 0 if fault is None else fault) for name, fault in plan.items()}
        merged = self.plan | told
        self.plan = {name: fault for name, fault in merged.items() if fault.rate or fault.at}
        self.on_streams = not self.plan.keys().isdisjoint(STREAM_FAULTS)
        self._schedule()

    def clear(self) -> None:
        self.plan = {}
        self.change({})

    def record(self) -> dict[str, Any]:
        return {"faults": {name: asdict(fault) for name, fault in self.plan.items()}, "done": dict(self.done)}

    def advance(self, now: int) -> None:
        """Milliseconds since the tape began; what was scheduled up to then happens next."""
        for name, fault in self.plan.items():
            self.fired[name] += sum(self._now < moment <= now for moment in fault.at)
        self._now = now
        self._schedule()

    def dice(self) -> "Dice":
        """For a new connection, or for all requests; the numbers follow from the seed and from how many dice there were before."""
        self._dice += 1
        return Dice(self, random.Random(f"{self._seed}:{self._dice}"))  # noqa: S311 - no secret is drawn

    def _schedule(self) -> None:
        self.due = min(
            (moment for fault in self.plan.values() for moment in fault.at if moment > self._now), default=inf
        )


class Dice:
    """Says of each message, or of each request, whether a fault happens to it."""

    def __init__(self, faults: Faults, chance: random.Random) -> None:
        self._faults = faults
        self._seen = Counter(faults.fired)
        self.random = chance

    def happens(self, name: str) -> Fault | None:
        fault = self._faults.plan.get(name)
        if fault is None:
            return None
        scheduled = self._faults.fired[name] > self._seen[name]
        if scheduled:
            self._seen[name] += 1
        if scheduled or (fault.rate and self.random.random() < fault.rate):
            self._faults.done[name] += 1
            return fault
        return None

    def without_a_field(self, content: Any) -> Any:  # noqa: ANN401 - whatever JSON can hold
        """A copy that lacks one field of one of its objects, or one place of one of its lists."""
        return self._changed(content, lambda holder, key: holder.pop(key))

    def with_an_absurdity(self, content: Any) -> Any:  # noqa: ANN401
        """A copy with one value that nobody expects."""

        def spoil(holder: Any, key: Any) -> None:  # noqa: ANN401
            holder[key] = self.random.choice(_ABSURDITIES)

        return self._changed(content, spoil)

    def _changed(self, content: Any, change: Any) -> Any:  # noqa: ANN401
        places = list(_places(content))
        if places:
            change(*self.random.choice(places))
        return content


def _places(content: Any) -> Any:  # noqa: ANN401
    """Where the values are: each holder of one, and its key there."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        if isinstance(value, dict | list) and value:
            yield from _places(value)
        else:
            yield content, key


def _number(value: Any, least: float, most: float) -> bool:  # noqa: ANN401
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
