"""What the chart renders of the platform: its services, whom they may speak to, as whom they run, and what it refuses."""

import ipaddress
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import yaml
from chart_cluster import helm

from backtest_engine.settings import BacktestSettings
from chart.render import CASES, CHART, of_case, render
from data_collector.settings import CollectorSettings
from data_validation.settings import ValidationSettings
from optuna_optimizer.settings import OptimizerSettings
from tidewright.serving.settings import PREFIX

SETTINGS = {
    "data-collector": CollectorSettings,
    "data-validation": ValidationSettings,
    "backtest-engine": BacktestSettings,
    "optuna-optimizer": OptimizerSettings,
}
NUMBERS = re.compile(r"^\| \**([a-z-]+)\** .*\| (\d+) \| 8\d+ \| 9\d+ \|$", re.MULTILINE)
WITH_A_TOKEN = {"operator", "operator-test", "credentials"}
"""Components that speak to the API server."""


def rendered(*options):
    """The objects of the chart by kind and name."""
    helm("version")
    found = [one for one in yaml.load_all(render(*options), yaml.CSafeLoader) if one]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


@pytest.fixture(scope="module")
def platform():
    """As it comes, with runs in `research`."""
    return rendered("--set", "global.runNamespaces={research}")


def template(thing):
    """The pod that a thing makes; None where it makes none."""
    spec = thing["spec"] if thing["kind"] in {"Deployment", "StatefulSet", "Job", "CronJob"} else {}
    if thing["kind"] == "Pod":
        return thing
    return (spec.get("jobTemplate", {}).get("spec") or spec).get("template")


def pods(objects):
    """Pods by the component that they are of."""
    found = filter(None, map(template, objects.values()))
    return {pod["metadata"]["labels"]["app.kubernetes.io/component"]: pod for pod in found}


def containers(pod):
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def environment(pod, container):
    (found,) = (one for one in pod["spec"]["containers"] if one["name"] == container)
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in found["env"]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem if case else "as-it-comes")
def test_every_pod_is_a_restricted_one(case):
    for component, pod in pods(rendered(*of_case(case))).items():
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True, component
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, component
        assert pod["spec"].get("automountServiceAccountToken") is (component in WITH_A_TOKEN), component
        assert pod["spec"]["serviceAccountName"] != "default", component
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod["spec"].keys(), component
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, component
            assert {"requests", "limits"} <= container["resources"].keys(), component
            assert "memory" in container["resources"]["limits"], component


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_is_told_nothing_that_it_would_not_understand(platform, service):
    known = {f"{PREFIX}{name.upper()}" for name in SETTINGS[service].model_fields}
    assert set(environment(pods(platform)[service], service)) <= known


def test_ports_are_those_of_the_table():
    told = {
        name: int(number) for name, number in NUMBERS.findall((CHART.parents[1] / "docs" / "services.md").read_text())
    }
    facts = yaml.safe_load((CHART / "files" / "services.yaml").read_text())
    assert {name: fact["number"] for name, fact in facts.items()} == {name: told[name] for name in facts}


def test_every_secret_that_is_read_is_one_that_is_made(platform):
    plan = yaml.safe_load(platform["ConfigMap", "tidewright-credentials"]["data"]["plan.json"])
    made = {one["metadata"]["name"] for one in plan["secrets"]} | {plan["passwords"]["metadata"]["name"]}
    read = set()
    for pod in pods(platform).values():
        read |= {volume["secret"]["secretName"] for volume in pod["spec"].get("volumes", ()) if "secret" in volume}
        values = [one["valueFrom"] for one in containers(pod)[-1].get("env", ()) if "valueFrom" in one]
        read |= {one["secretKeyRef"]["name"] for one in values if "secretKeyRef" in one}
    assert read <= made
    assert read >= {"tidewright-credentials", "tidewright-writer", "tidewright-streams", "tidewright-mlflow"}


def test_no_password_is_in_what_is_rendered(platform):
    assert not [name for kind, name in platform if kind == "Secret"]


