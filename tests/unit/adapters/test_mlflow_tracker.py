"""Runs in MLflow: in a folder, and on servers that are not as they should be."""

import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tidewright.adapters.mlflow_tracker import DIGEST, MlflowTracker
from tidewright.ports import TrackedData, TrackedRun, TrackingFailed

RUN = TrackedRun(
    experiment="tidewright/tests",
    name="demo",
    digest="sha256:abc",
    parameters={"fast": "6", "rules": "x" * 10_000},
    metrics={"sharpe": 1.25, "totalReturn": -0.5},
    tags={"seed": "7"},
    data=(TrackedData("simulated BTC/USDT 1h", f"sha256:{'5' * 64}", {"bars": 3}),),
)


@pytest.fixture
def tracker(tmp_path):
    return MlflowTracker((tmp_path / "runs").as_uri())


def told(tracker):
    experiment = tracker._client.get_experiment_by_name(RUN.experiment)
    return tracker._client.search_runs([experiment.experiment_id])


def test_everything_is_told(tracker, tmp_path):
    file = tmp_path / "result.json"
    file.write_text("{}")
    place = tracker.track(replace(RUN, files=(file,)))
    (run,) = told(tracker)
    assert place.endswith(f"/runs/{run.info.run_id}")
    assert (run.info.run_name, run.info.status) == ("demo", "FINISHED")
    assert run.data.metrics == RUN.metrics
    assert run.data.params["fast"] == "6"
    assert run.data.params["rules"] == "x" * 5_999 + "…"
    assert (run.data.tags[DIGEST], run.data.tags["tidewright.seed"]) == (RUN.digest, "7")
    (data,) = run.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("simulated BTC/USDT 1h", "5" * 36)
    assert [one.path for one in tracker._client.list_artifacts(run.info.run_id)] == ["result.json"]


def test_the_same_run_is_told_once(tracker):
    place = tracker.track(RUN)
    assert tracker.track(replace(RUN, metrics={"sharpe": 9.0})) == place
    (run,) = told(tracker)
    assert run.data.metrics == RUN.metrics
    tracker.track(replace(RUN, digest="sha256:def"))
    assert len(told(tracker)) == 2


def test_children_are_told_below_their_run_once(tracker):
    child = replace(RUN, name="window 1", digest="sha256:child", data=())
    whole = replace(RUN, children=(child, replace(child, name="window 2", digest="sha256:other")))
    assert tracker.track(whole) == tracker.track(whole)
    by_name = {run.info.run_name: run for run in told(tracker)}
    assert set(by_name) == {"demo", "window 1", "window 2"}
    parents = {name: run.data.tags.get("mlflow.parentRunId") for name, run in by_name.items()}
    assert parents == {"demo": None} | dict.fromkeys(("window 1", "window 2"), by_name["demo"].info.run_id)


def test_a_run_that_was_told_halfway_is_told_to_its_end(tracker, tmp_path):
    with pytest.raises(TrackingFailed):
        tracker.track(replace(RUN, files=(tmp_path / "missing",)))
    (half,) = told(tracker)
    assert half.info.status == "RUNNING"
    tracker.track(RUN)
    (run,) = told(tracker)
    assert (run.info.run_id, run.info.status) == (half.info.run_id, "FINISHED")


def test_more_than_a_request_may_carry_is_told_in_several(tracker):
    tracker.track(
        replace(RUN, parameters={f"p{n}": "1" for n in range(250)}, metrics={f"m{n}": 1.0 for n in range(1_200)})
    )
    (run,) = told(tracker)
    assert (len(run.data.params), len(run.data.metrics)) == (250, 1_200)


@contextmanager
def server(answer):
    """A server that answers as it likes; requests end when it does."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            answer(self, ended)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        serving = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            ended.set()
            listening.shutdown()
            serving.join()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda request, ended: ended.wait(60), "timed out|Timeout|timeout"),
        (lambda request, ended: request.send_error(503), "503"),
        (lambda request, ended: request.send_error(403), "403"),
        (lambda request, ended: request.wfile.write(b"nonsense"), "failed with exception"),
    ],
    ids=["silent", "unavailable", "forbidden", "nonsense"],
)
def test_a_server_that_does_not_answer_as_it_should_is_told_of(impatient, answer, why):
    with server(answer) as url, pytest.raises(TrackingFailed, match=why):
        MlflowTracker(url).track(RUN)


def test_a_server_that_is_not_there_is_told_of(impatient):
    with pytest.raises(TrackingFailed, match="Connection refused"):
        MlflowTracker("http://127.0.0.1:1").track(RUN)
