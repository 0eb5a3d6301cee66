"""What the operator has a study's Jobs run is what the command of these Jobs understands."""

import click
import pytest

from optuna_optimizer.work import main
from tidewright.specs.pod import Pod
from tidewright_operator.kinds.study_jobs import conclusion_job, forgetting_job, search_job
from tidewright_operator.settings import Settings

CODE = {"classRef": {"module": "desk.cross", "class": "Cross", "image": "registry/desk@sha256:" + 64 * "0"}}
SETTINGS = Settings(
    study_secret="trials",  # noqa: S106 - the name of one
    store="postgresql://market",
    streams="redis://r/0",
    tracking="http://mlflow:8010",
)


def study():
    meta = {"name": "ma-cross", "namespace": "research", "uid": "1234"}
    return {"apiVersion": "tidewright.io/v1alpha1", "kind": "OptimizationStudy", "metadata": meta, "spec": {}}


@pytest.fixture
def understood(monkeypatch):
    """Gives the name of the command that a Job runs, and its options as that understands them."""

    def understood(job):
        (container,) = job["spec"]["template"]["spec"]["containers"]
        for one in container["env"]:
            monkeypatch.setenv(one["name"], one.get("value", "postgresql://studies"))
        python, dash, module, *args = container["args"]
        assert (python, dash, module) == ("python", "-m", "optuna_optimizer.work")
        with click.Context(main) as around:
            name, command, rest = main.resolve_command(around, args)
            return name, command.make_context(name, rest, parent=around).params

    return understood


def test_a_worker_searches_so_many_trials_of_its_payload(understood):
    name, told = understood(search_job(study(), Pod(), {"source": {"builtin": "MacdCross"}}, SETTINGS))

    assert name == "search"
    assert {one: told[one] for one in ("studies", "store", "streams", "trials", "strategy_endpoint")} == {
        "studies": "postgresql://studies",
        "store": "postgresql://market",
        "streams": "redis://r/0",
        "trials": 100,
        "strategy_endpoint": None,
    }
    assert str(told["payload"]) == "/etc/tidewright/run.json"
    assert told["progress_key"].startswith("research/ma-cross-")


def test_one_concludes_beside_a_users_own_code(understood):
    name, told = understood(conclusion_job(study(), Pod(), {"source": CODE}, 1, SETTINGS))

    assert name == "conclude"
    assert (told["artifacts"], told["track"]) == ("file:///artifacts", "http://mlflow:8010")
    assert (told["trials"], told["strategy_endpoint"]) == (100, "127.0.0.1:9000")


def test_one_forgets_the_study_by_its_name(understood):
    name, told = understood(forgetting_job(study(), Pod(), SETTINGS))

    assert (name, told) == ("forget", {"key": "research/ma-cross", "studies": "postgresql://studies"})
