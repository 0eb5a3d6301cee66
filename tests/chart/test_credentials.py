"""The Job that makes the platform's Secrets, on a real API server with the rights that the chart gives it."""

import base64
import os
import subprocess
import sys

import pytest
import yaml
from chart_cluster import chart_cluster

from chart.render import CHART

SYSTEM, RUNS = "tidewright-system", "research"
AT = ("--namespace", SYSTEM, "--set", f"global.runNamespaces={{{RUNS}}}", "--set", "api.enabled=false")
MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """With the chart installed, and nothing that runs."""
    with chart_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        for namespace in (SYSTEM, RUNS):
            cluster.create_namespace(namespace)
        cluster.helm("install", "tidewright", CHART, *AT)
        yield cluster


@pytest.fixture(autouse=True)
def nothing_is_there(cluster):
    yield
    for namespace in (SYSTEM, RUNS):
        for name in secrets(cluster, namespace):
            cluster.kube.delete(path(name, namespace)).raise_for_status()


def path(name, namespace=SYSTEM):
    return f"/api/v1/namespaces/{namespace}/secrets/{name}"


def secrets(cluster, namespace):
    """Names and contents of what is not Helm's."""
    found = cluster.get(f"/api/v1/namespaces/{namespace}/secrets")["items"]
    return {
        one["metadata"]["name"]: {key: base64.b64decode(text).decode() for key, text in one.get("data", {}).items()}
        for one in found
        if not one["type"].startswith("helm.sh/")
    }


@pytest.fixture
def job(cluster, tmp_path):
    """Runs the Job's program as its service account, with the plan that is installed or another."""

    def job(**changes):
        installed = cluster.get(f"/api/v1/namespaces/{SYSTEM}/configmaps/tidewright-credentials")["data"]
        access = cluster.account(SYSTEM, "tidewright-credentials")
        for name, text in {"token": access.token, "ca.crt": access.authority}.items():
            (tmp_path / name).write_text(text)
        script, plan = tmp_path / "credentials.py", tmp_path / "plan.json"
        script.write_text(
            installed["credentials.py"].replace("/var/run/secrets/kubernetes.io/serviceaccount", str(tmp_path))
        )
        text = installed["plan.json"]
        for old, new in changes.items():
            text = text.replace(old, new)
        plan.write_text(text)
        host, port = cluster.plane.server.removeprefix("https://").split(":")
        where = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
        return subprocess.run(
            [sys.executable, script, plan], env=os.environ | where, capture_output=True, text=True, check=False
        )

    return job


def test_everything_is_made_once(cluster, job):
    done = job()
    assert done.returncode == 0, done.stderr
    made = secrets(cluster, SYSTEM)
    passwords = made["tidewright-credentials"]
    assert passwords.keys() == {
        "admin",
        "backup",
        "migrator",
        "writer",
        "reader",
        "trials",
        "mlflow",
        "streams",
        "progress",
    }
    assert len({*passwords.values()}) == len(passwords)
    assert {len(password) for password in passwords.values()} == {48}
    assert made["tidewright-writer"]["url"].startswith(
        f"postgresql://writer:{passwords['writer']}@tidewright-postgres."
    )
    assert secrets(cluster, RUNS)["tidewright-trials"]["url"].startswith(f"postgresql://trials:{passwords['trials']}@")
    assert not {"tidewright-writer", "tidewright-credentials"} & secrets(cluster, RUNS).keys()
    assert passwords["streams"] not in made["tidewright-redis-users"]["users.acl"]
    for password in passwords.values():
        assert password not in done.stdout + done.stderr

    again = job()
    assert again.returncode == 0, again.stderr
    assert secrets(cluster, SYSTEM) == made


def test_what_is_missing_is_made_and_the_rest_is_left(cluster, job):
    job()
    before = secrets(cluster, SYSTEM)
    cluster.kube.delete(path("tidewright-writer")).raise_for_status()
    cluster.kube.patch(
        path("tidewright-credentials"), json={"data": {"progress": None}}, headers=MERGE
    ).raise_for_status()
    job()
    after = secrets(cluster, SYSTEM)
    assert after["tidewright-writer"] == before["tidewright-writer"]
    assert after["tidewright-credentials"].pop("progress") != before["tidewright-credentials"].pop("progress")
    assert after["tidewright-credentials"] == before["tidewright-credentials"]


def test_passwords_of_somebody_else_are_taken_as_they_are(cluster, job):
    own = {"metadata": {"name": "tidewright-credentials"}, "stringData": {"writer": "p@ss/word?\n"}}
    cluster.kube.post(f"/api/v1/namespaces/{SYSTEM}/secrets", json=own).raise_for_status()
    job()
    made = secrets(cluster, SYSTEM)
    assert made["tidewright-credentials"]["writer"] == "p@ss/word?\n"
    assert "://writer:p%40ss%2Fword%3F@" in made["tidewright-writer"]["url"]


def test_a_server_that_has_moved_changes_urls_and_no_password(cluster, job):
    job()
    before = secrets(cluster, SYSTEM)
    job(**{"tidewright-postgres.tidewright-system.svc": "db.example.com"})
    after = secrets(cluster, SYSTEM)
    assert after["tidewright-credentials"] == before["tidewright-credentials"]
    assert "@db.example.com:5432/" in after["tidewright-writer"]["url"]


def test_no_other_secret_is_its_own(cluster, job):
    for namespace in (SYSTEM, RUNS):
        other = {"metadata": {"name": "other"}, "stringData": {"key": "value"}}
        cluster.kube.post(f"/api/v1/namespaces/{namespace}/secrets", json=other).raise_for_status()
    refused = job(**{'"tidewright-credentials"': '"other"'})
    assert refused.returncode != 0
    assert 'cannot get resource \\"secrets\\"' in refused.stderr
    refused = job(**{'"tidewright-trials"': '"other"'})
    assert refused.returncode != 0
    assert 'cannot patch resource \\"secrets\\"' in refused.stderr
    assert secrets(cluster, RUNS)["other"] == {"key": "value"}


def test_the_secrets_outlive_the_release(cluster, job):
    job()
    before = secrets(cluster, SYSTEM)
    cluster.helm("uninstall", "tidewright", "--namespace", SYSTEM)
    assert secrets(cluster, SYSTEM) == before
    cluster.helm("install", "tidewright", CHART, *AT)
    job()
    assert secrets(cluster, SYSTEM) == before


def test_the_plan_is_the_same_however_it_is_rendered(cluster):
    installed = cluster.get(f"/api/v1/namespaces/{SYSTEM}/configmaps/tidewright-credentials")["data"]["plan.json"]
    text = cluster.helm(
        "template",
        "tidewright",
        CHART,
        *AT,
        "--kube-version",
        "1.30.0",
        "--show-only",
        "templates/credentials/job.yaml",
    )
    found = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(text) if one}
    assert found["ConfigMap", "tidewright-credentials"]["data"]["plan.json"] == installed
