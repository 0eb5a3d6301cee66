"""The use case: what can be asked of data-validation, beside what its loops do by themselves."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np

from data_validation.beside import Beside, check, page, ready
from data_validation.intake import AWAY, Intake
from data_validation.judge import Judge
from tidewright.domain.bars import Bars
from tidewright.domain.drift import Drift, drift
from tidewright.domain.instant import utc
from tidewright.domain.quality import (
    BAR_ERRORS,
    BAR_RULES,
    EXAMPLES,
    TRADE_ERRORS,
    TRADE_RULES,
    BarWatch,
    Finding,
    QualityRule,
    Severity,
    TradeWatch,
    assess,
    bar_masks,
    broken,
    shorter_differences,
)
from tidewright.domain.quality.crossing import DIFFERS_FROM_SHORTER
from tidewright.domain.tape import Tape
from tidewright.ports import Archive, ArchiveUnavailable, Clock, Delivery, Reject, StoredReport
from tidewright.serving.failures import Failure, Kind
from tidewright.serving.logs import logger

PAGE = 500
"""The most reports or held messages that are handed over at once, and that are judged again at a time."""

_LISTED = 1_000

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Validated:
    """What was found of bars: the report that is kept, the findings, and how many rows break no rule of severity Error."""

    report: StoredReport
    findings: tuple[Finding, ...]
    sound: int


@dataclass(frozen=True, slots=True)
class Drifted:
    """How far two windows are apart, and the report that is kept."""

    report: StoredReport
    drift: Drift


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one row."""

    valid: bool
    broken: tuple[QualityRule, ...]


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many held messages were judged again and let out, and how many are held after it: a backfill's may be let out in part."""

    judged: int
    released: int
    held: int


