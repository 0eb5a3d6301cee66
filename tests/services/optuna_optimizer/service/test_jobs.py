"""Studies that wait, and how they stand."""

import json

import pytest

from optuna_optimizer.jobs import Job, JobQueue, Objective, Planned, Standing
from tidewright.domain.trials import Dimension
from tidewright.serving.failures import Failure, Kind

PLANNED = Planned(
    200,
    (Objective("sharpe", "Maximize"),),
    (Dimension("fast", "Int", 2, 9, 1), Dimension("kind", "Choice", choices=("sma", "ema"))),
)


def job(name="a", created=0, **more):
    resource = {"metadata": {"name": name}, "spec": {"sampler": {"name": "TPE"}}}
    return Job(name, resource, 100, created, **more)


def test_a_study_outlives_the_process_as_it_stood():
    one = job(planned=PLANNED, standing=Standing(3, 1, 1, 0, {"number": 2, "parameters": {"fast": 5}, "values": [1.5]}))
    one.begin(7)
    assert Job.read(json.loads(json.dumps(one.record()))).record() == one.record()
    assert Job.read(json.loads(json.dumps(one.record()))).planned == PLANNED


def test_percent_is_of_the_search_and_then_of_the_evaluation():
    one = job()
    told = [one.percent]
    one.begin(1)
    one.stand(Standing(complete=50), None)
    told.append(one.percent)
    one.stand(Standing(complete=90, failed=10), None)
    told.append(one.percent)
    one.enter("Walking forward", 0.5)
    told.append(one.percent)
    one.end("Complete", "", 2)
    assert [*told, one.percent] == [0, 45, 90, 95, 100]


def test_of_a_grid_it_is_known_how_many_trials_there_are_once_it_is_planned():
    one = job()
    one.trials = 0
    assert (one.asked, one.percent) == (None, 0)
    one.plan(PLANNED)
    assert one.asked == 200


@pytest.mark.anyio
async def test_those_that_had_not_ended_wait_again_in_their_order():
    queue = JobQueue(10, 10)
    ended = job("ended", 1)
    ended.end("Complete", "", 2)
    running = job("running", 2)
    running.begin(3)
    queue.restore([job("waiting", 5), ended, running])
    assert [(await queue.take()).id for _ in range(2)] == ["running", "waiting"]
    assert running.state == "Queued"
    assert [one.id for one in queue.all()] == ["waiting", "running", "ended"]


@pytest.mark.parametrize(
    ("waiting", "kept", "kind", "told"),
    [(1, 5, Kind.BUSY, "1 studies wait for their turn"), (5, 1, Kind.PRECONDITION, "1 studies are kept here")],
)
def test_what_there_is_no_room_for_is_refused(waiting, kept, kind, told):
    queue = JobQueue(waiting, kept)
    queue.add(job())
    with pytest.raises(Failure, match=told) as refused:
        queue.check_room("b")
    assert refused.value.kind is kind


@pytest.fixture
def anyio_backend():
    return "asyncio"
