"""Workers that die, hang or go on for ever; too much at once; and the service going away."""

import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from backtest_host import SCRIPTED, SPEC, asked
from scripted_worker import ENDLESS, KILLED, REFUSED, WRONG

RESTARTS = "tidewright_backtest_worker_restarts_total"


def of_seed(seed, **more):
    return {**SPEC, **more, "seed": seed}


def test_a_worker_that_is_killed_is_told_of_and_replaced(scripted):
    with scripted() as service:
        killed = service.post(body=of_seed(KILLED))
        assert (killed.status_code, killed.json()["code"]) == (500, "INTERNAL")
        assert "the worker was killed by SIGKILL; it may have used up its memory" in killed.json()["detail"]
        after = service.post(body=of_seed(REFUSED))
        assert (after.status_code, after.json()["detail"]) == (400, "spec.data: there is no such thing")
        assert service.figure(RESTARTS) == 1


def test_a_worker_that_is_killed_while_it_is_idle_is_replaced(scripted):
    with scripted() as service:
        (worker,) = service.workers()
        os.kill(worker, signal.SIGKILL)
        service.until(lambda: service.figure(RESTARTS) == 1)
        assert service.post(body=of_seed(REFUSED)).status_code == 400
        (another,) = service.workers()
    assert another != worker


def test_what_nobody_foresaw_is_told_and_tried_again_when_it_is_asked_for_again(scripted):
    with scripted() as service:
        for _ in range(2):
            answer = service.post(body=of_seed(WRONG))
            assert (answer.status_code, answer.json()["detail"]) == (500, "ValueError: nobody foresaw this")
        assert service.figure('tidewright_backtest_jobs_total{kind="backtest",state="Failed"}') == 2


def test_what_takes_longer_than_the_limit_is_ended(scripted):
    with scripted(time_limit=0.2) as service:
        answer = service.post(body=of_seed(ENDLESS))
        assert answer.status_code == 500
        assert "not done within 0.2 s" in answer.json()["detail"]
        assert service.post(body=of_seed(REFUSED)).status_code == 400


def test_a_deadline_of_the_resource_is_kept(scripted):
    with scripted() as service:
        answer = service.post(body=of_seed(ENDLESS, deadline="1s"))
        assert "not done within 1 s" in answer.json()["detail"]


def test_work_is_cancelled_whether_it_runs_or_waits(scripted):
    with scripted() as service:
        running, waiting = (
            service.post(body=of_seed(ENDLESS, checks={"monteCarlo": n}), wait=0).json()["id"] for n in (0, 1)
        )
        service.until(lambda: service.rest.get(f"/backtest/{running}").json()["stage"] == "Trading")
        assert service.rest.get(f"/backtest/{waiting}").json()["state"] == "Queued"
        for work in (waiting, running, running):
            assert service.rest.delete(f"/backtest/{work}").json()["state"] == "Cancelled"
        assert service.post(body=of_seed(REFUSED)).status_code == 400
        assert service.rest.delete("/backtest/nothing").status_code == 404
        assert service.rest.delete(f"/optimize/{running}").status_code == 404


def test_jobs_beyond_the_queue_are_refused(scripted):
    with scripted(jobs=2) as service:
        first = service.post(body=of_seed(ENDLESS), wait=0).json()["id"]
        service.until(lambda: service.rest.get(f"/backtest/{first}").json()["state"] == "Running")
        codes = [service.post(body=of_seed(ENDLESS, checks={"monteCarlo": n}), wait=0).status_code for n in (1, 2, 3)]
        assert codes == [202, 202, 503]
        refused = service.post(body=of_seed(ENDLESS, checks={"monteCarlo": 4}), wait=0)
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["code"] == "RESOURCE_EXHAUSTED"
        assert "2 jobs wait for a worker" in refused.json()["detail"]
        assert service.post(body=of_seed(ENDLESS), wait=0).json()["id"] == first  # the same is not another
        assert service.figure("tidewright_backtest_jobs_waiting") == 2


def test_a_thousand_requests_at_once_all_get_an_answer(scripted):
    with scripted(jobs=10, concurrency=8, queue=20) as service:

        def ask(number):
            return service.post(body=of_seed(REFUSED, checks={"monteCarlo": number})).status_code

        with ThreadPoolExecutor(64) as pool:
            codes = list(pool.map(ask, range(1_000)))
        assert set(codes) <= {400, 503}
        assert codes.count(400) > 0
        assert service.post(body=of_seed(REFUSED)).status_code == 400
        assert service.figure("tidewright_backtest_jobs_waiting") == 0


def test_a_service_that_stops_takes_its_workers_with_it(scripted):
    with scripted(grace=0.1) as service:
        service.post(body=of_seed(ENDLESS), wait=0)
        (worker,) = service.workers()
        assert service.stop() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)


def test_workers_that_cannot_start_make_it_unready_and_say_why(tmp_path):
    with asked(tmp_path, (*SCRIPTED, sys.executable, "-c", "raise SystemExit(3)"), ready=False) as service:
        service.until(lambda: "ended with exit code 3" in service.rest.get("/readyz").text)
        assert service.rest.get("/readyz").status_code == 503


def test_a_real_worker_that_is_killed_at_work(service):
    """The pool heals, and the same request is done after all."""
    body = of_seed(21, checks={"monteCarlo": 20_000})
    where = service.post(body=body, wait=0).headers["location"]
    service.until(lambda: service.rest.get(where).json()["state"] == "Running")
    (worker,) = service.workers()
    os.kill(worker, signal.SIGKILL)
    service.until(lambda: service.rest.get(where).json()["state"] == "Failed")
    assert "killed by SIGKILL" in service.rest.get(where).json()["message"]
    assert json.loads(service.post(body=body).text)["state"] == "Complete"
