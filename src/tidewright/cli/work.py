"""`tidewright work`: what the Job of a BacktestRun runs."""

import sys
from pathlib import Path

import click

from tidewright.cli.supervision import Tell, hold, supervised

KUBELETS = Path("/dev/termination-log")
"""Where a kubelet puts the file for a container's termination message."""


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
    help="Folder of Parquet files with the bars  [default: the local store]",
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
    "--strategy-endpoint",
    envvar="TIDEWRIGHT_STRATEGY_ENDPOINT",
    metavar="ADDRESS",
    show_envvar=True,
    help="StrategyService that has the strategy's code; not in this version.",
)
def work(
    spec: Path,
    artifacts: str,
    store: str | None,
    termination_log: Path | None,
    progress: str | None,
    strategy_endpoint: str | None,
) -> None:
    """Run the backtest in SPEC as a Job on a cluster does; it works the same outside one.

    SPEC is a BacktestRun with its strategy in place, as the operator writes it (docs/worker.md). The result goes to the
    artifacts, the record of how it ended, at most 4096 bytes of JSON, to the termination log. Nothing is tried twice.

    URLs are of this machine or of a volume: file:///data.

    \b
    Examples:
      tidewright work run.json --artifacts file:///artifacts --store file:///data
      tidewright work backtest.yaml --artifacts file:///tmp/out --termination-log record.json

    Exit codes: 0 done, 1 failed (may go right another time), 2 refused, 3 data missing, 143 told to stop.
    """
    hold()
    # What takes a while to import comes after that, and the heaviest in the worker's own process only.
    from tidewright.cli.work_ending import finish, not_installed, of_killed  # noqa: PLC0415
    from tidewright.cli.work_log import WorkLog  # noqa: PLC0415

    log = WorkLog(sys.stderr)
    record_file = termination_log or (KUBELETS if KUBELETS.exists() else None)

    def worker(tell: Tell) -> int:
        try:
            from tidewright.cli.worker import Orders, record_of  # noqa: PLC0415
        except ImportError as error:
            return finish(not_installed(error), record_file, log)
        orders = Orders(spec, artifacts, store or "", progress or "", strategy_endpoint or "")
        return finish(record_of(orders, log, lambda folder: tell(str(folder))), record_file, log)

    ended = supervised(worker)
    raise click.exceptions.Exit(finish(of_killed(ended), record_file, log) if ended.killed else ended.code)
