"""The objects of a strategy's signal service, all of one name. Pure.

Its pods have no credentials of the cluster and no way out but to DNS; whoever is in the namespace may ask them.
"""

from tidewright_operator.cluster import (
    DEPLOYMENT,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
    Object,
)
from tidewright_operator.kinds.strategy_container import ENDPOINT, strategy_containers
from tidewright_operator.kinds.strategy_version import CONTAINER, STRATEGY_KEY, Version, service_name
from tidewright_operator.names import COMPONENT, EXCHANGE, OWNER_UID, RESTART, STRATEGY_DIGEST
from tidewright_operator.ownership import owned_metadata, owner_labels
from tidewright_operator.restricted import container_security, pod_security
from tidewright_operator.settings import Settings

REST_PORT, GRPC_PORT = 8011, 9011
STRATEGY_FOLDER, ANCHOR_FOLDER = "/etc/tidewright", "/anchor"

DRAIN, GRACE = 5, 20
"""Seconds that a pod goes on serving once it has been told to stop, until nobody asks it any more, and that it then has to finish."""


def pod_labels(strategy: Object) -> dict[str, str]:
    """What the pods of the service have, and no others."""
    return {OWNER_UID: strategy["metadata"]["uid"], COMPONENT: CONTAINER}


def service_objects(
    strategy: Object, version: Version, source: Object, settings: Settings
) -> list[tuple[Kind, Object]]:
    """What serves `version`, whose strategy has this `source`, in the order to be made: nothing runs before its network policy is there."""
    objects = [
        (SERVICE_ACCOUNT, service_account(strategy)),
        (NETWORK_POLICY, network_policy(strategy)),
        (DEPLOYMENT, deployment(strategy, version, source, settings)),
        (SERVICE, service(strategy)),
    ]
    if replicas_of(strategy) > 1:
        objects.append((POD_DISRUPTION_BUDGET, disruption_budget(strategy)))
    return objects


def replicas_of(strategy: Object) -> int:
    """How many pods are wanted."""
    return int(strategy["spec"].get("signals", {}).get("replicas", 1))


def service_account(strategy: Object) -> Object:
    """An identity that may do nothing, so that the pods do not have the namespace's."""
    return {"metadata": _metadata(strategy), "automountServiceAccountToken": False}


def network_policy(strategy: Object) -> Object:
    """In: REST and gRPC, from the namespace. Out: DNS."""
    ports = [{"port": port, "protocol": "TCP"} for port in (REST_PORT, GRPC_PORT)]
    dns = [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]
    resolver = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    return {
        "metadata": _metadata(strategy),
        "spec": {
            "podSelector": {"matchLabels": pod_labels(strategy)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [{"podSelector": {}}], "ports": ports}],
            "egress": [{"to": [resolver], "ports": dns}],
        },
    }


def service(strategy: Object) -> Object:
    """The address of the pods."""
    ports = (("rest", REST_PORT, "http"), ("grpc", GRPC_PORT, "kubernetes.io/h2c"))
    return {
        "metadata": _metadata(strategy),
        "spec": {
            "type": "ClusterIP",
            "selector": pod_labels(strategy),
            "ports": [
                {"name": name, "port": port, "targetPort": name, "protocol": "TCP", "appProtocol": protocol}
                for name, port, protocol in ports
            ],
        },
    }


def disruption_budget(strategy: Object) -> Object:
    """At most one pod at a time is moved; of one pod alone it would only keep a node from being drained."""
    selector = {"matchLabels": pod_labels(strategy)}
    return {"metadata": _metadata(strategy), "spec": {"maxUnavailable": 1, "selector": selector}}


