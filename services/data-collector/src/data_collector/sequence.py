"""Positions in order, each once, out of whatever arrives: the ids of a symbol's trades, or the open times of a market's bars. Pure.

What is next is let through; what comes too early waits until the exchange has been asked for what is before it; what comes again is dropped. What waits may be
dropped at any time, because its position is remembered, and the exchange can be asked for it again: so a bound costs time and never a message.

The exchange's own answers are believed in two ways. A position that it passes over in *two answers running* does not exist. A position of which it knows nothing in
*three complete answers running*, although somebody told of it, is forgotten: it was never there, or it is found missing again. Answers running are of different moments: whoever asks
waits while there is a `doubt`, for what answers may itself be behind for a moment.
"""

from collections.abc import Sequence as Items
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

_Item = TypeVar("_Item")

_ANSWERS_WITHOUT = 3


class Placed(NamedTuple, Generic[_Item]):
    """An item and its position."""

    at: int
    item: _Item


class Missing(NamedTuple):
    """The positions from `first` to `last`, both missing."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Answer(Generic[_Item]):
    """What the exchange has from position `asked` on, in ascending order.

    Of what is before `told` it has told everything that exists. `complete`: it has nothing after that yet.
    """

    asked: int
    found: Items[Placed[_Item]]
    told: int
    complete: bool


class Sequence(Generic[_Item]):
    """`next` is the position that is let through next; those after it are `step` apart. At most `room` items wait."""

    def __init__(self, start: int, step: int = 1, room: int = 10_000) -> None:
        self.next = start
        self.repeated = 0
        self.dropped = 0
        self.absent = 0
        self._step = step
        self._room = room
        self._waiting: dict[int, _Item] = {}
        self._known = start - step
        self._doubted: Missing | None = None
        self._unconfirmed = self._known
        self._without = 0

    @property
    def behind(self) -> bool:
        """Whether anything is missing."""
        return self.next <= self._known

    @property
    def doubt(self) -> bool:
        """Whether the last answer passed over what is missing: one more that does, and it does not exist."""
        return self._doubted is not None

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def missing(self) -> Missing | None:
        """What the exchange has to be asked for first, if anything."""
        if not self.behind:
            return None
        return Missing(self.next, min(self._waiting, default=self._known + self._step) - self._step)

    def offer(self, at: int, item: _Item) -> list[Placed[_Item]]:
        """What can be let through now that this has come, in order."""
        if at < self.next or at in self._waiting:
            self.repeated += 1
            return []
        if at == self.next:
            self.next += self._step
            return [Placed(at, item), *self._freed()]
        self.reach(at)
        self._waiting[at] = item
        if len(self._waiting) > self._room:
            self._drop_waiting()
        return []

    def reach(self, last: int) -> None:
        """Something exists up to `last`, as far as is known."""
        self._known = max(self._known, last)

    def answer(self, answer: Answer[_Item]) -> list[Placed[_Item]]:
        """What can be let through now that the exchange was asked for what is from `next` on."""
        free = [placed for at, item in answer.found for placed in self.offer(at, item)] + self._passed_over(answer)
        self._weigh(answer)
        return free

    def rewind(self, to: int) -> None:
        """What was let through from `to` on did not arrive, and is missing again."""
        if to < self.next:
            self.reach(self.next - self._step)
            self.next, self._doubted = to, None

    def _freed(self) -> list[Placed[_Item]]:
        free = []
        while self._waiting and self.next in self._waiting:
            free.append(Placed(self.next, self._waiting.pop(self.next)))
            self.next += self._step
        return free

    def _passed_over(self, answer: Answer[_Item]) -> list[Placed[_Item]]:
        """Goes on after positions that do not exist, once two answers agree."""
        missing = self.missing
        if missing is None or not answer.asked <= missing.first < answer.told:
            self._doubted = None
            return []
        there = next((at for at, _ in answer.found if at >= missing.first), answer.told)
        gone = Missing(missing.first, min(missing.last, there - self._step))
        if gone != self._doubted:
            self._doubted = gone
            return []
        self._doubted = None
        self.absent += (gone.last - gone.first) // self._step + 1
        self.next = gone.last + self._step
        return self._freed()

    def _weigh(self, answer: Answer[_Item]) -> None:
        """Forgets what was told of and is not known to the exchange."""
        if not self.behind or not answer.complete or answer.told > self._unconfirmed:
            self._unconfirmed, self._without = self._known, 0
        self._without += answer.complete
        if self.behind and self._without == _ANSWERS_WITHOUT:
            self._drop_waiting()
            self._known = self._unconfirmed = self.next - self._step
            self._without = 0

    def _drop_waiting(self) -> None:
        self.dropped += len(self._waiting)
        self._waiting.clear()
