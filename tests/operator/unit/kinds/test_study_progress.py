"""A reconciliation of a running OptimizationStudy takes what its workers have told, of either Job, and asks nobody for it."""

import pytest
from work_records import BEST

from tidewright.adapters.progress_board import MemoryProgress
from tidewright_operator.clock import now
from tidewright_operator.cluster import JOB, OPTIMIZATION_STUDY
from tidewright_operator.kinds.optimization_study import reconcile
from tidewright_operator.kinds.study_jobs import conclusion_name, progress_key, search_name
from tidewright_operator.progress import ProgressWatch
from tidewright_operator.reconcile import Site
from tidewright_operator.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Cluster:
    """A study whose Job's pods are ready; it keeps the status that it was given."""

    def __init__(self):
        meta = {"name": "run", "namespace": "research", "uid": "1234", "generation": 1, "resourceVersion": "5"}
        self.study = {"metadata": meta, "spec": {"strategy": {"name": "ma-cross"}, "trials": 200}}
        self.job = None
        self.works_on(search_name(self.study))

    def works_on(self, name):
        self.job = {
            "metadata": {"name": name, "namespace": "research"},
            "spec": {"parallelism": 1, "completions": 1},
            "status": {"ready": 1},
        }

    async def get(self, kind, namespace, name):
        if kind is OPTIMIZATION_STUDY:
            return self.study
        return self.job if kind is JOB and name == self.job["metadata"]["name"] else None

    async def apply_status(self, kind, thing):
        self.study = {**self.study, "status": thing["status"]}


async def test_what_workers_tell_is_in_the_status_after_the_next_look():
    cluster, board, heard = Cluster(), MemoryProgress(), []

    async def tell(*about, **more):
        pass

    watch = ProgressWatch(board, lambda *whose: heard.append(whose))
    site = Site(cluster, Settings(streams="redis://r", study_secret="trials"), now, tell, progress=watch)  # noqa: S106

    async def told(name, percent, **counts):
        await board.tell(progress_key(cluster.study, name), percent, None, counts)
        await reconcile(site, "research", "run")
        await watch.look(board)
        await reconcile(site, "research", "run")
        return cluster.study["status"]

    trials = {"complete": 60, "pruned": 40, "failed": 0, "running": 4}
    found = await told(search_name(cluster.study), 50, trials=trials, best=BEST)
    assert heard == [("OptimizationStudy", "research", "run")]
    assert found["trials"] == {**trials, "asked": 200}
    assert (found["best"], found["progress"]) == (BEST, {"percent": 45, "stage": "Searching"})

    cluster.study["status"]["attempts"] = 1
    cluster.works_on(conclusion_name(cluster.study, 1))
    found = await told(conclusion_name(cluster.study, 1), 50)
    assert found["progress"] == {"percent": 95, "stage": "Evaluating"}
    assert (found["trials"], found["best"]) == ({**trials, "asked": 200}, BEST)
