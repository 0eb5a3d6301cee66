"""The loop over one raw topic: read, judge, archive, pass on, hold what is refused, acknowledge; in this order, so that being cut off anywhere loses and doubles nothing."""

import random
from collections import Counter
from collections.abc import Sequence
from time import perf_counter

from data_validation.crosscheck import Crosscheck
from data_validation.figures import Figures
from data_validation.judge import Judge, Outcome
from tidewright.domain.backoff import Backoff
from tidewright.ports import (
    Archive,
    ArchiveUnavailable,
    Clock,
    Delivery,
    StreamFull,
    Streams,
    StreamUnavailable,
    Subscription,
)
from tidewright.serving.logs import logger

GROUP = "data-validation"
ATTEMPTS = 5
"""How often a message that something unforeseen comes of is tried before others are, which tell whether it is its own fault."""

AWAY = (ArchiveUnavailable, StreamUnavailable, StreamFull)
"""What passes by waiting."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 15.0
_COUNTED = 1_000
_COUNT_EVERY = 30_000


class Unforeseen(RuntimeError):
    """Something that nobody expects came of a message: it is tried again, and may be buried."""


class Intake:
    """Consumes one topic. `trouble` says what it waits for, and is empty while it works."""

    def __init__(
        self, judge: Judge, streams: Streams, archive: Archive, crosscheck: Crosscheck, figures: Figures, clock: Clock,
        consumer: str, batch: int = 500, wait: float = 1.0,
    ) -> None:  # fmt: skip
        self.trouble = f"{judge.kind.topic.name}: not read yet"
        self._judge = judge
        self.topic = judge.kind.topic.name
        self._streams = streams
        self._archive = archive
        self._crosscheck = crosscheck
        self._figures = figures
        self._clock = clock
        self._consumer = consumer
        self._batch = batch
        self._wait = wait
        self._counted = 0
        self._failures: Counter[str] = Counter()

    async def run(self) -> None:
        """Consume for ever; what is away is waited for, longer each time, and then all that was not acknowledged is read again."""
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE, random.random)
        while True:
            try:
                subscription = await self._streams.subscribe(self.topic, GROUP, self._consumer)
                while True:
                    await self.step(subscription)
                    backoff.succeeded()
                    self._told("")
            except (*AWAY, Unforeseen) as error:
                self._told(f"{self.topic}: {error}")
                self._figures.waits(self.topic)
                await self._clock.sleep(round(1_000 * backoff.failed()))

    async def step(self, subscription: Subscription) -> int:
        """One batch; how many messages were read. Raises what is in `AWAY`, and Unforeseen."""
        deliveries = await subscription.read(self._batch, self._wait)
        if deliveries:
            await self._handled(subscription, deliveries)
            self._failures.clear()
        await self._count()
        return len(deliveries)

    async def _handled(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        try:
            await self._consumed(subscription, deliveries)
        except AWAY:
            raise
        except Exception:
            await self._one_by_one(subscription, deliveries)

    async def _one_by_one(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        """Handle messages in their order, so that one that may yet succeed is not passed by.

        One that has failed often enough steps aside for those behind it. Where rows of one of these are archived it was the message's own fault, and it is
        buried; otherwise whatever is wrong may be mended some day, and all of them wait for that. Raises Unforeseen, and what is in `AWAY`.
        """
        failed: list[tuple[Delivery, Exception]] = []
        for delivery in deliveries:
            try:
                archived = await self._consumed(subscription, [delivery])
            except AWAY:
                raise
            except Exception as error:
                if not self._failures:
                    logger().exception("a message cannot be handled", topic=self.topic, id=delivery.id)
                self._failures[delivery.id] += 1
                failed.append((delivery, error))
                if self._failures[delivery.id] < ATTEMPTS:
                    break
            else:
                while failed and archived:
                    await self._bury(subscription, *failed.pop(0))
        if failed:
            last, cause = failed[-1]
            raise Unforeseen(f"the message {last.id} cannot be handled: {_told(cause)}") from cause

    async def _bury(self, subscription: Subscription, delivery: Delivery, error: Exception) -> None:
        await subscription.bury(delivery._replace(attempts=self._failures.pop(delivery.id)), _told(error))
        self._figures.messages(self.topic, "buried", 1)
        logger().error("buried", topic=self.topic, id=delivery.id, reason=_told(error))

    async def _consumed(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> int:
        """How many rows were archived."""
        started = perf_counter()
        outcome = await self._judge.process(deliveries)
        if outcome.rejects:
            await self._archive.hold(outcome.rejects)
        for delivery, reason in outcome.malformed:
            await subscription.bury(delivery, reason)
        await subscription.acknowledge([delivery.id for delivery in deliveries])
        self._account(outcome, len(deliveries), perf_counter() - started)
        await self._look(outcome)
        return outcome.accepted

    async def _look(self, outcome: Outcome) -> None:
        """A comparison that fails holds up nothing: what is compared is archived and acknowledged."""
        try:
            for lane, series in outcome.valid:
                await self._crosscheck.look(lane, series)
        except AWAY:
            raise
        except Exception:
            logger().exception("rows cannot be held against what they are made of", topic=self.topic)

    def _account(self, outcome: Outcome, count: int, seconds: float) -> None:
        rejected, malformed = len(outcome.rejects), len(outcome.malformed)
        self._figures.batch(self.topic, outcome.rows, outcome.accepted, outcome.broken, seconds)
        for name, number in (("rejected", rejected), ("malformed", malformed), ("valid", count - rejected - malformed)):
            self._figures.messages(self.topic, name, number)
        if outcome.newest_received:
            self._figures.lag(self.topic, self._clock.now() - outcome.newest_received)
        for held in outcome.rejects:
            logger().warning("held", topic=self.topic, id=held.id, reasons=list(held.reasons))
        for delivery, reason in outcome.malformed:
            logger().warning("buried", topic=self.topic, id=delivery.id, reason=reason)

    async def _count(self) -> None:
        if self._clock.now() - self._counted < _COUNT_EVERY:
            return
        self._counted = self._clock.now()
        self._figures.unread(self.topic, (await self._streams.backlog(self.topic, GROUP)).unread)
        self._figures.held(len(await self._archive.held(_COUNTED)))

    def _told(self, trouble: str) -> None:
        if bool(trouble) != bool(self.trouble):
            logger().warning("waiting", reason=trouble) if trouble else logger().info("consuming", topic=self.topic)
        self.trouble = trouble


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
