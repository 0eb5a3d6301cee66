"""The REST interface, with studies that follow a script."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from optimizer_host import SPEC, seeded
from scripted_study import ENDLESS, NOTHING_SELECTED, REFUSED


def test_a_study_is_taken_on_worked_on_and_found(service):
    answer = service.post()
    study = answer.json()["id"]
    assert (answer.status_code, answer.headers["location"]) == (202, f"/studies/{study}")
    assert answer.json()["state"] in {"Queued", "Running"}
    found = service.ended()
    assert (found["id"], found["state"], found["percent"], found["message"]) == (study, "Complete", 100, "")
    assert found["trials"] == {"asked": 12, "complete": 10, "pruned": 0, "failed": 2, "infeasible": 1}
    assert found["objectives"] == [{"metric": "sharpe", "direction": "Maximize"}]
    assert found["best"]["number"] == found["result"]["selected"]["number"] == 11
    assert found["created"] <= found["started"] <= found["ended"]
    assert found["result"]["verdict"] == "Suspect"
    assert found["result"]["figures"] == {
        "deflatedSharpe": 0.97,
        "pbo": 0.1,
        "pValue": None,
        "walkForwardEfficiency": None,
        "outOfSampleReturn": 0.25,
        "outOfSampleSharpe": 1.5,
    }


def test_the_same_is_asked_for_again_and_is_there(service):
    found = service.ended()
    again = service.post()
    assert (again.status_code, again.json()) == (200, found)
    whole = {"apiVersion": "tidewright.io/v1alpha1", "kind": "OptimizationStudy", "metadata": {"name": "study"}, "spec": SPEC}  # fmt: skip
    assert service.post(whole).json() == found
    assert service.post({**SPEC, "trials": 5}).json() == found  # it has more than that


def test_whoever_asks_at_once_gets_one_study(service):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: service.post(seeded(21)), range(8)))
    assert len({answer.json()["id"] for answer in answers}) == 1
    service.ended(seeded(21))
    assert service.rest.get("/studies").text.count(answers[0].json()["id"] + '"') >= 1
    assert len([one for one in service.rest.get("/studies").json() if one["id"] == answers[0].json()["id"]]) == 1


def test_more_trials_make_a_study_go_on(service):
    first = service.ended(seeded(22))
    answer = service.post(seeded(22, trials=20))
    assert (answer.status_code, answer.json()["id"]) == (202, first["id"])
    assert answer.json()["trials"]["asked"] == 20
    assert answer.json()["result"] is None  # another one is on its way
    more = service.ended(seeded(22, trials=20))
    assert (more["id"], more["trials"]["complete"], more["trials"]["failed"]) == (first["id"], 16, 4)


def test_a_key_stands_for_one_request_for_good(service):
    headers = {"Idempotency-Key": "a-key"}
    first = service.post(seeded(23), headers).json()["id"]
    assert service.post(seeded(23, trials=15), headers).json()["id"] == first
    other = service.post(seeded(24), headers)
    assert (other.status_code, other.json()["code"]) == (409, "FAILED_PRECONDITION")
    assert "'a-key': it came with another request before" in other.json()["detail"]


def test_trials_are_told_a_page_at_a_time(service):
    study = service.ended()["id"]
    pages, where = [], f"/studies/{study}/trials?limit=5"
    while where:
        pages.append(service.rest.get(where).json())
        where = pages[-1]["next"]
    assert [len(page["trials"]) for page in pages] == [5, 5, 2]
    assert [one["number"] for page in pages for one in page["trials"]] == list(range(12))
    assert {page["total"] for page in pages} == {12}


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"order": "newest", "limit": 2}, [11, 10]),
        ({"order": "best", "limit": 3}, [11, 10, 8]),
        ({"order": "best", "offset": 9}, [6, 4, 9]),  # what is not feasible, and what has no value, last
        ({"state": "Failed"}, [4, 9]),
        ({"state": "Pruned"}, []),
    ],
)
def test_trials_are_ordered_and_chosen(service, asked, numbers):
    study = service.ended()["id"]
    page = service.rest.get(f"/studies/{study}/trials", params=asked).json()
    assert [one["number"] for one in page["trials"]] == numbers


def test_a_failed_trial_says_why(service):
    study = service.ended()["id"]
    (one, _) = service.rest.get(f"/studies/{study}/trials", params={"state": "Failed"}).json()["trials"]
    assert (one["reason"], one["message"]) == ("StrategyFailed", "it divides by zero")
    assert one["parameters"] == {"fast": 9, "slow": 60}
    assert (one["values"], one["feasible"]) == ([], False)


def test_what_was_found_is_told_in_parts(service):
    links = service.ended()["links"]
    front = service.rest.get(links["pareto"]).json()
    assert ([one["number"] for one in front["front"]], front["final"]) == ([11], True)
    importance = service.rest.get(links["importance"]).json()
    assert importance["importance"] == [{"name": "fast", "share": 0.75}, {"name": "slow", "share": 0.25}]
    walked = service.rest.get(links["walkForward"]).json()
    assert walked["walkForward"]["degradation"] == 0.5
    assert walked["windows"][0]["chosen"]["number"] == 11
    assert walked["result"]["sharpe"] == 1.5
    assert service.rest.get(links["record"]).json()["artifacts"] == {}
    report = service.rest.get(links["report"])
    assert report.headers["content-type"] == "text/html; charset=utf-8"
    assert report.text.startswith("<!doctype html>")


def test_while_it_is_searched_the_trials_are_there_and_the_windows_are_not(scripted):
    with scripted() as service:
        study = service.searching(seeded(ENDLESS, trials=400))
        found = service.study(study)
        assert (found["state"], found["stage"], found["percent"]) == ("Running", "Searching", 0)
        assert found["best"] == {"number": 3, "parameters": {"fast": 8, "slow": 60}, "values": [0.3]}
        assert found["eta"] > found["started"]
        assert service.rest.get(f"/studies/{study}/trials").json()["total"] == 4
        front = service.rest.get(f"/studies/{study}/pareto").json()
        assert ([one["number"] for one in front["front"]], front["final"]) == ([3], False)
        for part in ("walk-forward", "report", "record"):
            answer = service.rest.get(f"/studies/{study}/{part}")
            assert (answer.status_code, answer.json()["code"]) == (409, "FAILED_PRECONDITION")
            assert "is Running, 4 of 400 trials are done; ask again when it is Complete" in answer.json()["detail"]


def test_one_that_has_not_begun_has_no_front_yet(scripted):
    with scripted() as service:
        service.searching(seeded(ENDLESS))
        waiting = service.post().json()["id"]
        for part in ("pareto", "importance"):
            answer = service.rest.get(f"/studies/{waiting}/{part}")
            assert (answer.status_code, "is Queued, 0 of 12 trials are done" in answer.json()["detail"]) == (409, True)
        assert service.rest.get(f"/studies/{waiting}/trials").json() == {"trials": [], "total": 0, "next": None}


def test_studies_are_listed_the_newest_first(service):
    study = service.ended()["id"]
    listed = service.rest.get("/studies").json()
    assert [one["created"] for one in listed] == sorted((one["created"] for one in listed), reverse=True)
    assert study in {one["id"] for one in service.rest.get("/studies", params={"state": "Complete"}).json()}
    assert service.rest.get("/studies", params={"name": "another"}).json() == []
    assert len(service.rest.get("/studies", params={"limit": 1}).json()) == 1
    assert "result" not in listed[0]


def test_a_study_that_selects_nothing_says_so_and_has_a_report(service):
    found = service.ended(seeded(NOTHING_SELECTED))
    assert (found["state"], found["result"]["selected"]) == ("StrategyFailed", None)
    assert "None of 10 complete trials meets the requirements" in found["message"]
    assert service.rest.get(found["links"]["report"]).status_code == 200
    assert service.rest.get(found["links"]["pareto"]).json()["front"] == []


def test_one_that_has_ended_without_a_result_says_why_and_is_tried_again(service):
    found = service.ended(seeded(REFUSED))
    assert (found["state"], found["message"]) == ("Refused", "spec.sampler: there is no such thing")
    answer = service.rest.get(found["links"]["walkForward"])
    assert answer.status_code == 409
    assert "has ended without a result: spec.sampler: there is no such thing" in answer.json()["detail"]
    assert service.post(seeded(REFUSED)).status_code == 202
    service.ended(seeded(REFUSED))


def test_what_is_deleted_is_forgotten(service):
    study = service.ended(seeded(25))["id"]
    gone = service.rest.delete(f"/studies/{study}")
    assert (gone.status_code, gone.json()["state"]) == (200, "Cancelled")
    for part in ("", "/trials", "/report"):
        assert service.rest.get(f"/studies/{study}{part}").status_code == 404
    assert not (service.results / study).exists()
    again = service.ended(seeded(25, trials=5))  # fewer than before: nothing was left of those
    assert (again["id"], again["trials"]["complete"]) == (study, 4)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", "there is nothing; send one OptimizationStudy"),
        ("[", "not YAML"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        ({**SPEC, "trails": 7}, "spec.trails: 7: unknown field (did you mean 'trials'?)"),
        ({**SPEC, "strategy": {"name": "cross"}}, "no TradingStrategy of this name in the request"),
        ({**SPEC, "searchSpace": [{"name": "fats", "int": {"min": 1, "max": 2}}]}, "did you mean 'fast'?"),
        ({**SPEC, "trials": 200_000}, "spec.trials: 200000: at most 100,000 are tried here"),
        ({**SPEC, "warmStart": {"study": "studi"}}, "spec.warmStart.study: 'studi': there is no such study here (did you mean 'study'?)"),
        ({"runs": []}, "not a resource"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_the_remedy(service, body, told):
    service.ended()
    answer = service.post(body)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_ARGUMENT")
    assert told in answer.json()["detail"]


def test_ten_megabytes_are_refused(service):
    assert service.post("x" * 10_000_000).status_code == 413


@pytest.mark.parametrize("study", ["nothing", "..", ".keys", "a%2Fb", "%2e%2e%2fetc", "x" * 300])
@pytest.mark.parametrize("part", ["", "/trials", "/pareto", "/importance", "/walk-forward", "/record", "/report"])
def test_there_is_nothing_of_an_id_that_nobody_knows(service, study, part):
    assert service.rest.get(f"/studies/{study}{part}").status_code == 404


def test_the_dashboard_is_linked_for_what_it_can_show(scripted):
    with scripted(dashboard="https://dash.test/?study={study}") as service:
        adaptive = service.post({**SPEC, "sampler": {"name": "TPE"}}).json()
        assert adaptive["links"]["dashboard"] == f"https://dash.test/?study={adaptive['id']}"
        assert service.post().json()["links"]["dashboard"] is None  # Optuna knows nothing of a random search


def test_trials_and_studies_are_counted(scripted):
    with scripted() as service:
        service.ended()
        assert service.figure('tidewright_optimizer_studies{state="Complete"}') == 1
        assert service.figure('tidewright_optimizer_trials_total{state="Complete"}') == 10
        assert service.figure('tidewright_optimizer_trials_total{state="Failed"}') == 2
        assert service.figure("tidewright_optimizer_trial_seconds_total") == 0.25


def test_openapi_has_every_path_with_an_example(service):
    document = service.rest.get("/openapi.json").json()
    parts = ("", "/trials", "/pareto", "/importance", "/walk-forward", "/record", "/report")
    assert set(document["paths"]) == {"/studies", *(f"/studies/{{study}}{part}" for part in parts)}
    body = document["paths"]["/studies"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert service.post(json.dumps(body)).status_code in {200, 202}
