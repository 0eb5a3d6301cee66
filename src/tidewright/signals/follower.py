"""One market's live history: anchored, evaluated, and again at every new bar.

What is said is a function of the anchor, the strategy and the bars that are stored, and of nothing else: no state is carried from bar to bar, so a restart
changes nothing. It costs an evaluation of the whole history at every bar; from a moving start a recursive indicator would not be the same bits.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from time import perf_counter

from tidewright.domain.bars import Bars, Market
from tidewright.domain.instant import utc
from tidewright.domain.live import Anchor
from tidewright.domain.live_history import (
    AnchorRefused,
    LiveHistory,
    anchored,
    check_anchor,
    continued,
    first_correction,
)
from tidewright.domain.strategies.evaluation import evaluate
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.ports import AnchorDamaged, Anchors, BarFeed, Clock, MarketNotFound, StoreDamaged
from tidewright.runs.strategies import ResolvedStrategy
from tidewright.serving.failures import Failure, Kind
from tidewright.serving.logs import logger
from tidewright.signals.figures import Figures


class Follower:
    """Follows one market. `history` is what is known, `trouble` why nothing can be said; one of the two is None."""

    def __init__(
        self,
        strategy: ResolvedStrategy,
        market: Market,
        feed: BarFeed,
        anchors: Anchors,
        clock: Clock,
        executor: Executor,
        figures: Figures,
        start: int | None = None,
    ) -> None:
        self.market = market
        self.trouble: Failure | None = Failure(Kind.UNAVAILABLE, f"{market}: its bars are being read; try again")
        self._strategy = strategy
        self._feed = feed
        self._anchors = anchors
        self._clock = clock
        self._executor = executor
        self._figures = figures
        self._start = start
        self._known: LiveHistory | None = None

    @property
    def history(self) -> LiveHistory | None:
        return None if self.trouble else self._known

    async def follow(self, changed: Callable[[], None]) -> None:
        """Keep the history up to date for ever; `changed` is told of every new one."""
        while True:
            if await self.refresh():
                changed()
            await self._feed.wait(self.market, self._known.newest if self._known else None)

    async def refresh(self) -> bool:
        """Look for bars, and evaluate them where there are other ones than before; whether there were."""
        before = self._known
        try:
            anchor = self._anchors.read(self.market)
            bars = await self._feed.read(self.market, anchor.first if anchor else self._start)
            if before and before.anchor == anchor and _same(before.bars, bars):
                self._able()
                return False
            if anchor is None:
                anchor = self._new_anchor(bars)
                bars = await self._feed.read(self.market, anchor.first)  # another replica may have been first
            self._known = await self._evaluated(anchor, bars, before)
        except (MarketNotFound, AnchorDamaged, StrategyError) as error:
            self._unable(Failure(Kind.PRECONDITION, str(error)))
        except AnchorRefused as error:
            self._known = None
            self._unable(Failure(Kind.PRECONDITION, f"{error}; {self._remedy()}"))
        except (StoreDamaged, OSError) as error:
            self._unable(Failure(Kind.UNAVAILABLE, str(error)))
        except Failure as failure:
            self._unable(failure)
        else:
            self._able()
            return True
        return False

    async def _evaluated(self, anchor: Anchor, bars: Bars, before: LiveHistory | None) -> LiveHistory:
        warmup = self._strategy.warmup
        check_anchor(anchor, bars, warmup, self._strategy.digest)
        if len(bars) <= warmup:
            raise Failure(Kind.UNAVAILABLE, self._too_short(bars))
        if before and (corrected := first_correction(before.bars, bars)) is not None:
            logger().warning("bars were corrected", market=str(self.market), first=utc(corrected))
            self._figures.corrected(self.market.symbol)
        started = perf_counter()
        loop = asyncio.get_running_loop()
        history = await loop.run_in_executor(self._executor, self._continued, before, anchor, bars)
        self._figures.said(history, self._clock.now(), perf_counter() - started)
        if before and history.parity.differences > before.parity.differences:
            logger().error("what was said before is not what is said now", market=str(self.market))
        return history

    def _continued(self, before: LiveHistory | None, anchor: Anchor, bars: Bars) -> LiveHistory:
        evaluation = evaluate(self._strategy.unasked(), bars, self._strategy.parameters)
        return continued(before, anchor, bars, evaluation)

    def _new_anchor(self, bars: Bars) -> Anchor:
        if len(bars) <= self._strategy.warmup:
            raise Failure(Kind.UNAVAILABLE, self._too_short(bars))
        anchor = self._anchors.create(anchored(bars, self._strategy.warmup, self._strategy.digest))
        where = self._anchors.place(self.market)
        logger().info("anchor stored", market=str(self.market), first=utc(anchor.first), bars=len(bars), at=where)
        return anchor

    def _too_short(self, bars: Bars) -> str:
        return f"{self.market}: {len(bars)} of the {self._strategy.warmup + 1} bars that it takes have closed; wait, or import more"

    def _remedy(self) -> str:
        where = self._anchors.place(self.market)
        return (
            f"restore what was there, or remove {where} to start a new history, whose recursive indicators start anew"
        )

    def _able(self) -> None:
        if self.trouble:
            logger().info("serving", market=str(self.market))
        self.trouble = None
        self._figures.available(self.market.symbol, yes=True)

    def _unable(self, trouble: Failure) -> None:
        if self.trouble is None or self.trouble.detail != trouble.detail:
            logger().error("not serving", market=str(self.market), reason=trouble.detail)
        self.trouble = trouble
        self._figures.available(self.market.symbol, yes=False)


def _same(before: Bars, bars: Bars) -> bool:
    return len(before) == len(bars) and first_correction(before, bars) is None
