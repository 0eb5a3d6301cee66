"""How a worker ends, whichever way it does: the record in the termination log, the last line of its own log, and the exit code."""

import signal
from pathlib import Path

from tidewright.adapters.atomic import clear_unfinished
from tidewright.cli.supervision import Ended
from tidewright.cli.work_log import WorkLog
from tidewright.runs.exits import EXIT_CODES, FAILED
from tidewright.specs.status import StudyResult
from tidewright.specs.work_record import StudyRecord, WorkRecord

_LEVELS = {"Complete": "info", "Disrupted": "warning", "DataMissing": "warning"}


def finish(record: WorkRecord | StudyRecord, termination_log: Path | None, log: WorkLog) -> int:
    """Write the record where it is asked for, tell of it, and return the exit code.

    Work that is done but whose record cannot be written has failed: nobody would know of it.
    """
    code = EXIT_CODES[record.reason]
    if termination_log is not None:
        try:
            termination_log.write_bytes(record.encoded())
        except OSError as error:
            message = (
                f"the record cannot be written to {termination_log} ({error.strerror}); name another --termination-log"
            )
            log.tell("unrecorded", message, "error")
            code = code or FAILED
    facts = record.record()
    told = facts.pop("message", "") or _headline(record)
    log.tell(record.reason, told, _LEVELS.get(record.reason, "error"), exitCode=code, **facts)
    return code


def of_killed(ended: Ended) -> WorkRecord:
    """The record of work that could not tell itself how it ended; what it has left of the folder that it told of last is removed."""
    if ended.told:
        clear_unfinished(Path(ended.told))
    if ended.stopped:
        told = f"told to stop ({_name(ended.stopped)}) before it was done; nothing half-written was left behind"
        return WorkRecord(reason="Disrupted", message=told)
    why = (
        "; it may have used up its memory: raise spec.pod.resources.limits.memory"
        if ended.killed == signal.SIGKILL
        else ""
    )
    return WorkRecord(reason="Failed", message=f"killed by {_name(ended.killed)}{why}")


def not_installed(error: ImportError) -> WorkRecord:
    """The record of work that could not begin, as something is missing in the image."""
    return WorkRecord(reason="Failed", message=f"{error}; use an image with tidewright[local] installed")


def _name(number: int) -> str:
    """``SIGTERM`` for 15."""
    return signal.Signals(number).name


def _headline(record: WorkRecord | StudyRecord) -> str:
    result = record.result
    if result is None:
        return ""
    if isinstance(result, StudyResult):
        return f"Done: {result.verdict}, return out of sample {result.out_of_sample_return or '–'}; {result.report}"
    figures = (("return", result.total_return), ("Sharpe", result.sharpe), ("drawdown", result.max_drawdown))
    told = ", ".join(f"{name} {value or '–'}" for name, value in figures)
    return f"Done: {told}, trades {result.trades}; {result.report}"
