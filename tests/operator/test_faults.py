"""Whatever goes wrong on the way: every run comes to the state that it comes to without, and nothing of it runs twice.

The operator is started again whenever it ends, as its kubelet would do it.
"""

import time
from collections import Counter
from contextlib import suppress
from itertools import count

import pytest
from backtest_runs import GROUP
from faults import delay, killed_after, killed_before, lost_answer, reset, stall, status
from pod_life import Ending, Stays
from studies import Studies, component_of
from work_records import complete, study_complete

PATIENCE = 240
TIMES = {"startTime", "completionTime"}


class World:
    """A namespace with a proxy, an operator that is kept running, and a kubelet that counts the pods of every resource."""

    def __init__(self, proxy, process, runs, kubelet):
        self.proxy, self.process, self.runs = proxy, process, runs
        self.studies = Studies(runs.kube, runs.namespace)
        self.pods, self.kills = Counter(), 0
        self._names = (f"life-{number}" for number in count())
        self._kubelet = kubelet(self._script)

    def _script(self, pod):
        self.pods[pod["metadata"]["labels"]["tidewright.io/owner-name"]] += 1
        return Stays.RUNNING

    def end_pods(self, name):
        pods = self.runs.list("/api/v1", f"pods?labelSelector=tidewright.io/owner-name={name}")
        for pod in (pod for pod in pods if pod["status"]["phase"] == "Running"):  # others have not been counted yet
            with suppress(LookupError):  # it has ended, and is gone
                words = study_complete() if component_of(pod) == "conclusion" else complete()
                self._kubelet.finish(pod["metadata"]["name"], Ending(0, words))

    def begin(self, life):
        name = next(self._names)
        life.begin(self, name)
        return name

    def end(self, life, name):
        """What comes of it in the end; nothing that was planned goes wrong any more."""
        ended = life.end(self, name)
        self.proxy.forgive()
        return ended

    def whole(self, life):
        return self.end(life, self.begin(life))

    def kill(self):
        self.kills += 1
        self.process.kill()

    def writes(self):
        """What has been written until now, as verb, resource and subresource; the lease and events are no part of a reconciliation's state."""
        return [
            (call.verb, call.resource, call.subresource)
            for call in self.proxy.calls
            if call.writes and call.resource not in {"leases", "events"}
        ]


class Backtest:
    """A BacktestRun from its creation to its end, and if it is to be tidied up to that of its Job. What comes of it: its status, its pods, its Jobs."""

    def __init__(self, **spec):
        self.spec = spec

    def begin(self, world, name):
        world.runs.create(name, **self.spec)

    def end(self, world, name):
        def finished():
            status, reason = world.runs.conditions(name).get("Finished", ("", ""))
            if reason == "Running":
                world.end_pods(name)
            return status == "True"

        world.runs.until(finished, name, PATIENCE)
        status = world.runs.status(name)
        if "ttlAfterFinished" in self.spec:
            world.runs.until(lambda: not world.runs.jobs(name), name, PATIENCE)
        return timeless(status), world.pods[name], len(world.runs.jobs(name))


class Study:
    """An OptimizationStudy with two workers from its creation to its end, and to that of its Jobs; if it is a `whole` one it is extended then, and deleted with its trials. What comes of it: its status, its pods, its Jobs."""

    def __init__(self, *, whole=False):
        self.whole = whole

    def begin(self, world, name):
        policy = {"deletionPolicy": "Delete"} if self.whole else {"ttlAfterFinished": "0s"}
        world.studies.create(name, parallelism=2, **policy)

    def end(self, world, name):
        status = self._finished(world, name, trials=100)
        if self.whole:
            world.studies.change(name, trials=200)
            status = self._finished(world, name, trials=200)
            world.studies.delete(name)
            world.studies.until(lambda: self._forgotten(world, name), name, PATIENCE)
        world.studies.until(lambda: not world.studies.jobs(name), name, PATIENCE)
        return timeless(status), world.pods[name]

    @staticmethod
    def _finished(world, name, trials):
        found = {}

        def finished():
            found.update(world.studies.get(name))
            reasons = reasons_of(found)
            if reasons & {("Finished", "Running"), ("Finished", "Evaluating")}:
                world.end_pods(name)
            return ("Complete", "Complete") in reasons and found["status"]["trials"]["asked"] == trials

        world.studies.until(finished, name, PATIENCE)
        return found["status"]

    @staticmethod
    def _forgotten(world, name):
        world.end_pods(name)
        return world.studies.get(name) is None


