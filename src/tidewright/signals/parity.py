"""The proof that a strategy's live signals are, bit for bit, those of its backtest.

What was said live, in a replay or on the stream, is held against one evaluation over all bars, as a backtest does it.
"""

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tidewright.adapters.anchor_files import AnchorFiles
from tidewright.adapters.atomic import atomic_write
from tidewright.domain.bars import COLUMNS, Bars, Market
from tidewright.domain.instant import utc
from tidewright.domain.live import Anchor, LiveSignal, Provenance
from tidewright.domain.live_history import LiveHistory, continued
from tidewright.domain.quality import gaps
from tidewright.domain.strategies.evaluation import evaluate
from tidewright.ports import BarStore
from tidewright.report.page import render_parity
from tidewright.runs.strategies import ResolvedStrategy
from tidewright.signals.replay import Replay

_TOLD = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that was said otherwise live than in the batch."""

    time: int
    name: str
    live: str
    batch: str


@dataclass(frozen=True, slots=True)
class ParityReport:
    """How what was said live over a period agrees with the batch: `compared` bars, each with its prices, events and columns.

    `restarts` is None where nobody counted them, as of what was published.
    """

    strategy: str
    market: Market
    start: int
    end: int
    compared: int
    values: int
    restarts: int | None
    gaps: int
    simulated: bool
    differences: tuple[Difference, ...]
    provenance: Provenance

    @property
    def passed(self) -> bool:
        return self.compared > 0 and not self.differences

    def record(self) -> dict[str, Any]:
        """The report as JSON values, with the first differences."""
        anchor = self.provenance.anchor
        return {
            "strategy": self.strategy,
            "strategyDigest": anchor.strategy,
            "market": self.market._asdict(),
            "start": utc(self.start),
            "end": utc(self.end),
            "barsCompared": self.compared,
            "valuesCompared": self.values,
            "differences": len(self.differences),
            "passed": self.passed,
            "restarts": self.restarts,
            "gaps": self.gaps,
            "simulated": self.simulated,
            "anchor": {
                "firstBar": utc(anchor.first),
                "warmupBars": anchor.warmup,
                "warmupDigest": anchor.digest,
            },
            "bars": self.provenance.bars,
            "dataDigest": self.provenance.data,
            "arithmeticRevision": self.provenance.revision,
            "firstDifferences": [asdict(one) | {"time": utc(one.time)} for one in self.differences[:_TOLD]],
        }


def prove_parity(
    name: str,
    strategy: ResolvedStrategy,
    market: Market,
    store: BarStore,
    anchors: Path,
    period: tuple[int, int],
    restarts: int,
) -> ParityReport:
    """Live through the bars that open in `period`, and hold it against the batch. Raises Failure where nothing can be said."""
    start, end = period
    with ThreadPoolExecutor(1) as executor:
        replay = Replay(strategy, store, AnchorFiles(anchors), executor)
        lived = asyncio.run(replay.live(market, start, end, restarts))
    anchor, last = lived.history.anchor, lived.history.newest
    batch = _batch(strategy, anchor, store.read(market, anchor.first, last + 1))
    simulated = store.describe(market).simulated
    return compared(name, lived.signals, batch, period, restarts=lived.restarts, simulated=simulated)


def judge_published(
    name: str, strategy: ResolvedStrategy, anchor: Anchor, bars: Bars, said: Sequence[LiveSignal]
) -> ParityReport:
    """Hold what was published against the batch over `bars`, from the first bar that something was published of to the last.

    Raises ValueError where nothing was published.
    """
    if not said:
        raise ValueError(f"{name} has published nothing of {anchor.market} that is kept; let it run, then ask again")
    start, end = said[0].time, said[-1].time + bars.step
    batch = _batch(strategy, anchor, bars.between(anchor.first, end))
    return compared(name, said, batch, (start, end))


def compared(
    name: str,
    said: Sequence[LiveSignal],
    batch: LiveHistory,
    period: tuple[int, int],
    *,
    restarts: int | None = None,
    simulated: bool = False,
) -> ParityReport:
    """What was said of the bars that open in `period`, bar by bar beside what the batch says of them."""
    live = {one.time: _values(one) for one in said}
    expected = {(one := batch.signal(row)).time: _values(one) for row in batch.rows(*period)}
    differences = [
        Difference(time, key, live[time].get(key, "nothing"), value)
        for time, values in expected.items()
        if time in live
        for key, value in values.items()
        if live[time].get(key) != value
    ]
    differences += [Difference(time, "bar", "nothing", "a bar") for time in sorted(expected.keys() - live.keys())]
    differences += [Difference(time, "bar", "a bar", "nothing") for time in sorted(live.keys() - expected.keys())]
    both = expected.keys() & live.keys()
    return ParityReport(
        strategy=name,
        market=batch.anchor.market,
        start=period[0],
        end=period[1],
        compared=len(both),
        values=sum(len(expected[time]) for time in both),
        restarts=restarts,
        gaps=len(gaps(batch.bars.between(*period))),
        simulated=simulated,
        differences=tuple(differences),
        provenance=batch.provenance,
    )


def write(report: ParityReport, folder: Path) -> None:
    """The report as ``parity.json`` and ``parity.html``."""
    record = report.record()
    texts = {"parity.json": json.dumps(record, indent=2) + "\n", "parity.html": render_parity(record)}
    for name, text in texts.items():
        atomic_write(folder / name, lambda path, text=text: path.write_text(text, encoding="utf-8"))  # type: ignore[misc]


def _batch(strategy: ResolvedStrategy, anchor: Anchor, bars: Bars) -> LiveHistory:
    """The same bars, from the anchor on, asked once."""
    return continued(None, anchor, bars, evaluate(strategy.unasked(), bars, strategy.parameters))


def _values(signal: LiveSignal) -> dict[str, str]:
    """Everything that a signal says, so written that equal texts are equal bits; NaN equals NaN."""
    prices = dict(zip(COLUMNS, signal.bar, strict=True))
    numbers = {name: float(value).hex() for name, value in (prices | dict(signal.columns)).items()}
    return {"time": utc(signal.time), **numbers, **{name: str(yes) for name, yes in (signal.events or {}).items()}}