def test_runs_get_what_is_for_runs_alone(platform):
    plan = yaml.safe_load(platform["ConfigMap", "tidewright-credentials"]["data"]["plan.json"])
    of_runs = {one["metadata"]["name"] for one in plan["secrets"] if one["metadata"]["namespace"] == "research"}
    assert of_runs == {"tidewright-reader", "tidewright-trials", "tidewright-progress"}
    told = environment(pods(platform)["operator"], "operator")
    assert (told["TIDEWRIGHT_STUDY_SECRET"], told["TIDEWRIGHT_STREAMS_SECRET"]) == (
        "tidewright-trials",
        "tidewright-progress",
    )


def test_a_job_that_has_changed_is_another_one():
    def jobs(*options):
        return {name for kind, name in rendered(*options) if kind == "Job"}

    assert jobs() == jobs("--set", "services.defaults.podAnnotations.a=b")
    assert not jobs() & jobs("--set", "jobs.image.tag=0.2.0", "--set", "operator.enabled=false")


def test_external_servers_are_reached_as_the_same_users():
    objects = rendered("--values", CHART / "ci" / "external-values.yaml")
    plan = yaml.safe_load(objects["ConfigMap", "tidewright-credentials"]["data"]["plan.json"])
    urls = {one["metadata"]["name"]: one["data"]["url"] for one in plan["secrets"]}
    assert urls["tidewright-writer"] == "postgresql://writer:{writer}@db.example.com:6432/market?sslmode=verify-full"
    assert urls["tidewright-mlflow"] == "postgresql://mlflow:{mlflow}@db.example.com:6432/mlflow?sslmode=verify-full"
    assert urls["tidewright-streams"] == "rediss://streams:{streams}@redis.example.com:6380/0"
    assert plan["passwords"]["metadata"]["name"] == "passwords"
    assert ("StatefulSet", "tidewright-postgres") not in objects
    assert allowed(objects, "data-validation", "10.1.2.3", 6432)
    assert not allowed(objects, "data-validation", "10.1.2.3", 5432)
    assert not allowed(objects, "data-validation", "10.3.0.1", 6432)


