"""``tidewright.v1.OptimizationService``, as a client sees it."""

import json

import grpc
import pytest
from optimizer_host import SPEC, seeded
from scripted_study import ENDLESS, REFUSED

from tidewright.v1 import optimization_service_pb2 as pb
from tidewright.wire.strategy import values_of


def start(service, body=SPEC):
    return service.rpc.StartStudy(pb.StartStudyRequest(manifest=json.dumps(body))).study


def watched(service, study):
    return [answer.study for answer in service.rpc.WatchStudy(pb.WatchStudyRequest(id=study))]


def test_a_study_is_watched_until_it_has_ended(service):
    study = start(service).id
    *_, last = watched(service, study)
    assert (last.state, last.percent) == (pb.STUDY_STATE_COMPLETE, 100)
    assert (last.result.verdict, last.result.reasons[0].speaks_for) == ("Suspect", "Suspect")
    assert dict(last.result.figures)["outOfSampleSharpe"] == 1.5
    assert "pValue" not in last.result.figures  # it is undefined
    assert values_of(last.result.selected.parameters) == {"fast": 16, "slow": 60}
    assert watched(service, study) == [last]  # whoever comes late is told how it ended
    assert service.rpc.GetStudy(pb.GetStudyRequest(id=study)).study == last
    assert study in {one.id for one in service.rpc.ListStudies(pb.ListStudiesRequest(name="study")).studies}


def test_rest_and_grpc_tell_the_same(service):
    found = service.ended()
    study = service.rpc.GetStudy(pb.GetStudyRequest(id=found["id"])).study
    assert (study.trials.asked, study.trials.complete) == (found["trials"]["asked"], found["trials"]["complete"])
    assert list(study.best.values) == found["best"]["values"]
    page = service.rpc.ListTrials(pb.ListTrialsRequest(id=study.id, order=pb.TRIAL_ORDER_BEST, limit=3))
    rest = service.rest.get(f"/studies/{study.id}/trials", params={"order": "best", "limit": 3}).json()
    assert [one.number for one in page.trials] == [one["number"] for one in rest["trials"]]
    assert page.total == rest["total"]


def test_what_was_found_is_told_in_parts(service):
    study = service.ended()["id"]
    front = service.rpc.GetParetoFront(pb.GetParetoFrontRequest(id=study))
    assert ([one.number for one in front.front], front.final) == ([11], True)
    importance = service.rpc.GetImportance(pb.GetImportanceRequest(id=study))
    assert [(one.name, one.share) for one in importance.importance] == [("fast", 0.75), ("slow", 0.25)]
    walked = service.rpc.GetWalkForward(pb.GetWalkForwardRequest(id=study))
    assert (walked.degradation, walked.HasField("efficiency")) == (0.5, False)
    assert (walked.windows[0].chosen, dict(walked.windows[0].out_of_sample)) == (11, {})
    record = json.loads(service.rpc.GetStudyRecord(pb.GetStudyRecordRequest(id=study)).record)
    assert record["verdict"]["word"] == "Suspect"
    page = b"".join(piece.html for piece in service.rpc.GetStudyReport(pb.GetStudyReportRequest(id=study)))
    assert page == service.rest.get(f"/studies/{study}/report").content


def test_failed_trials_are_chosen_by_their_state(service):
    study = service.ended()["id"]
    page = service.rpc.ListTrials(pb.ListTrialsRequest(id=study, state=pb.TRIAL_STATE_FAILED))
    assert [(one.number, one.reason) for one in page.trials] == [(4, "StrategyFailed"), (9, "StrategyFailed")]


@pytest.mark.parametrize(
    ("call", "request_", "code", "told"),
    [
        ("GetStudy", pb.GetStudyRequest(id="x"), "NOT_FOUND", "'x': there is none of this id"),
        ("GetWalkForward", pb.GetWalkForwardRequest(id="../etc"), "NOT_FOUND", "there is none of this id"),
        ("DeleteStudy", pb.DeleteStudyRequest(id="x"), "NOT_FOUND", "there is none of this id"),
        ("ListStudies", pb.ListStudiesRequest(limit=-1), "INVALID_ARGUMENT", "limit: -1"),
        ("ListStudies", pb.ListStudiesRequest(state=99), "INVALID_ARGUMENT", "state: 99"),
        ("ListTrials", pb.ListTrialsRequest(id="x", offset=-1), "INVALID_ARGUMENT", "offset: -1"),
        ("ListTrials", pb.ListTrialsRequest(id="x", order=99), "INVALID_ARGUMENT", "order: 99"),
        ("StartStudy", pb.StartStudyRequest(manifest="["), "INVALID_ARGUMENT", "not YAML"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_the_words_of_grpc(service, call, request_, code, told):
    with pytest.raises(grpc.RpcError) as refused:
        getattr(service.rpc, call)(request_)
    assert (refused.value.code().name, told in refused.value.details()) == (code, True)


def test_an_end_without_a_result_is_the_streams_last_message(service):
    *_, last = watched(service, start(service, seeded(REFUSED)).id)
    assert (last.state, last.HasField("result")) == (pb.STUDY_STATE_REFUSED, False)
    assert last.message == "spec.sampler: there is no such thing"


def test_a_stream_that_is_broken_off_does_not_end_the_study_and_deleting_ends_every_stream(scripted):
    with scripted() as service:
        study = service.searching(seeded(ENDLESS))
        broken, other = (service.rpc.WatchStudy(pb.WatchStudyRequest(id=study)) for _ in range(2))
        assert next(broken).study.state == next(other).study.state == pb.STUDY_STATE_RUNNING
        broken.cancel()
        service.until(lambda: service.figure("tidewright_streams_open") == 1)
        assert service.study(study)["state"] == "Running"
        gone = service.rpc.DeleteStudy(pb.DeleteStudyRequest(id=study)).study
        assert gone.state == pb.STUDY_STATE_CANCELLED
        assert [answer.study.state for answer in other][-1] == pb.STUDY_STATE_CANCELLED


def test_a_stream_ends_when_the_service_stops(scripted):
    with scripted(grace=0.1) as service:
        stream = service.rpc.WatchStudy(pb.WatchStudyRequest(id=service.searching(seeded(ENDLESS))))
        next(stream)
        service.stop()
        with pytest.raises(grpc.RpcError) as ended:
            list(stream)
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
