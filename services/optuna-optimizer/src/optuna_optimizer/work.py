"""``python -m optuna_optimizer.work search | conclude | forget``: what the Jobs of an OptimizationStudy run."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from tidewright.cli.supervision import Tell, hold, supervised

KUBELETS = Path("/dev/termination-log")
"""Where a kubelet puts the file for a container's termination message."""

_ENDED = "ended:"
"""What the conclusion tells with its record once it has one: from then on the work is done, whatever happens to it."""

Command = Callable[..., None]

_store = click.option(
    "--studies",
    envvar=["TIDEWRIGHT_STUDIES", "TIDEWRIGHT_DATABASE"],
    required=True,
    metavar="URL",
    help="Where the trials are, for all workers the same: postgresql://..., or file:///folder on one machine.  [env: TIDEWRIGHT_STUDIES, TIDEWRIGHT_DATABASE]",
)
_shared = (
    click.option("--payload", required=True, envvar="TIDEWRIGHT_SPEC", show_envvar=True, type=click.Path(path_type=Path), help="The OptimizationStudy, its strategy in place."),
    click.option("--trials", type=click.IntRange(min=1), help="How many trials to try; absent, as many as the payload says."),
    _store,
    click.option("--store", envvar="TIDEWRIGHT_STORE", metavar="URL", show_envvar=True, help="The bars: file:///data, or postgresql://...  [default: the local store]"),
    click.option("--streams", envvar="TIDEWRIGHT_STREAMS", metavar="URL", show_envvar=True, help="Redis that is told how far the study is; best effort."),
    click.option("--progress-key", envvar="TIDEWRIGHT_PROGRESS_KEY", metavar="KEY", show_envvar=True, help="Under which key it is told so."),
    click.option("--strategy-endpoint", envvar="TIDEWRIGHT_STRATEGY_ENDPOINT", metavar="ADDRESS", show_envvar=True, help="host:port of the StrategyService that has the code of a classRef."),
    click.option("--strategy-timeout", envvar="TIDEWRIGHT_STRATEGY_TIMEOUT", metavar="SECONDS", show_envvar=True, type=click.FloatRange(min=0.1), default=300.0, show_default=True, help="How long it may take over one question."),
)  # fmt: skip


def _with_shared(command: Command) -> Command:
    for option in reversed(_shared):
        command = option(command)
    return command


@click.group()
def main() -> None:
    """Work on an OptimizationStudy as the Jobs on a cluster do; it works the same outside one.

    \b
    Examples:
      python -m optuna_optimizer.work search --payload study.yaml --studies file:///tmp/studies
      python -m optuna_optimizer.work conclude --payload study.yaml --studies file:///tmp/studies --artifacts file:///tmp/out
      python -m optuna_optimizer.work forget --study default/ma-cross-study --studies file:///tmp/studies

    Exit codes: 0 done, 1 failed (may go right another time), 2 refused, 3 data missing, 143 told to stop.
    """


@main.command()
@_with_shared
def search(**given: object) -> None:
    """Try values until the study has no work left, beside any number of other workers. SIGTERM gives back what is not finished."""
    from optuna_optimizer.at_work import Orders, searched  # noqa: PLC0415 - seconds, after which it can be stopped
    from tidewright.cli.work_ending import finish  # noqa: PLC0415
    from tidewright.cli.work_log import WorkLog  # noqa: PLC0415

    log = WorkLog(sys.stderr)
    record = searched(Orders(**given), log)  # type: ignore[arg-type]
    raise click.exceptions.Exit(0 if record is None else finish(record, _log_file(), log))


@main.command()
@_with_shared
@click.option(
    "--artifacts",
    envvar="TIDEWRIGHT_ARTIFACTS",
    required=True,
    metavar="URL",
    show_envvar=True,
    help="Where results go, in a folder a study: URL/NAMESPACE/NAME-UID.",
)
@click.option(
    "--track",
    envvar="TIDEWRIGHT_TRACKING",
    metavar="URL",
    show_envvar=True,
    help="MLflow server that is told of the study; best effort.",
)
@click.option(
    "--termination-log",
    envvar="TIDEWRIGHT_TERMINATION_LOG",
    metavar="PATH",
    show_envvar=True,
    type=click.Path(path_type=Path),
    help="File for the record of how it ended.",
)
def conclude(artifacts: str, track: str | None, termination_log: Path | None, **given: object) -> None:
    """Do what search is left, evaluate all trials, and leave the study's record in the termination log."""
    hold()
    from tidewright.cli.work_ending import finish, of_killed  # noqa: PLC0415 - after that, as it takes a while
    from tidewright.cli.work_log import WorkLog  # noqa: PLC0415
    from tidewright.specs.work_record import StudyRecord  # noqa: PLC0415

    log = WorkLog(sys.stderr)
    record_file = termination_log or _log_file()

    def work(tell: Tell) -> int:
        from optuna_optimizer.at_work import Orders, concluded_record, tracked  # noqa: PLC0415

        record = concluded_record(Orders(**given), artifacts, log, lambda folder: tell(str(folder)))  # type: ignore[arg-type]
        tell(f"{_ENDED}{record.encoded().decode()}")
        code = finish(record, record_file, log)
        if track:
            tracked(track, record, log)
        return code

    ended = supervised(work)
    if not ended.killed:
        raise click.exceptions.Exit(ended.code)
    done = StudyRecord.read(ended.told.removeprefix(_ENDED)) if ended.told.startswith(_ENDED) else None
    killed = of_killed(ended)
    raise click.exceptions.Exit(
        finish(done or StudyRecord(reason=killed.reason, message=killed.message), record_file, log)
    )


@main.command()
@click.option("--study", "key", required=True, metavar="NAMESPACE/NAME", help="Which study.")
@_store
def forget(key: str, studies: str) -> None:
    """Remove a study's trials from the store; there need not be any."""
    from optuna_optimizer.at_work import forgotten  # noqa: PLC0415
    from tidewright.cli.work_log import WorkLog  # noqa: PLC0415

    raise click.exceptions.Exit(forgotten(key, studies, WorkLog(sys.stderr)))


def _log_file() -> Path | None:
    return KUBELETS if KUBELETS.exists() else None


if __name__ == "__main__":
    main(prog_name="python -m optuna_optimizer.work")
