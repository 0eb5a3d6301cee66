"""`tidewright work`: what the Job of a BacktestRun runs."""

import sys
from pathlib import Path

import click

from tidewright.cli.supervision import Tell, hold, supervised

KUBELETS = Path("/dev/termination-log")
"""Where a kubelet puts the file for a container's termination message."""

_ENDED = "ended:"
"""What the worker tells with its record once it has one: from then on the work is done, whatever happens to it."""


@click.command()
@click.argument("spec", envvar="TIDEWRIGHT_SPEC", type=click.Path(path_type=Path))
@click.option(
    "--artifacts",
    envvar="TIDEWRIGHT_ARTIFACTS",
    required=True,
    metavar="URL",
    show_envvar=True,
    help="Where results go, in a folder a run: URL/NAMESPACE/NAME-UID.",
)
@click.option(
    "--store",
    envvar="TIDEWRIGHT_STORE",
    metavar="URL",
    show_envvar=True,
    help="The bars: file:///data for a folder of Parquet files, or postgresql://...  [default: the local store]",
)
@click.option(
    "--termination-log",
    envvar="TIDEWRIGHT_TERMINATION_LOG",
    metavar="PATH",
    show_envvar=True,
    type=click.Path(path_type=Path),
    help=f"File for the record of how it ended  [default: {KUBELETS}, where there is one]",
)
@click.option(
    "--progress",
    envvar="TIDEWRIGHT_PROGRESS",
    metavar="URL",
    show_envvar=True,
    help="File that is told how far the work is; best effort.",
)
@click.option(
    "--streams",
    envvar="TIDEWRIGHT_STREAMS",
    metavar="URL",
    show_envvar=True,
    help="Redis that is told how far the work is, for the operator; best effort.",
)
@click.option(
    "--progress-key",
    envvar="TIDEWRIGHT_PROGRESS_KEY",
    metavar="KEY",
    show_envvar=True,
    help="Under which key it is told so.  [default: NAMESPACE/NAME/UID]",
)
@click.option(
    "--track",
    "tracking",
    envvar="TIDEWRIGHT_TRACKING",
    metavar="URL",
    show_envvar=True,
    help="Where the run is told of once it is done: an MLflow server; best effort (docs/tracking.md).",
)
@click.option(
    "--book",
    envvar="TIDEWRIGHT_DATABASE",
    metavar="URL",
    show_envvar=True,
    help="Database whose tables of runs the run is put into once it is done, postgresql://...; best effort.",
)
@click.option(
    "--strategy-endpoint",
    envvar="TIDEWRIGHT_STRATEGY_ENDPOINT",
    metavar="ADDRESS",
    show_envvar=True,
    help="host:port of the StrategyService that has the code of a classRef, which is never imported here.",
)
@click.option(
    "--strategy-timeout",
    envvar="TIDEWRIGHT_STRATEGY_TIMEOUT",
    metavar="SECONDS",
    show_envvar=True,
    type=click.FloatRange(min=0.1),
    default=300.0,
    show_default=True,
    help="How long it may take over one question.",
)
def work(
    spec: Path,
    artifacts: str,
    store: str | None,
    termination_log: Path | None,
    progress: str | None,
    streams: str | None,
    progress_key: str | None,
    tracking: str | None,
    book: str | None,
    strategy_endpoint: str | None,
    strategy_timeout: float,
) -> None:
    """Run the backtest in SPEC as a Job on a cluster does; it works the same outside one.

    SPEC is a BacktestRun with its strategy in place, as the operator writes it (docs/worker.md). The result goes to the
    artifacts, the record of how it ended, at most 4096 bytes of JSON, to the termination log. Nothing is tried twice.

    URLs are of this machine or of a volume: file:///data.

    \b
    Examples:
      tidewright work run.json --artifacts file:///artifacts --store file:///data
      tidewright work run.json --artifacts file:///artifacts --strategy-endpoint 127.0.0.1:9000
      tidewright work backtest.yaml --artifacts file:///tmp/out --termination-log record.json

    Exit codes: 0 done, 1 failed (may go right another time), 2 refused, 3 data missing, 143 told to stop.
    """
    hold()
    # What takes a while to import comes after that, and the heaviest in the worker's own process only.
    from tidewright.cli.work_ending import finish, not_installed, of_killed  # noqa: PLC0415
    from tidewright.cli.work_log import WorkLog  # noqa: PLC0415
    from tidewright.specs.work_record import WorkRecord  # noqa: PLC0415

    log = WorkLog(sys.stderr)
    record_file = termination_log or (KUBELETS if KUBELETS.exists() else None)

    def worker(tell: Tell) -> int:
        try:
            from tidewright.cli.worker import Orders, put_down, record_of, track  # noqa: PLC0415
        except ImportError as error:
            return finish(not_installed(error), record_file, log)
        orders = Orders(
            spec,
            artifacts,
            store or "",
            progress or "",
            strategy_endpoint or "",
            strategy_timeout,
            streams or "",
            progress_key or "",
        )
        record = record_of(orders, log, lambda folder: tell(str(folder)))
        tell(f"{_ENDED}{record.encoded().decode()}")
        code = finish(record, record_file, log)
        if book:
            put_down(book, record, log)
        if tracking:
            track(tracking, record, log)
        return code

    ended = supervised(worker)
    if not ended.killed:
        raise click.exceptions.Exit(ended.code)
    done = WorkRecord.read(ended.told.removeprefix(_ENDED)) if ended.told.startswith(_ENDED) else None
    raise click.exceptions.Exit(finish(done or of_killed(ended), record_file, log))