class ValidationService:
    """Answers at once what is asked of rows; keeps reports of what is asked of many."""

    def __init__(
        self, archive: Archive, intakes: Sequence[Intake], judges: Mapping[str, Judge], clock: Clock, beside: Beside
    ) -> None:
        self._archive = archive
        self.intakes = intakes
        self._judges = judges
        self._clock = clock
        self._beside = beside

    async def validate(self, bars: Bars, shorter: Bars | None = None) -> Validated:
        """Judge bars twice over, and keep a report. Raises Failure."""
        masks = bar_masks(bars)
        findings = (*assess(bars), *_crossed(bars, shorter))
        checked = await self._beside.run(check, bars) if len(bars) else None
        agreed = checked is None or bool(np.array_equal(checked[0], masks))
        passed = all(finding.severity is not Severity.ERROR for finding in findings)
        sound = int(np.count_nonzero(masks & BAR_ERRORS == 0))
        rows = np.flatnonzero(masks)
        content = {
            "rows": len(bars),
            "sound": sound,
            "agreed": agreed,
            "findings": [_finding(finding) for finding in findings],
            "brokenRows": [_row(bars, int(row), int(masks[row])) for row in rows[:_LISTED]],
            "brokenRowsLeftOut": max(len(rows) - _LISTED, 0),
            "expectations": checked[1] if checked else None,
        }
        return Validated(await self._kept("bars", str(bars.market), content, passed=passed), findings, sound)

    def validate_bar(self, bar: Bars, previous: Bars | None) -> Verdict:
        """Judge one bar after another."""
        watch = BarWatch(bar.market.symbol, bar.step)
        if previous is not None:
            watch.judge(previous)
        (mask,) = watch.judge(bar)
        return Verdict(not mask & BAR_ERRORS, broken(int(mask), BAR_RULES))

    def validate_trade(self, symbol: str, trade: Tape, previous: Tape | None) -> Verdict:
        """Judge one trade after another."""
        watch = TradeWatch(symbol)
        if previous is not None:
            watch.judge(previous)
        (mask,) = watch.judge(trade)
        return Verdict(not mask & TRADE_ERRORS, broken(int(mask), TRADE_RULES))

    async def drift(self, reference: Bars, current: Bars) -> Drifted:
        """Hold a window against another, and keep a report. Raises Failure."""
        found = await self._beside.run(drift, reference, current)
        content = {
            "verdict": found.verdict,
            "series": [{name: number(value) for name, value in asdict(one).items()} for one in found.series],
            "reference": _window(reference),
            "current": _window(current),
        }
        report = await self._kept("drift", str(reference.market), content, passed=found.verdict != "Shifted")
        return Drifted(report, found)

    async def report(self, report_id: str) -> StoredReport:
        """Raises Failure."""
        found = await self._asked(self._archive.report(report_id)) if "\0" not in report_id else None
        if found is None:
            raise Failure(
                Kind.NOT_FOUND, f"id: {report_id[:80]!r}: there is no such report; GET /reports lists the newest"
            )
        return found

    async def page(self, report_id: str) -> str:
        """The report for people, the data docs. Raises Failure."""
        report = await self.report(report_id)
        results = report.content.get("expectations")
        if results is None:
            raise Failure(
                Kind.NOT_FOUND, f"id: {report_id[:80]!r}: only a report of bars has a page; ask for format=json"
            )
        return await self._beside.run(page, results)

    async def reports(self, most: int) -> list[StoredReport]:
        """The newest first. Raises Failure."""
        return await self._asked(self._archive.reports(min(most, PAGE)))

    async def held(self, most: int, topic: str, after: str) -> list[Reject]:
        """What is in quarantine. Raises Failure."""
        self._check_topic(topic)
        if "\0" in after:
            raise Failure(Kind.INVALID, "after: there is a NUL in it; give the id of a held message")
        return await self._asked(self._archive.held(min(most, PAGE), topic=topic or None, after=after))

    async def replay(self, ids: Sequence[str], topic: str, *, overwrite: bool) -> Replayed:
        """Judge what is held again: what is sound now is archived, passed on where nothing newer was, and let out. Raises Failure.

        With `overwrite`, bars that differ from the archive's replace these.
        """
        self._check_topic(topic)
        wanted, kept, after = frozenset(ids), set[str](), ""
        judged = released = 0
        while page := await self._asked(self._archive.held(PAGE, topic=topic or None, after=after)):
            after = page[-1].id
            for name, judge in self._judges.items():
                chosen = [
                    one for one in page if one.topic == name and one.id not in kept and (not wanted or one.id in wanted)
                ]
                still = await self._asked(self._judged_again(judge.afresh(), chosen, overwrite=overwrite))
                judged += len(chosen)
                released += await self._asked(self._archive.release([one.id for one in chosen if one.id not in still]))
                kept |= still
        return Replayed(judged, released, len(kept))

    async def _judged_again(self, judge: Judge, held: Sequence[Reject], *, overwrite: bool) -> set[str]:
        """The ids that are held after it, among them those of parts of messages."""
        outcome = await judge.process([Delivery(one.id, one.data, one.attempts) for one in held], overwrite=overwrite)
        if outcome.rejects:
            await self._archive.hold(outcome.rejects)
        return {one.id for one in outcome.rejects} | {delivery.id for delivery, _ in outcome.malformed}

    def problem(self) -> str:
        """Why nothing is consumed; empty while all is."""
        return "; ".join(intake.trouble for intake in self.intakes if intake.trouble)

    async def work(self) -> None:
        """Consume until cancelled; what the first report needs is made ready meanwhile."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._warmed_up())
            for intake in self.intakes:
                tasks.create_task(intake.run())

    async def _warmed_up(self) -> None:
        """Nothing depends on it: whoever asks for a report begins the process anew, and is told what is wrong."""
        try:
            await self._beside.run(ready)
        except Exception as error:
            logger().warning("the first report will take longer", reason=str(error))

    async def _kept(self, kind: str, subject: str, content: dict[str, Any], *, passed: bool) -> StoredReport:
        report = StoredReport(uuid4().hex, kind, subject, self._clock.now(), passed, content)
        await self._asked(self._archive.save_report(report))
        return report

    async def _asked(self, answer: Awaitable[Answer]) -> Answer:
        try:
            return await answer
        except AWAY as error:
            whose = "archive" if isinstance(error, ArchiveUnavailable) else "streams"
            raise Failure(Kind.UNAVAILABLE, f"the {whose} cannot be reached: {error}; try again") from error

    def _check_topic(self, topic: str) -> None:
        if topic and topic not in self._judges:
            raise Failure(
                Kind.INVALID, f"topic: {topic[:80]!r}; give one of {', '.join(self._judges)}, or none for all"
            )


def number(value: Any) -> Any:  # noqa: ANN401 - numbers are looked at, the rest is handed on
    """A number that is undefined is null in JSON."""
    return None if isinstance(value, float) and not isfinite(value) else value


def _crossed(bars: Bars, shorter: Bars | None) -> tuple[Finding, ...]:
    if shorter is None:
        return ()
    try:
        differences = shorter_differences(bars, shorter)
    except ValueError as error:
        raise Failure(Kind.INVALID, f"shorter.timeframe: {error}") from None
    times = list(dict.fromkeys(one.time for one in differences))
    if not times:
        return ()
    rule = DIFFERS_FROM_SHORTER
    rows = tuple(int(row) for row in np.flatnonzero(np.isin(bars.time, times))[:EXAMPLES])
    first = differences[0]
    message = f"{len(times):,} bars where {rule.description}: at {utc(first.time)} the {first.column} is {first.value:g}, and {first.expected:g} by the shorter bars"
    return (
        Finding(
            rule.name, rule.severity, len(times), message, rows, tuple(int(bars.time[row]) for row in rows), rule.remedy
        ),
    )


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "count": finding.count,
        "message": finding.message,
        "remedy": finding.remedy,
        "rows": list(finding.bars),
        "times": list(finding.first),
    }


def _row(bars: Bars, row: int, mask: int) -> dict[str, Any]:
    return {"row": row, "time": int(bars.time[row]), "rules": [rule.name for rule in broken(mask, BAR_RULES)]}


def _window(bars: Bars) -> dict[str, Any]:
    ends = [int(bars.time[0]), int(bars.time[-1])] if len(bars) else [None, None]
    return {"bars": len(bars), "first": ends[0], "last": ends[1]}
