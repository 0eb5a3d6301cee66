"""``python -m tidewright.signals.parity``: proves that a strategy's live signals are, bit for bit, those of its backtest.

Stored bars are lived through one by one, with restarts; then the strategy is evaluated once over all of them, as a backtest does, and everything that was said live is
compared.
"""

import argparse
import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tidewright.adapters.anchor_files import AnchorFiles
from tidewright.adapters.atomic import atomic_write
from tidewright.adapters.file_url import UrlRefused
from tidewright.domain.bars import COLUMNS, Market
from tidewright.domain.instant import utc
from tidewright.domain.live import LiveSignal, Provenance
from tidewright.domain.live_history import LiveHistory, continued
from tidewright.domain.quality import gaps
from tidewright.domain.strategies.evaluation import evaluate
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.ports import BarStore
from tidewright.report.page import render_parity
from tidewright.runs.refusal import InputRefused
from tidewright.runs.strategies import ResolvedStrategy
from tidewright.serving import logs
from tidewright.serving.failures import Failure
from tidewright.signals.replay import Lived, Replay
from tidewright.signals.wiring import chosen_strategy, store_of
from tidewright.specs.quantities import epoch_milliseconds

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
    """How what was said live over a period agrees with the batch: `compared` bars, each with its prices, events and columns."""

    strategy: str
    market: Market
    start: int
    end: int
    compared: int
    values: int
    restarts: int
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
    batch = _batch(strategy, lived, store)
    rows = batch.rows(start, end)
    compared = [(_values(live), _values(batch.signal(row))) for live, row in zip(lived.signals, rows, strict=False)]
    differences = [
        Difference(live.time, key, said[key], expected[key])
        for live, (said, expected) in zip(lived.signals, compared, strict=True)
        for key in expected
        if said.get(key) != expected[key]
    ]
    if len(lived.signals) != len(rows):
        differences.append(Difference(start, "bars", str(len(lived.signals)), str(len(rows))))
    return ParityReport(
        strategy=name,
        market=market,
        start=start,
        end=end,
        compared=len(compared),
        values=sum(len(expected) for _, expected in compared),
        restarts=lived.restarts,
        gaps=len(gaps(batch.bars.between(start, end))),
        simulated=store.describe(market).simulated,
        differences=tuple(differences),
        provenance=batch.provenance,
    )


def write(report: ParityReport, folder: Path) -> None:
    """The report as ``parity.json`` and ``parity.html``."""
    record = report.record()
    texts = {"parity.json": json.dumps(record, indent=2) + "\n", "parity.html": render_parity(record)}
    for name, text in texts.items():
        atomic_write(folder / name, lambda path, text=text: path.write_text(text, encoding="utf-8"))  # type: ignore[misc]


def _batch(strategy: ResolvedStrategy, lived: Lived, store: BarStore) -> LiveHistory:
    """The same bars, from the anchor on, asked once."""
    anchor, last = lived.history.anchor, lived.history.newest
    bars = store.read(anchor.market, anchor.first, last + 1)
    return continued(None, anchor, bars, evaluate(strategy.unasked(), bars, strategy.parameters))


def _values(signal: LiveSignal) -> dict[str, str]:
    """Everything that a signal says, so written that equal texts are equal bits; NaN equals NaN."""
    prices = dict(zip(COLUMNS, signal.bar, strict=True))
    numbers = {name: float(value).hex() for name, value in (prices | dict(signal.columns)).items()}
    return {"time": utc(signal.time), **numbers, **{name: str(yes) for name, yes in (signal.events or {}).items()}}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tidewright.signals.parity", description=__doc__)
    parser.add_argument("strategy", type=Path, help="file with a TradingStrategy")
    parser.add_argument(
        "--exchange", default="", help="exchange whose bars are replayed [default: that of its execution]"
    )
    parser.add_argument("--store", default="", metavar="URL", help="folder of the bars [default: the local store]")
    parser.add_argument(
        "--start", required=True, type=epoch_milliseconds, metavar="TIME", help="open time of the first bar"
    )
    parser.add_argument(
        "--end", required=True, type=epoch_milliseconds, metavar="TIME", help="open time after the last bar"
    )
    parser.add_argument("--restarts", type=int, default=5, help="restarts spread over the period [default: 5]")
    parser.add_argument("--out", type=Path, default=Path("tidewright-results/parity"), help="folder for the report")
    options = parser.parse_args()
    logs.configure("parity", "ERROR", sys.stderr)
    try:
        return _prove_all(options)
    except (InputRefused, StrategyError, UrlRefused, Failure, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2


def _prove_all(options: argparse.Namespace) -> int:
    chosen, store = chosen_strategy(options.strategy, exchange=options.exchange), store_of(options.store)
    passed = True
    for market in chosen.markets:
        folder = options.out / chosen.name / market.symbol.replace("/", "-")
        with TemporaryDirectory() as anchors:
            period = (options.start, options.end)
            report = prove_parity(chosen.name, chosen.strategy, market, store, Path(anchors), period, options.restarts)
        write(report, folder)
        passed &= report.passed
        verdict = "no difference" if report.passed else f"{len(report.differences)} DIFFERENCES"
        print(f"{market}: {report.compared:,} bars, {report.restarts} restarts, {verdict}: {folder / 'parity.html'}")  # noqa: T201
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
