"""The operator's process: who leads, how it ends, and what its end and its return change."""

import time

import httpx
from pod_life import Ending, Stays
from work_records import complete

from tidewright_operator.lease import DURATION, RENEWAL, RETRY

LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/tidewright-operator"


def ask(process, path):
    return httpx.get(f"http://127.0.0.1:{process.health}{path}")


def holder(runs):
    return runs.kube.get(LEASES.format(runs.namespace)).json()["spec"].get("holderIdentity", "")


def seconds_until(condition, most):
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > most:
            raise TimeoutError(f"not within {most} s")
        time.sleep(0.02)
    return time.monotonic() - began


def second(operator):
    process = operator(identity="operator-1", waits=False)
    seconds_until(lambda: "is held by operator-0" in process.log.read_text(), 30)
    return process


def test_the_loser_waits_and_says_so(operator, runs):
    first = operator()
    loser = second(operator)

    assert (ask(loser, "/readyz").status_code, ask(loser, "/readyz").text) == (503, "waiting for the lease\n")
    assert ask(loser, "/healthz").is_success
    assert ask(first, "/readyz").is_success
    assert 'leader_election_master_status{name="tidewright-operator"} 1.0' in first.metrics()
    assert 'leader_election_master_status{name="tidewright-operator"} 0.0' in loser.metrics()
    runs.create()
    runs.until(lambda: len(runs.jobs()) == 1)
    assert "controller_runtime_reconcile_total{" not in loser.metrics()


def test_who_is_told_to_stop_hands_over_at_once(operator, runs):
    first = operator()
    loser = second(operator)

    began = time.monotonic()
    assert first.stop() == 0
    seconds_until(lambda: holder(runs) == "operator-1", 10)
    assert time.monotonic() - began < DURATION / 2

    loser.wait_until_ready()
    runs.create()
    runs.until(lambda: len(runs.jobs()) == 1)


def test_who_is_killed_is_followed_once_its_lease_has_run_out(operator, runs, kubelet):
    kubelet(lambda pod: Ending(0, complete()))
    first = operator()
    runs.create()
    runs.until(runs.jobs)
    second(operator)

    first.kill()
    took = seconds_until(lambda: holder(runs) == "operator-1", DURATION + 2 * RETRY + 5)

    assert took > DURATION - RENEWAL - RETRY, "not before it has run out"
    assert runs.finished()["attempts"] == 1
    assert len(runs.jobs()) == 1


def test_who_waits_can_be_stopped_as_well(operator):
    operator()

    assert second(operator).stop() == 0


def test_who_finds_the_lease_in_other_hands_ends(operator, runs):
    process = operator()
    usurped = {"spec": {"holderIdentity": "somebody", "leaseDurationSeconds": 3600}}
    runs.merge(LEASES.format(runs.namespace), usurped)

    assert process.wait() == 1
    assert "LeaseLost: the lease is held by somebody" in process.log.read_text()


def test_a_setting_that_cannot_be_understood_ends_it_by_name(operator):
    process = operator(workers="many", waits=False)

    assert process.wait() != 0
    assert "TIDEWRIGHT_WORKERS is 'many'; write a whole number" in process.log.read_text()


def test_an_operator_that_is_upgraded_leaves_fifty_runs_alone(proxy, operator, runs, kubelet):
    fifty = [f"run-{number}" for number in range(50)]
    node = kubelet(lambda pod: Stays.RUNNING)
    process = operator(proxy)
    for name in fifty:
        runs.create(name)
    for name in fifty:
        runs.reaches("Running", name)
    jobs = {job["metadata"]["uid"] for job in runs.jobs()}

    assert process.stop() == 0
    writes = writes_but_leases(proxy)
    process.start(WORKER_IMAGE="tidewright:next").wait_until_ready()
    runs.until(lambda: reconciled(process) >= len(fifty))
    assert writes_but_leases(proxy) == writes
    for pod in runs.pods():
        node.finish(pod["metadata"]["name"], Ending(0, complete()))

    for name in fifty:
        assert runs.finished(name)["attempts"] == 1
    assert {job["metadata"]["uid"] for job in runs.jobs()} == jobs


def reconciled(process):
    counter = 'controller_runtime_reconcile_total{controller="BacktestRun",result="success"} '
    return sum(float(line.removeprefix(counter)) for line in process.metrics().splitlines() if counter in line)


def writes_but_leases(proxy):
    return [call for call in proxy.calls if call.writes and call.resource != "leases"]


def test_metrics_are_there_under_the_names_that_every_controller_has(operator, runs, controllers):
    process = operator()
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"count/configmaps": "0"}}}
    quotas = f"/api/v1/namespaces/{runs.namespace}/resourcequotas"
    runs.kube.post(quotas, json=quota).raise_for_status()
    runs.until(lambda: runs.kube.get(f"{quotas}/none").json().get("status", {}).get("hard"))
    runs.create()
    runs.until(lambda: runs.conditions().get("Degraded"))

    names = {line.partition("{")[0].partition(" ")[0] for line in process.metrics().splitlines()}

    assert names >= {
        "controller_runtime_reconcile_total",
        "controller_runtime_reconcile_errors_total",
        "controller_runtime_reconcile_time_seconds_bucket",
        "workqueue_depth",
        "workqueue_retries_total",
        "leader_election_master_status",
        "event_loop_lag_seconds_bucket",
        "process_resident_memory_bytes",
    }