class Strategy:
    """A TradingStrategy that is served by two pods, and then by one of another version. What comes of it: its status, and how many children it has."""

    def begin(self, world, name):
        world.runs.create_strategy(name, signals={"replicas": 2})

    def end(self, world, name):
        path = f"{GROUP}/namespaces/{world.runs.namespace}/tradingstrategies/{name}"

        def status():
            found = world.runs.kube.get(path).raise_for_status().json()
            settled = {("Ready", "Serving"), ("Progressing", "Settled")} <= reasons_of(found)
            return found["status"] if settled else {}

        world.runs.until(lambda: status().get("readyReplicas") == 2, name, PATIENCE)
        world.runs.merge(path, {"spec": {"parameters": {"fast": 5}, "signals": {"replicas": 1}}})
        world.runs.until(lambda: status().get("observedGeneration") == 2 and status()["replicas"] == 1, name, PATIENCE)
        world.runs.until(lambda: children(world, name) == SERVED, name, PATIENCE)
        found = status()
        world.runs.kube.delete(path).raise_for_status()
        world.runs.until(lambda: not any(children(world, name).values()), name, PATIENCE)
        return {**timeless(found), "selector": ""}


SERVED = {
    "configmaps": 1,
    "services": 1,
    "serviceaccounts": 1,
    "deployments": 1,
    "networkpolicies": 1,
    "poddisruptionbudgets": 0,
}
GROUPS = {"deployments": "apps/v1", "networkpolicies": "networking.k8s.io/v1", "poddisruptionbudgets": "policy/v1"}


def children(world, name):
    """How many children of each kind a strategy has."""
    return {
        resource: len(
            world.runs.list(
                f"/apis/{GROUPS[resource]}" if resource in GROUPS else "/api/v1",
                f"{resource}?labelSelector=tidewright.io/owner-name={name}",
            )
        )
        for resource in SERVED
    }


class Waiting:
    """A resource of a kind that nobody works on yet. What comes of it: its status."""

    def __init__(self, kind, plural, spec):
        self.kind, self.plural, self.spec = kind, plural, spec

    def begin(self, world, name):
        path = world.runs.path.replace("backtestruns", self.plural)
        world.runs.kube.post(path, json=world.runs.resource(self.kind, name, self.spec)).raise_for_status()

    def end(self, world, name):
        path = f"{world.runs.path.replace('backtestruns', self.plural)}/{name}"
        found = {}

        def told():
            found.update(world.runs.kube.get(path).raise_for_status().json().get("status", {}))
            return found

        world.runs.until(told, name, PATIENCE)
        return timeless(found)


def reasons_of(thing):
    """The type and the reason of each of its conditions."""
    return {(one["type"], one["reason"]) for one in thing.get("status", {}).get("conditions", ())}


def timeless(status):
    conditions = [{**one, "lastTransitionTime": ""} for one in status["conditions"]]
    return {**{part: value for part, value in status.items() if part not in TIMES}, "conditions": conditions}


DATA = {"exchange": "simulated"}
RUN, TIDY, NAMED = Backtest(), Backtest(ttlAfterFinished="0s"), Backtest(strategy={"name": "ma-cross"})
KINDS = {
    "BacktestRun": TIDY,
    "BacktestRun by name": NAMED,
    "TradingStrategy": Strategy(),
    "OptimizationStudy": Study(),
    "OptimizationStudy as a whole": Study(whole=True),
    "RLTraining": Waiting("RLTraining", "rltrainings", {"data": DATA, "symbols": ["BTC/USDT"], "timeframe": "1h"}),
}
of_each_kind = pytest.mark.parametrize("life", KINDS.values(), ids=KINDS)


@pytest.fixture
def world(proxy, operator, runs, kubelet):
    process = operator(proxy, resync_seconds=2, study_secret="trials")  # noqa: S106 - the name of one
    with process.kept_running():
        yield World(proxy, process, runs, kubelet)