def deployment(strategy: Object, version: Version, source: Object, settings: Settings) -> Object:
    """The pods that serve `version`. Old ReplicaSets are not kept: what they would serve is gone."""
    noted = {STRATEGY_DIGEST: version.digest, EXCHANGE: version.exchange}
    if version.restart is not None:
        noted[RESTART] = version.restart
    labels = owner_labels(strategy) | pod_labels(strategy)
    return {
        "metadata": _metadata(strategy),
        "spec": {
            "replicas": replicas_of(strategy),
            "revisionHistoryLimit": 0,
            "selector": {"matchLabels": pod_labels(strategy)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": labels, "annotations": noted},
                "spec": _pod(strategy, version, source, settings),
            },
        },
    }


def _pod(strategy: Object, version: Version, source: Object, settings: Settings) -> Object:
    found: Object = {
        **pod_security(),
        "serviceAccountName": service_name(strategy),
        "terminationGracePeriodSeconds": DRAIN + GRACE + 5,
        "affinity": {"podAntiAffinity": _apart(strategy)},
        "containers": [_container(strategy, version, settings)],
        "volumes": [
            {"name": "strategy", "configMap": {"name": version.config_map}},
            {"name": "tmp", "emptyDir": {}},
            _volume("data", settings.data_claim),
            _volume("anchor", settings.anchor_claim),
        ],
    }
    if code := strategy_containers(source):
        found["initContainers"] = code
        found["containers"][0]["env"].append({"name": "TIDEWRIGHT_STRATEGY_ENDPOINT", "value": ENDPOINT})
    return found


def _container(strategy: Object, version: Version, settings: Settings) -> Object:
    return {
        "name": CONTAINER,
        "image": settings.signals_image or settings.worker_image,
        "args": ["python", "-m", "tidewright.signals"],
        "env": [{"name": name, "value": value} for name, value in _environment(strategy, version, settings).items()],
        "ports": [
            {"name": "rest", "containerPort": REST_PORT, "protocol": "TCP"},
            {"name": "grpc", "containerPort": GRPC_PORT, "protocol": "TCP"},
        ],
        "startupProbe": {"httpGet": {"path": "/healthz", "port": "rest"}, "periodSeconds": 2, "failureThreshold": 150},
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "rest"}, "periodSeconds": 10, "timeoutSeconds": 5},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "rest"}, "periodSeconds": 5, "timeoutSeconds": 5},
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": container_security(),
        "volumeMounts": [
            {"name": "strategy", "mountPath": STRATEGY_FOLDER, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
            {"name": "data", "mountPath": "/data", "readOnly": True},
            {"name": "anchor", "mountPath": ANCHOR_FOLDER},
        ],
    }


def _environment(strategy: Object, version: Version, settings: Settings) -> dict[str, str]:
    return {
        "TIDEWRIGHT_STRATEGY": f"{STRATEGY_FOLDER}/{STRATEGY_KEY}",
        "TIDEWRIGHT_STORE": settings.store,
        "TIDEWRIGHT_EXCHANGE": version.exchange,
        "TIDEWRIGHT_ANCHOR": f"{ANCHOR_FOLDER}/{service_name(strategy)}/{version.digest[7:23]}",
        "TIDEWRIGHT_REST_PORT": str(REST_PORT),
        "TIDEWRIGHT_GRPC_PORT": str(GRPC_PORT),
        "TIDEWRIGHT_DRAIN": str(DRAIN),
        "TIDEWRIGHT_GRACE": str(GRACE),
        "TMPDIR": "/tmp",  # noqa: S108
        "XDG_CACHE_HOME": "/tmp/cache",  # noqa: S108
    }


def _volume(name: str, claim: str) -> Object:
    return {"name": name, **({"persistentVolumeClaim": {"claimName": claim}} if claim else {"emptyDir": {}})}


def _apart(strategy: Object) -> Object:
    """Rather on different nodes."""
    term = {"labelSelector": {"matchLabels": pod_labels(strategy)}, "topologyKey": "kubernetes.io/hostname"}
    return {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}


def _metadata(strategy: Object) -> Object:
    return owned_metadata(strategy, service_name(strategy), {COMPONENT: CONTAINER})
