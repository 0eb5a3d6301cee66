import asyncio
import io
import json
import sys

import pytest
from redis_for_tests import redis_for_tests

from tidewright.adapters.progress_board import RedisProgress
from tidewright.api import Result
from tidewright.cli import worker
from tidewright.cli.work_log import WorkLog
from tidewright.cli.worker import Orders, folder_of, record_of
from tidewright.domain.strategies.evaluation import StrategyUnreachable
from tidewright.ports import ToldProgress
from tidewright.runs.payload import Task
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import Document

UID = 36 * "a"


@pytest.fixture
def ended(manifest, tmp_path):
    """How a worker ends with the demo, its text edited, and other orders; and the lines that it logs."""

    def ended(*edits, **orders):
        stream = io.StringIO()
        given = {"spec": manifest(*edits), "artifacts": (tmp_path / "out").as_uri()} | orders
        record = record_of(Orders(**given), WorkLog(stream))
        return record, [json.loads(line) for line in stream.getvalue().splitlines()]

    return ended


def test_the_result_is_put_in_the_runs_own_folder(ended, tmp_path):
    record, lines = ended(("  name: demo", f"  name: demo\n  namespace: research\n  uid: {UID}"))
    folder = tmp_path / "out" / "research" / f"demo-{UID}"
    assert (record.reason, record.result.artifacts) == ("Complete", folder.as_uri())
    assert record.result.report == (folder / "report.html").as_uri()
    assert (folder / "result.json").exists()
    assert lines[0]["run"] == "research/demo"
    assert {line["event"] for line in lines} == {"started", "stage"}


def test_progress_is_told_where_it_is_asked_for(ended, tmp_path):
    ended(progress=(tmp_path / "progress.json").as_uri())
    assert json.loads((tmp_path / "progress.json").read_text()) == {"percent": 85, "stage": "Writing results"}


def test_progress_is_on_the_board_under_the_key_that_the_operator_gives(ended):
    async def asked(url):
        board = RedisProgress(url)
        found = [await board.ask(key) for key in ("research/demo-1", "default/demo/")]
        await board.close()
        return found

    with redis_for_tests() as url:
        ended(streams=url, progress_key="research/demo-1")
        assert asyncio.run(asked(url)) == [ToldProgress(85.0), None]
        ended(streams=url)
        assert asyncio.run(asked(url)) == [ToldProgress(85.0), ToldProgress(85.0)]


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "http://elsewhere"])
def test_a_board_that_is_not_there_is_no_reason_to_fail(ended, url):
    record, _ = ended(streams=url)
    assert record.reason == "Complete"


def test_progress_that_nobody_can_be_told_of_is_no_reason_to_fail(ended):
    record, lines = ended(progress="redis://somewhere")
    assert record.reason == "Complete"
    assert "nobody is told of the progress: 'redis://somewhere'" in lines[0]["message"]


@pytest.mark.parametrize(
    ("orders", "told"),
    [
        ({"artifacts": "s3://bucket"}, "this version does not know s3://"),
        ({"store": "mysql://db/bars"}, "this version does not know mysql://"),
    ],
)
def test_what_this_version_has_not_got_is_refused_with_what_there_is(ended, orders, told):
    record, _ = ended(**orders)
    assert (record.reason, told in record.message) == ("Refused", True)


def test_a_payload_that_cannot_be_read_is_refused_with_its_file(ended, tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for file, why in (("nowhere", "No such file or directory"), ("binary", "it is not a text in UTF-8")):
        record, _ = ended(spec=tmp_path / file)
        assert record.reason == "Refused"
        assert record.message == f"{tmp_path / file}: cannot be read: {why}; name a worker's payload"


def test_a_store_is_read_at_its_url(ended, tmp_path):
    record, _ = ended(("exchange: simulated", "exchange: binance"), store=(tmp_path / "bars").as_uri())
    assert (record.reason, str(tmp_path / "bars") in record.message) == ("DataMissing", True)


def test_artifacts_that_cannot_be_written_may_be_another_time(ended, tmp_path):
    (tmp_path / "out").write_text("in the way")
    record, _ = ended()
    assert record.reason == "Failed"
    assert record.message.endswith(
        "mount a volume there that the worker may write to, or name another with --artifacts"
    )


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device", "/artifacts"), "the disk is full (/artifacts); free some space"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (MemoryError(), "raise spec.pod.resources.limits.memory"),
        (ZeroDivisionError("float division by zero"), "ZeroDivisionError: float division by zero; please report this"),
    ],
)
def test_what_goes_wrong_is_a_record_too(ended, monkeypatch, error, told):
    def failing(self, folder):
        raise error

    monkeypatch.setattr(Result, "save", failing)
    record, _ = ended()
    assert (record.reason, record.message.startswith(told) or told in record.message) == ("Failed", True)


def test_only_a_mistake_of_ours_is_logged_with_its_traceback(ended, monkeypatch):
    def failing(*arguments):
        raise ZeroDivisionError

    monkeypatch.setattr(worker, "work", failing)
    _, lines = ended()
    assert lines[-1]["event"] == "traceback"
    assert lines[-1]["message"].splitlines()[-1] == "ZeroDivisionError"


OWN = [
    (
        "      builtin: MovingAverageCross\n    parameters: {fast: 24, slow: 96}",
        f"      classRef: {{module: nowhere, class: X, image: 'r/i@sha256:{64 * '0'}'}}",
    )
]


def test_a_strategy_that_nobody_serves_may_be_served_another_time(ended, monkeypatch):
    def nobody(endpoint, timeout):
        raise StrategyUnreachable(f"nobody has answered at {endpoint} for 120 s")

    monkeypatch.setattr(worker, "connected", nobody)
    record, _ = ended(*OWN, strategy_endpoint="127.0.0.1:9000")
    assert (record.reason, record.message) == ("Failed", "nobody has answered at 127.0.0.1:9000 for 120 s")


def test_an_image_that_cannot_ask_is_told_with_the_remedy(ended, monkeypatch):
    monkeypatch.setitem(sys.modules, "tidewright.adapters.grpc_peer", None)
    record, _ = ended(*OWN, strategy_endpoint="127.0.0.1:9000")
    assert record.reason == "Refused"
    assert record.message.endswith("use an image with tidewright[local,serving] installed")


def task(name, namespace="research", uid=UID):
    strategy = {"source": {"builtin": "MacdCross"}, "symbols": ["BTC/USDT"], "timeframe": "1h"}
    resource = {
        "apiVersion": "tidewright.io/v1alpha1",
        "kind": "BacktestRun",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"strategy": strategy, "data": {"exchange": "simulated"}},
    }
    return Task(BacktestRun.model_validate(resource), Document("", resource, {}), uid)


def test_the_longest_names_are_folders_too(tmp_path):
    folder = folder_of(tmp_path.as_uri(), task(253 * "n", 63 * "s"))
    folder.mkdir(parents=True)
    assert folder.name.endswith(UID)
    assert folder_of(tmp_path.as_uri(), task("demo", uid="")) == tmp_path / "research" / "demo"


def test_a_url_too_long_for_a_status_is_refused_before_anything_is_done(ended):
    record, lines = ended(artifacts=f"file:///{1_000 * 'a'}")
    assert (record.reason, lines) == ("Refused", [])
    assert "is longer than 1000 characters; shorten --artifacts" in record.message