@pytest.fixture
def there(world):
    """The strategy that runs name, to which nothing happens any more."""
    world.runs.create_strategy("ma-cross", signals={"replicas": 0})
    path = f"{GROUP}/namespaces/{world.runs.namespace}/tradingstrategies/ma-cross"
    world.runs.until(lambda: ("Progressing", "Settled") in reasons_of(world.runs.kube.get(path).json()))


def faultless(world, life):
    """One life without any fault: what comes of it, and what is written on the way, in order."""
    before = len(world.writes())
    ended = world.whole(life)
    return ended, world.writes()[before:]


def kill_around_writes(world, life, chosen=lambda write: True):
    expected, writes = faultless(world, life)
    seen = Counter()
    for write in writes:
        skip, seen[write] = seen[write], seen[write] + 1
        for fault in (killed_before, killed_after):
            if not chosen(write):
                continue
            verb, resource, subresource = write
            world.proxy.fail(fault(world.kill), skip=skip, verb=verb, resource=resource, subresource=subresource)
            assert world.whole(life) == expected, (write, skip, fault.__name__)
    return {write for write in writes if chosen(write)}


@pytest.mark.parametrize("life", [RUN, Strategy(), Study()], ids=["run", "strategy", "study"])
def test_an_operator_that_is_killed_around_the_creation_of_what_works_makes_it_once(world, life):
    chosen = {("create", "jobs", ""), ("patch", "deployments", "")}

    assert len(kill_around_writes(world, life, chosen.__contains__)) == 1
    assert world.kills >= 2


@pytest.mark.soak
@of_each_kind
def test_an_operator_may_be_killed_around_every_write(world, there, life):
    writes = kill_around_writes(world, life)

    assert world.kills >= 2 * len(writes), "each of them at least once; some there are not in every life"


@pytest.mark.soak
@of_each_kind
@pytest.mark.parametrize(
    "answer",
    [reset, lost_answer, status(503), status(409), status(429, 1)],
    ids=["reset", "lost answer", "503", "409", "429"],
)
def test_every_write_may_fail_once(world, there, life, answer):
    expected, writes = faultless(world, life)
    seen = Counter()
    for verb, resource, subresource in writes:
        skip, seen[verb, resource] = seen[verb, resource], seen[verb, resource] + 1
        world.proxy.fail(answer, skip=skip, verb=verb, resource=resource, subresource=subresource)

        assert world.whole(life) == expected, (verb, resource, skip)
    assert world.process.restarts == 0


@pytest.mark.soak
@of_each_kind
def test_every_write_may_take_too_long(world, there, life):
    expected, writes = faultless(world, life)
    for verb, resource, subresource in dict.fromkeys(writes):
        world.proxy.fail(stall, verb=verb, resource=resource, subresource=subresource)

        assert world.whole(life) == expected, (verb, resource)


@pytest.mark.parametrize(("kind", "resource"), [("ADDED", "backtestruns"), ("MODIFIED", "jobs")])
def test_an_event_may_be_lost(world, kind, resource):
    expected, _ = faultless(world, RUN)
    world.proxy.lose_event(kind, resource=resource)

    assert world.whole(RUN) == expected


