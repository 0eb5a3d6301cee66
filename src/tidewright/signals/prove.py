"""``python -m tidewright.signals.prove``: proves that a strategy's live signals are, bit for bit, those of its backtest.

Stored bars are lived through one by one, with restarts, and everything that was said live is compared with one evaluation over all of them. With --streams it is what
was really published that is compared, with what a backtest over the archive's bars says.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tidewright.adapters.anchor_files import AnchorFiles
from tidewright.adapters.archives import archive_at
from tidewright.adapters.file_url import UrlRefused
from tidewright.adapters.streams_url import streams_at
from tidewright.domain.bars import Bars, Market
from tidewright.domain.live import Anchor, LiveSignal
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.ports import AnchorDamaged, ArchiveUnavailable, StreamUnavailable
from tidewright.runs.refusal import InputRefused
from tidewright.serving import logs
from tidewright.serving.failures import Failure
from tidewright.signals.parity import ParityReport, judge_published, prove_parity, write
from tidewright.signals.published import published
from tidewright.signals.wiring import Chosen, chosen_strategy, store_of
from tidewright.specs.quantities import epoch_milliseconds


def main() -> int:
    options = _parser().parse_args()
    logs.configure("parity", "ERROR", sys.stderr)
    refused = (InputRefused, StrategyError, UrlRefused, Failure, AnchorDamaged, ValueError)
    try:
        return _prove_all(options)
    except (*refused, ArchiveUnavailable, StreamUnavailable) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2 if isinstance(error, refused) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tidewright.signals.prove", description=__doc__)
    add = parser.add_argument
    add("strategy", type=Path, help="file with a TradingStrategy")
    add("--exchange", default="", help="exchange whose bars are meant [default: that of its execution]")
    add("--out", type=Path, default=Path("tidewright-results/parity"), help="folder for the report")
    replay = parser.add_argument_group("what a replay of stored bars says").add_argument
    replay("--store", default="", metavar="URL", help="where the bars are [default: the local store]")
    replay("--start", type=epoch_milliseconds, metavar="TIME", help="open time of the first bar")
    replay("--end", type=epoch_milliseconds, metavar="TIME", help="open time after the last bar")
    replay("--restarts", type=int, default=5, help="restarts spread over the period [default: 5]")
    live = parser.add_argument_group("what was published").add_argument
    live("--streams", default="", metavar="URL", help="Redis that it was published to")
    live("--archive", default="", metavar="URL", help="PostgreSQL with the bars that it was made of")
    live("--anchor", type=Path, metavar="FOLDER", help="the signal service's folder of anchors")
    return parser


def _prove_all(options: argparse.Namespace) -> int:
    chosen = chosen_strategy(options.strategy, exchange=options.exchange)
    passed = True
    for market in chosen.markets:
        folder = options.out / chosen.name / market.symbol.replace("/", "-")
        report = (
            _of_what_was_published(options, chosen, market)
            if options.streams
            else _of_a_replay(options, chosen, market)
        )
        write(report, folder)
        passed &= report.passed
        verdict = "no difference" if report.passed else f"{len(report.differences)} DIFFERENCES"
        restarts = "" if options.streams else f", {report.restarts} restarts"
        print(f"{market}: {report.compared:,} bars{restarts}, {verdict}: {folder / 'parity.html'}")  # noqa: T201
    return 0 if passed else 1


def _of_a_replay(options: argparse.Namespace, chosen: Chosen, market: Market) -> ParityReport:
    if options.start is None or options.end is None:
        raise ValueError("a replay needs --start and --end, as 2023-03-01; or name --streams for what was published")
    with TemporaryDirectory() as anchors:
        period = (options.start, options.end)
        store = store_of(options.store)
        return prove_parity(chosen.name, chosen.strategy, market, store, Path(anchors), period, options.restarts)


def _of_what_was_published(options: argparse.Namespace, chosen: Chosen, market: Market) -> ParityReport:
    if not options.archive or options.anchor is None:
        raise ValueError("what was published is compared with bars: name --archive, and the --anchor of the service")
    anchor = AnchorFiles(options.anchor).read(market)
    if anchor is None:
        raise ValueError(
            f"--anchor: {options.anchor} has no anchor of {market}; name the folder that the service was given"
        )
    said, bars = asyncio.run(_read(options.streams, options.archive, chosen.name, anchor))
    return judge_published(chosen.name, chosen.strategy, anchor, bars, said)


async def _read(streams_url: str, archive_url: str, name: str, anchor: Anchor) -> tuple[list[LiveSignal], Bars]:
    """What was published with the anchor's strategy, and the bars from the anchor on."""
    streams, archive = streams_at(streams_url), archive_at(archive_url)
    try:
        said = await published(streams, name, anchor.market)
        bars = await archive.read_bars(anchor.market, anchor.first)
    finally:
        await streams.close()
        await archive.close()
    return [one.signal for one in said if one.digest == anchor.strategy], bars


if __name__ == "__main__":
    sys.exit(main())
