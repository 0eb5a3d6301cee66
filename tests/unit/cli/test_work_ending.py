import io
import json
import signal

import pytest

from tidewright.cli.supervision import Ended
from tidewright.cli.work_ending import finish, not_installed, of_killed
from tidewright.cli.work_log import WorkLog
from tidewright.runs.exits import EXIT_CODES
from tidewright.specs.status import BacktestResult, Provenance
from tidewright.specs.status import Tested as WasTested
from tidewright.specs.work_record import WorkRecord

TESTED = {
    "start": "2023-01-01",
    "end": "2024-01-01",
    "bars": 1,
    "simulated": True,
    "commission": "0%",
    "slippage": "0%",
}


def record_of(reason):
    if reason != "Complete":
        return WorkRecord(reason=reason, message="why")
    tested = WasTested.model_validate(TESTED)
    return WorkRecord(reason=reason, result=BacktestResult(trades="3"), provenance=Provenance(), tested=tested)


@pytest.mark.parametrize(("reason", "code"), EXIT_CODES.items())
def test_every_ending_leaves_its_record_and_its_exit_code(tmp_path, reason, code):
    stream, record = io.StringIO(), record_of(reason)
    assert finish(record, tmp_path / "log", WorkLog(stream)) == code
    assert WorkRecord.read((tmp_path / "log").read_text()) == record
    last = json.loads(stream.getvalue().splitlines()[-1])
    assert (last["event"], last["exitCode"]) == (reason, code)
    assert last["message"] == (
        "why" if reason != "Complete" else "Done: return –, Sharpe –, drawdown –, trades 3; None"
    )


def test_the_exit_codes_of_what_a_job_must_not_try_again_are_none_that_a_shell_or_a_signal_gives():
    assert EXIT_CODES == {
        "Complete": 0,
        "Failed": 1,
        "Refused": 2,
        "StrategyFailed": 2,
        "DataMissing": 3,
        "Disrupted": 143,
    }


def test_a_longer_record_before_it_leaves_no_trace(tmp_path):
    path = tmp_path / "log"
    path.write_text(9_999 * "x")
    finish(record_of("Failed"), path, WorkLog(io.StringIO()))
    assert WorkRecord.read(path.read_text()) == record_of("Failed")


@pytest.mark.parametrize(("reason", "code"), [("Complete", 1), ("Refused", 2), ("DataMissing", 3)])
def test_without_its_record_work_that_is_done_has_failed(tmp_path, reason, code):
    stream = io.StringIO()
    assert finish(record_of(reason), tmp_path / "nowhere" / "log", WorkLog(stream)) == code
    assert "name another --termination-log" in stream.getvalue()


def test_without_a_termination_log_there_is_still_an_exit_code():
    assert finish(record_of("Complete"), None, WorkLog(io.StringIO())) == 0


def test_work_that_was_stopped_is_disrupted_and_leaves_nothing_half_written(tmp_path):
    (tmp_path / "demo" / ".tidewright-x").mkdir(parents=True)
    record = of_killed(Ended(killed=signal.SIGTERM, stopped=signal.SIGTERM, told=str(tmp_path / "demo")))
    assert record.reason == "Disrupted"
    assert record.message.startswith("told to stop (SIGTERM) before it was done")
    assert list(tmp_path.iterdir()) == []


def test_work_that_was_killed_by_somebody_else_has_failed():
    assert of_killed(Ended(killed=signal.SIGKILL)).message.startswith(
        "killed by SIGKILL; it may have used up its memory"
    )
    assert of_killed(Ended(killed=signal.SIGSEGV)) == WorkRecord(reason="Failed", message="killed by SIGSEGV")


def test_an_image_without_what_it_takes_says_what_to_use():
    record = not_installed(ModuleNotFoundError("No module named 'pyarrow'"))
    assert record.message == "No module named 'pyarrow'; use an image with tidewright[local] installed"