@pytest.mark.soak
@pytest.mark.parametrize(
    ("life", "resource"),
    [
        (TIDY, "backtestruns"),
        (TIDY, "jobs"),
        (Strategy(), "tradingstrategies"),
        (Strategy(), "deployments"),
        (Strategy(), "poddisruptionbudgets"),
        (Study(whole=True), "optimizationstudies"),
        (Study(), "jobs"),
        (KINDS["RLTraining"], "rltrainings"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize(("kind", "how_many"), [("ADDED", 1), ("MODIFIED", 6), ("DELETED", 1)])
def test_every_event_may_be_lost(world, life, resource, kind, how_many):
    expected, _ = faultless(world, life)
    for skip in range(how_many):
        world.proxy.lose_event(kind, skip=skip, resource=resource)

        assert world.whole(life) == expected, (resource, kind, skip)


OUTAGES = {
    "503": status(503),
    "429": status(429, retry_after=2),
    "time-outs": stall,
    "resets": reset,
    "lost answers": lost_answer,
    "slow answers": delay(2),
}


@pytest.mark.parametrize("name", ["503", "time-outs", "lost answers"])
def test_an_api_server_that_does_not_serve_for_a_moment(world, name):
    survive(world, RUN, OUTAGES[name], 3)


@pytest.mark.soak
@pytest.mark.parametrize("life", [RUN, Strategy(), Study()], ids=["run", "strategy", "study"])
@pytest.mark.parametrize("fault", OUTAGES.values(), ids=OUTAGES)
def test_an_api_server_that_does_not_serve_for_a_time(world, life, fault):
    survive(world, life, fault, 90)


def survive(world, life, fault, seconds):
    expected, _ = faultless(world, life)
    running = world.begin(life)
    with world.proxy.failing(fault):
        during = world.begin(life)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.1)

    assert world.end(life, running) == expected
    assert world.end(life, during) == expected
    assert world.whole(life) == expected


@pytest.mark.parametrize("restart", ["restart_apiserver", "restart_etcd"])
@pytest.mark.parametrize(
    "life",
    [RUN, *(pytest.param(one, marks=pytest.mark.soak) for one in (Strategy(), Study(whole=True)))],
    ids=["run", "strategy", "study"],
)
def test_the_control_plane_may_be_restarted(world, control_plane, life, restart):
    expected, _ = faultless(world, life)
    running = world.begin(life)

    getattr(control_plane, restart)()
    after = world.begin(life)

    assert world.end(life, running) == expected
    assert world.end(life, after) == expected


@pytest.mark.soak
def test_many_runs_and_an_operator_that_is_killed_all_the_time(world):
    expected, _ = faultless(world, RUN)
    names = [world.begin(RUN) for _ in range(50)]
    for _ in range(10):
        world.process.wait_until_ready()
        world.process.kill()

    for name in names:
        assert world.end(RUN, name) == expected


def test_two_operators_that_both_believe_to_lead_make_every_child_once(operator, runs, kubelet):
    kubelet(lambda pod: Stays.RUNNING if pod["spec"]["restartPolicy"] == "Always" else Ending(0, complete()))
    operator()
    operator(identity="operator-1", lease_namespace="default")
    names = [f"run-{number}" for number in range(10)]
    for name in names:
        runs.create(name)
    runs.create_strategy("ma-cross")

    for name in names:
        assert runs.finished(name)["attempts"] == 1
        assert len(runs.jobs(name)) == 1
    assert [one["metadata"]["name"] for one in runs.list("/apis/apps/v1", "deployments")] == ["signals-ma-cross"]


@pytest.mark.soak
@pytest.mark.parametrize("operating", [True, False], ids=["", "while the operator is down"])
@pytest.mark.parametrize("reason", ["RollingOut", "Settled", "RestartNeeded"])
def test_a_strategy_can_be_deleted_at_any_moment(operator, runs, kubelet, reason, operating):
    kubelet(lambda pod: Stays.PENDING if reason == "RollingOut" else Stays.RUNNING)
    process = operator()
    path = f"{GROUP}/namespaces/{runs.namespace}/tradingstrategies/ma-cross"

    def progress():
        conditions = runs.kube.get(path).json().get("status", {}).get("conditions", ())
        return next((one["reason"] for one in conditions if one["type"] == "Progressing"), "")

    def deployments():
        return runs.list("/apis/apps/v1", "deployments")

    runs.create_strategy("ma-cross", execution={"mode": "DryRun", "exchange": "kraken"})
    if reason == "RestartNeeded":
        runs.until(lambda: progress() == "Settled")
        runs.merge(path, {"spec": {"parameters": {"fast": 5}}})
    runs.until(lambda: progress() == reason)
    if not operating:
        process.kill()

    runs.kube.delete(path).raise_for_status()

    assert runs.kube.get(path).status_code == 404
    runs.until(lambda: not deployments())
    if not operating:
        process.start().wait_until_ready()
    uid = runs.create_strategy("ma-cross")["metadata"]["uid"]
    runs.until(lambda: [one["metadata"]["ownerReferences"][0]["uid"] for one in deployments()] == [uid])
