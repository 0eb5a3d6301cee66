"""Pods without containers: what the cluster's own controllers make of them."""

import pytest
from fake_kubelet import NODE
from pod_life import ANNOTATION, LONGEST_MESSAGE, Ending, Stays


@pytest.fixture
def job(kube, namespace):
    """Creates a Job of one pod; the options are fields of its spec."""

    def create(name="job", annotations=None, **options):
        containers = [{"name": "main", "image": "none"}, {"name": "beside", "image": "none"}]
        template = {
            "metadata": {"annotations": annotations or {}},
            "spec": {"containers": containers, "restartPolicy": "Never"},
        }
        body = {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": template, **options}}
        kube.post(f"/apis/batch/v1/namespaces/{namespace}/jobs", json=body).raise_for_status()

    return create


@pytest.fixture
def pods(wait, namespace):
    return lambda condition: wait(f"/api/v1/namespaces/{namespace}/pods", condition)


@pytest.fixture
def jobs(wait, namespace):
    return lambda condition: wait(f"/apis/batch/v1/namespaces/{namespace}/jobs", condition)


def has(kind):
    """Whether all objects have a condition of this type."""
    return lambda items: (
        items
        and all(
            any(condition["type"] == kind and condition["status"] == "True" for condition in conditions(item))
            for item in items
        )
    )


def conditions(item):
    return item["status"].get("conditions", [])


def phase(name):
    return lambda pods: pods and all(pod["status"]["phase"] == name for pod in pods)


def terminated(pod):
    return {status["name"]: status["state"]["terminated"] for status in pod["status"]["containerStatuses"]}


def test_a_job_completes_with_the_termination_message_of_its_pod(kubelet, job, jobs, pods):
    kubelet(lambda pod: Ending(message='{"sharpe": 1.5}'))
    job()

    jobs(has("Complete"))
    (pod,) = pods(bool)
    assert pod["spec"]["nodeName"] == NODE
    assert terminated(pod)["main"]["message"] == '{"sharpe": 1.5}'
    assert "message" not in terminated(pod)["beside"]


def test_a_job_fails_with_the_exit_code_of_the_container_that_failed(kubelet, job, jobs, pods):
    kubelet()
    job(annotations={ANNOTATION: '{"exit_code": 3, "container": "beside"}'})

    jobs(has("Failed"))
    (pod,) = pods(bool)
    assert {name: state["exitCode"] for name, state in terminated(pod).items()} == {"main": 0, "beside": 3}


def test_a_message_is_cut_as_a_kubelet_cuts_it(kubelet, job, jobs, pods):
    kubelet(lambda pod: Ending(message="start" + "x" * LONGEST_MESSAGE))
    job()

    jobs(has("Complete"))
    assert terminated(pods(bool)[0])["main"]["message"] == "x" * LONGEST_MESSAGE


def test_a_disruption_is_no_failure_to_a_policy_that_ignores_it(kubelet, job, jobs, pods):
    endings = iter([Ending(exit_code=137, disruption="TerminationByKubelet"), Ending()])
    kubelet(lambda pod: next(endings))
    ignored = [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]
    job(podFailurePolicy={"rules": ignored})

    (done,) = jobs(has("Complete"))
    assert done["status"].get("failed", 0) == 0
    assert len(pods(bool)) == 2


def test_an_evicted_pod_is_marked_by_the_api_server_and_goes(kubelet, kube, namespace, job, jobs, pods):
    endings = iter([Stays.RUNNING, Ending()])
    kubelet(lambda pod: next(endings))
    job(podReplacementPolicy="Failed", backoffLimit=1)
    (pod,) = pods(phase("Running"))
    name = pod["metadata"]["name"]

    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    kube.post(f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", json=eviction).raise_for_status()

    jobs(has("Complete"))
    assert [pod["metadata"]["name"] for pod in pods(bool)] != [name]


def test_a_pod_runs_until_it_is_told_to_finish(kubelet, job, jobs, pods):
    node = kubelet(lambda pod: Stays.RUNNING)
    job()
    (pod,) = pods(has("Ready"))

    node.finish(pod["metadata"]["name"], Ending(exit_code=2))

    jobs(has("Failed"))


def test_a_pod_that_stays_pending_is_bound_and_never_runs(kubelet, job, jobs, pods):
    node = kubelet(lambda pod: Stays.PENDING)
    job()
    (pod,) = pods(has("PodScheduled"))

    assert pod["status"]["phase"] == "Pending"
    node.finish(pod["metadata"]["name"], Ending())
    jobs(has("Complete"))


def test_a_job_that_is_deleted_takes_its_running_pod_with_it(kubelet, kube, namespace, job, pods):
    kubelet(lambda pod: Stays.RUNNING)
    job()
    pods(phase("Running"))

    kube.delete(
        f"/apis/batch/v1/namespaces/{namespace}/jobs/job", params={"propagationPolicy": "Background"}
    ).raise_for_status()

    assert pods(lambda left: not left) == []


def test_pods_go_on_after_the_servers_have_restarted(kubelet, control_plane, job, jobs, pods):
    node = kubelet(lambda pod: Stays.RUNNING)
    job()
    (pod,) = pods(phase("Running"))

    control_plane.restart_apiserver()
    control_plane.restart_etcd()
    node.finish(pod["metadata"]["name"], Ending())

    jobs(has("Complete"))


def test_a_scheduler_may_bind_the_pods(kubelet, control_plane, job, jobs):
    control_plane.scheduler.start()
    try:
        kubelet(binds=False)
        job()
        jobs(has("Complete"))
    finally:
        control_plane.scheduler.stop()
