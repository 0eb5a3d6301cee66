"""The operator's metrics, under the names that controller-runtime gave them: dashboards for any controller know ours."""

from prometheus_client import Counter, Gauge, Histogram

RECONCILED = Counter("controller_runtime_reconcile", "Reconciliations by kind and result.", ["controller", "result"])
ERRORS = Counter("controller_runtime_reconcile_errors", "Reconciliations that failed.", ["controller"])
SECONDS = Histogram(
    "controller_runtime_reconcile_time_seconds",
    "How long a reconciliation takes.",
    ["controller"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
QUEUE = "operator"
DEPTH = Gauge("workqueue_depth", "Keys that wait to be reconciled.", ["name"])
RETRIES = Counter("workqueue_retries", "Keys that were put back because their reconciliation failed.", ["name"])
LAG = Histogram(
    "event_loop_lag_seconds",
    "How late the event loop wakes.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
LEADER = Gauge("leader_election_master_status", "1 where this process holds the lease.", ["name"])
EVENTS = Counter("tidewright_operator_watch_events", "Events seen by kind.", ["kind"])
STALE = Counter("tidewright_operator_stale_watches", "Watches that a re-list found to have missed something.", ["kind"])
