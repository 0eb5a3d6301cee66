"""A reconciliation of a running BacktestRun takes what its worker has told, and asks nobody for it."""

import pytest

from tidewright.adapters.progress_board import MemoryProgress
from tidewright_operator.clock import now
from tidewright_operator.cluster import BACKTEST_RUN, JOB
from tidewright_operator.kinds.backtest_job import job_name, progress_key
from tidewright_operator.kinds.backtest_run import reconcile
from tidewright_operator.progress import ProgressWatch
from tidewright_operator.reconcile import Site
from tidewright_operator.settings import Settings

pytestmark = pytest.mark.anyio

RUN = {
    "metadata": {"name": "run", "namespace": "research", "uid": "1234", "generation": 1, "resourceVersion": "5"},
    "spec": {"strategy": {"name": "ma-cross"}},
    "status": {"attempts": 1},
}


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Cluster:
    """A run whose Job's pod is `ready`; `written` are the statuses that it was given."""

    def __init__(self):
        self.job = {"metadata": {"name": job_name(RUN, 1), "namespace": "research"}, "spec": {}, "status": {"ready": 1}}
        self.written = []

    async def get(self, kind, namespace, name):
        return {BACKTEST_RUN: RUN, JOB: self.job}[kind]

    async def list(self, kind, namespace, labels=None):
        return []

    async def apply_status(self, kind, thing):
        self.written.append(thing["status"])


async def test_what_a_worker_tells_is_in_the_status_after_the_next_look():
    cluster, board, heard = Cluster(), MemoryProgress(), []

    async def tell(*about, **more):
        pass

    watch = ProgressWatch(board, lambda *whose: heard.append(whose))
    site = Site(cluster, Settings(streams="redis://r"), now, tell, progress=watch)

    await board.tell(progress_key(RUN, 1), 57.1, None)
    await reconcile(site, "research", "run")
    assert cluster.written[-1]["progress"] == {"percent": 0, "stage": "Running"}
    await watch.look(board)
    assert heard == [("BacktestRun", "research", "run")]
    await reconcile(site, "research", "run")
    assert cluster.written[-1]["progress"] == {"percent": 57, "stage": "Running"}

    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "has failed"}
    cluster.job["status"] = {"conditions": [failed]}
    await reconcile(site, "research", "run")
    assert cluster.written[-1]["progress"] == {"percent": 0}
    await board.tell(progress_key(RUN, 1), 60, None)
    await watch.look(board)
    assert len(heard) == 1, "it is not looked at any more"