def test_with_certificates_every_connection_is_encrypted_and_verified():
    objects = rendered("--values", CHART / "values-production.yaml")
    plan = yaml.safe_load(objects["ConfigMap", "tidewright-credentials"]["data"]["plan.json"])
    here = {
        one["metadata"]["name"]: one["data"]
        for one in plan["secrets"]
        if one["metadata"]["namespace"] == "tidewright-system"
    }
    assert here["tidewright-writer"]["url"].endswith("?sslmode=verify-full&sslrootcert=/certificates/postgres/ca.crt")
    assert here["tidewright-streams"]["url"].startswith("rediss://")
    assert "hostssl all all all scram-sha-256" in objects["ConfigMap", "tidewright-postgres"]["data"]["pg_hba.conf"]
    assert "\nport 0\n" in objects["ConfigMap", "tidewright-redis"]["data"]["redis.conf"]
    service = pods(objects)["backtest-engine"]
    assert environment(service, "backtest-engine")["TIDEWRIGHT_TLS"] == "/tls"
    assert service["spec"]["containers"][0]["readinessProbe"]["httpGet"]["scheme"] == "HTTPS"
    mounted = {one["mountPath"] for one in service["spec"]["containers"][0]["volumeMounts"]}
    assert {"/tls", "/certificates/postgres"} <= mounted


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["postgres.enabled=false"], "there is no postgres: set postgres.enabled=true, or postgres.external.url"),
        (["redis.enabled=false"], "there is no redis"),
        (["services.data-collector.replicas=2"], "cannot be shared by several pods"),
        (["services.data-validation.autoscaling.maxReplicas=3"], "cannot be shared by several pods"),
        (["services.backtest-engine.replicas=2"], "a PersistentVolumeClaim that is ReadWriteMany"),
        (["services.mlflow-tracking.tls.secretName=x"], "no TLS of its own"),
        (["services.backtest-engine.replica=2"], "additional properties 'replica' not allowed"),
        (["services.backtest=1"], "additional properties 'backtest' not allowed"),
        (["postgres.external.url=postgresql://user:password@db/x"], "does not match pattern"),
        (["postgres.backup.keep=0"], "minimum"),
        (["global.runNamespaces={Research}"], "does not match pattern"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_remedy(values, told):
    with pytest.raises(RuntimeError, match=re.escape(told)):
        rendered(*(part for value in values for part in ("--set", value)))


def test_a_service_that_shares_its_work_is_scaled_and_may_lose_one_pod_at_a_time():
    objects = rendered("--values", CHART / "values-production.yaml")
    scaler = objects["HorizontalPodAutoscaler", "tidewright-backtest-engine"]["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 6)
    assert "replicas" not in objects["StatefulSet", "tidewright-backtest-engine"]["spec"]
    for name in ("backtest-engine", "data-validation", "postgres", "redis", "operator"):
        assert ("PodDisruptionBudget", f"tidewright-{name}") in objects


class Ready(BaseHTTPRequestHandler):
    """Answers that it is ready, and under any other path that it is not."""

    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 503)
        self.end_headers()

    def log_message(self, *_):
        return


def test_helm_test_asks_every_service_and_says_which_is_not_ready(platform):
    (container,) = platform["Pod", "tidewright-test"]["spec"]["containers"]
    script, *urls = container["args"]
    assert len(urls) == 5
    assert "http://tidewright-backtest-engine:8005/readyz" in urls
    with HTTPServer(("127.0.0.1", 0), Ready) as server:
        threading.Thread(target=server.serve_forever).start()
        where = f"http://127.0.0.1:{server.server_port}"
        command = [sys.executable, "-c", script.replace("PATIENCE = 120.0", "PATIENCE = 0.0")]
        well, ill = (
            subprocess.run([*command, f"{where}/{path}"], capture_output=True, text=True, check=False)
            for path in ("readyz", "other")
        )
        server.shutdown()
    assert (well.returncode, ill.returncode) == (0, 1)
    assert "answers 503" in ill.stderr


# Who may speak to whom, as a network that enforces the rendered policies has it.

OUTSIDE = {
    "dns": ({"kubernetes.io/metadata.name": "kube-system"}, {}),
    "prometheus": ({"kubernetes.io/metadata.name": "monitoring"}, {}),
    "run": ({"kubernetes.io/metadata.name": "research"}, {"app.kubernetes.io/managed-by": "tidewright-operator"}),
    "stranger": ({"kubernetes.io/metadata.name": "research"}, {"app": "stranger"}),
}
"""Labels of the namespace and of the pod."""


def who(objects, name):
    here = {"kubernetes.io/metadata.name": "tidewright-system"}
    return OUTSIDE.get(name) or (here, pods(objects)[name]["metadata"]["labels"])


def selects(selector, labels):
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    inside = {"In": True, "NotIn": False}
    return wanted and all(
        (labels.get(one["key"]) in one["values"]) is inside[one["operator"]]
        for one in selector.get("matchExpressions", ())
    )


def is_peer(peer, labels, address, namespace="tidewright-system"):
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        there = address is not None and ipaddress.ip_address(address) in ipaddress.ip_network(block["cidr"])
        return there and not any(
            ipaddress.ip_address(address) in ipaddress.ip_network(one) for one in block.get("except", ())
        )
    if labels is None:
        return False
    of_namespace, of_pod = labels
    spaces = (
        selects(peer["namespaceSelector"], of_namespace)
        if "namespaceSelector" in peer
        else of_namespace["kubernetes.io/metadata.name"] == namespace
    )
    return spaces and selects(peer.get("podSelector", {}), of_pod)


def allowed(objects, source, target, port):
    """Whether a connection goes through: out of `source` and into `target`, a component, somebody in OUTSIDE, or an address."""
    address = target if re.fullmatch(r"[\d.]+", target) else None
    ends = {"egress": (source, None if address else who(objects, target), "to")}
    if address is None:
        ends["ingress"] = (target, who(objects, source), "from")
    for direction, (end, other, word) in ends.items():
        if end in OUTSIDE:
            continue
        _, labels = who(objects, end)
        policies = [
            thing["spec"]
            for (kind, _), thing in objects.items()
            if kind == "NetworkPolicy" and selects(thing["spec"]["podSelector"], labels)
        ]
        assert policies, f"nothing holds {end}"
        ports = {
            one["name"]: one["containerPort"]
            for container in containers(pods(objects)[end])
            for one in container.get("ports", ())
        }
        rules = [rule for policy in policies for rule in policy.get(direction) or ()]
        if not any(
            any(is_peer(peer, other, address) for peer in rule[word])
            and any(ports.get(one["port"], one["port"]) == port for one in rule["ports"])
            for rule in rules
        ):
            return False
    return True


ADDRESS_OF_AN_EXCHANGE = "54.230.1.1"
EDGES = {
    ("data-collector", ADDRESS_OF_AN_EXCHANGE, 443),
    ("data-collector", "redis", 6379),
    ("data-validation", "redis", 6379),
    ("operator", "redis", 6379),
    ("run", "redis", 6379),
    ("data-validation", "postgres", 5432),
    ("backtest-engine", "postgres", 5432),
    ("optuna-optimizer", "postgres", 5432),
    ("mlflow-tracking", "postgres", 5432),
    ("migrations", "postgres", 5432),
    ("postgres-backup", "postgres", 5432),
    ("run", "postgres", 5432),
    ("backtest-engine", "mlflow-tracking", 8010),
    ("optuna-optimizer", "mlflow-tracking", 8010),
    ("run", "mlflow-tracking", 8010),
    *(("prometheus", service, port) for service, port in [("data-collector", 8001), ("data-validation", 8002), ("backtest-engine", 8005), ("optuna-optimizer", 8006)]),
    *(("test", service, port) for service, port in [("data-collector", 8001), ("data-validation", 8002), ("backtest-engine", 8005), ("optuna-optimizer", 8006), ("mlflow-tracking", 8010)]),
    ("prometheus", "operator", 9090),
    ("operator", ADDRESS_OF_AN_EXCHANGE, 443),  # the API server may be anywhere, until it is narrowed
    ("operator-test", ADDRESS_OF_AN_EXCHANGE, 443),
    ("credentials", ADDRESS_OF_AN_EXCHANGE, 443),
}  # fmt: skip


def test_nobody_speaks_to_anybody_but_along_the_edges(platform):
    there = {*pods(platform)}
    ports = {443, 5432, 6379, 8001, 8002, 8005, 8006, 8010, 9001, 9002, 9005, 9006, 9090}
    found = {
        (source, target, port)
        for source in {*there, *OUTSIDE}
        for target in {*there, ADDRESS_OF_AN_EXCHANGE}
        for port in ports
        if source != target and not (source in OUTSIDE and target == ADDRESS_OF_AN_EXCHANGE)
        if allowed(platform, source, target, port)
    }
    assert found == EDGES


def test_no_service_reaches_a_private_address(platform):
    for component in pods(platform):
        if component not in {"operator", "operator-test", "credentials"}:
            for port in (22, 80, 443, 5432, 6443):
                assert not allowed(platform, component, "10.0.0.1", port), component


def test_clients_are_let_in_where_they_are_named():
    peers = '[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"research"}}}]'
    objects = rendered("--set-json", f"networkPolicy.clientsFrom={peers}")
    assert allowed(objects, "stranger", "backtest-engine", 9005)
    assert allowed(objects, "stranger", "backtest-engine", 8005)
    assert not allowed(objects, "stranger", "postgres", 5432)


def test_the_whole_namespace_is_held_where_that_is_asked_for():
    deny = rendered("--set", "networkPolicy.wholeNamespace=true")["NetworkPolicy", "tidewright-default-deny"]["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_an_operator_without_a_policy_of_its_own_is_left_alone():
    objects = rendered("--set", "operator.networkPolicy.create=false")
    labels = pods(objects)["operator"]["metadata"]["labels"]
    assert not [
        name
        for (kind, name), thing in objects.items()
        if kind == "NetworkPolicy" and selects(thing["spec"]["podSelector"], labels)
    ]
