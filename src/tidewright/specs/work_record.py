"""The record of a piece of work: what a worker leaves in its container's termination message, and the operator copies to the status.

`WorkRecord` is of a backtest, `StudyRecord` of a study; what a study's workers tell before it is done is `StudyStanding`.

A kubelet keeps 4,096 bytes of that message, from its end, so a longer record would be no JSON any more. None is longer: what has a bound of its own is in
the fields, and messages are cut to what is left.
"""

import json
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self, TypeAlias

from pydantic import BeforeValidator

from tidewright.specs.resource import CrossFieldRule, Spec
from tidewright.specs.status import BacktestResult, BestTrial, Provenance, StudyResult, StudyTested, Tested, Trials

LONGEST = 4096
"""Bytes of JSON that a record may have."""

_LONGEST_MESSAGE = 3500
_LONGEST_PROBLEM = 700
_CUT = "…"
_MORE = "and {} more"

WorkReason: TypeAlias = Literal["Complete", "Refused", "DataMissing", "StrategyFailed", "Failed", "Disrupted"]


def _size(text: str) -> int:
    """Bytes of a text within a JSON document."""
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2


def _cut(text: object, most: int = _LONGEST_MESSAGE) -> object:
    """A text that takes at most so many bytes of JSON; what cannot be read, half a character among it, becomes a mark."""
    if not isinstance(text, str):
        return text
    head = "".join(letter if letter.isprintable() or letter in "\n\t" else "�" for letter in text[:most])
    if len(text) <= most and _size(head) <= most:
        return head
    left = most - _size(_CUT)
    for index, letter in enumerate(head):
        left -= _size(letter)
        if left < 0:
            return head[:index] + _CUT
    return head + _CUT


class _Record(Spec):
    """What the records of all kinds of work have."""

    reason: WorkReason
    """How it ended, in one word."""
    message: Annotated[str, BeforeValidator(_cut)] | None = None
    """Why, with the remedy; one problem a line."""

    cross_field_rules: ClassVar[tuple[CrossFieldRule, ...]] = (
        CrossFieldRule(
            lambda self: len(self.encoded()) <= LONGEST,
            f"a record has at most {LONGEST} bytes; shorten the URL of the artifacts",
        ),
    )

    @classmethod
    def of_problems(cls, reason: WorkReason, problems: Sequence[str]) -> Self:
        """A record that tells as many of the problems as there is room for, and how many more there are."""
        told: list[str] = []
        left = _LONGEST_MESSAGE - _size(f"\n{_MORE.format(len(problems))}")
        for problem in (str(_cut(problem, _LONGEST_PROBLEM)) for problem in problems):
            left -= _size(f"{problem}\n")
            if left < 0:
                told.append(_MORE.format(len(problems) - len(told)))
                break
            told.append(problem)
        return cls(reason=reason, message="\n".join(told))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The record in a termination message, None where that is something else: a log, or a record cut short."""
        try:
            return cls.model_validate(json.loads(text))
        except (ValueError, RecursionError):
            return None

    def encoded(self) -> bytes:
        """The record as JSON, in at most `LONGEST` bytes."""
        return _encoded(self)


def _encoded(part: Spec) -> bytes:
    return json.dumps(part.record(), ensure_ascii=False, separators=(",", ":")).encode()


class WorkRecord(_Record):
    """How a backtest ended. Complete work has a result; all other endings have a message."""

    result: BacktestResult | None = None
    """What came of it."""
    provenance: Provenance | None = None
    """What the result was made of."""
    tested: Tested | None = None
    """What the result was tested on."""

    cross_field_rules: ClassVar[tuple[CrossFieldRule, ...]] = (
        CrossFieldRule(
            lambda self: (
                [self.reason == "Complete"] * 3
                == [part is not None for part in (self.result, self.provenance, self.tested)]
                and (self.reason == "Complete") == (self.message is None)
            ),
            "complete work has result, provenance and tested, and all other work a message; give these and no other",
        ),
        *_Record.cross_field_rules,
    )


class StudyRecord(_Record):
    """How a study ended. A complete one has a result; all other endings have a message: that no trial can be selected, say."""

    trials: Trials | None = None
    """How many trials there are of each state."""
    best: BestTrial | None = None
    """The trial that the study selects."""
    result: StudyResult | None = None
    """What the study found."""
    provenance: Provenance | None = None
    """What the result was made of."""
    tested: StudyTested | None = None
    """What the result was tested on."""

    cross_field_rules: ClassVar[tuple[CrossFieldRule, ...]] = (
        CrossFieldRule(
            lambda self: (
                [self.reason == "Complete"] * 5
                == [part is not None for part in (self.trials, self.best, self.result, self.provenance, self.tested)]
                and (self.reason == "Complete") == (self.message is None)
            ),
            "a complete study has trials, best, result, provenance and tested, and any other a message; give these and no other",
        ),
        *_Record.cross_field_rules,
    )

    @classmethod
    def of_study(
        cls, trials: Trials, best: BestTrial, result: StudyResult, provenance: Provenance, tested: StudyTested
    ) -> Self:
        """The record of a complete study; the values of the best trial are left out where there is no room for them: they are in the report."""
        parts = {"trials": trials, "result": result, "provenance": provenance, "tested": tested}
        around = sum(len(f',"{name}":') + len(_encoded(part)) for name, part in parts.items())
        left = LONGEST - around - len('{"reason":"Complete","best":}')
        told = best if len(_encoded(best)) <= left else best.model_copy(update={"parameters": {}})
        return cls(reason="Complete", trials=trials, best=told, result=result, provenance=provenance, tested=tested)


class StudyStanding(Spec):
    """What a study's workers tell while they search."""

    trials: Trials
    """How many trials there are of each state."""
    best: BestTrial | None = None
    """The trial that the study would select now."""
