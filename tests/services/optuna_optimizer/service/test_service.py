"""Processes of studies that die, hang or go on for ever; too much at once; and the service going away and coming back."""

import os
import select
import signal
import sys

from optimizer_host import SCRIPTED, SPEC, asked, seeded
from scripted_study import DEAF, ENDLESS, KILLED, WRONG

LOST = "tidewright_optimizer_processes_lost_total"


def is_gone(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_study_whose_process_dies_is_begun_again_and_then_told_of(scripted):
    with scripted() as service:
        found = service.ended(seeded(KILLED, retries=1))
        assert found["state"] == "Failed"
        assert "process was killed by SIGKILL; it may have used up its memory" in found["message"]
        assert service.figure(LOST) == 2
        assert service.ended()["state"] == "Complete"  # others go on


def test_a_study_whose_process_is_killed_once_goes_on(scripted):
    with scripted() as service:
        study = service.searching(seeded(ENDLESS))
        (process,) = service.children()
        os.kill(process, signal.SIGKILL)
        service.until(lambda: service.figure(LOST) == 1)
        service.until(lambda: service.children() not in ([], [process]))
        assert service.study(study)["state"] == "Running"
        assert service.study(study)["trials"]["complete"] == 4


def test_what_nobody_foresaw_is_told_and_tried_again_when_it_is_asked_for_again(scripted):
    with scripted() as service:
        for _ in range(2):
            found = service.ended(seeded(WRONG, retries=0))
            assert (found["state"], found["message"]) == ("Failed", "ValueError: nobody foresaw this")


def test_what_takes_longer_than_the_limit_is_ended_and_its_trials_are_kept(scripted):
    with scripted(time_limit=2) as service:
        found = service.ended(seeded(ENDLESS))
        assert found["state"] == "Failed"
        assert "not done within 2 s; the trials that are finished are kept" in found["message"]
        assert service.rest.get(found["links"]["trials"]).json()["total"] == 4


def test_a_study_that_hangs_is_deleted_all_the_same(scripted):
    with scripted() as service:
        study = service.searching(seeded(DEAF))
        (process,) = service.children()
        assert service.rest.delete(f"/studies/{study}").json()["state"] == "Cancelled"
        assert is_gone(process)
        assert service.rest.get(f"/studies/{study}").status_code == 404
        assert service.ended()["state"] == "Complete"


def test_a_study_that_waits_is_deleted_before_it_begins(scripted):
    with scripted() as service:
        service.searching(seeded(ENDLESS))
        waiting = service.post().json()["id"]
        gone = service.rest.delete(f"/studies/{waiting}").json()
        assert (gone["state"], gone["message"]) == ("Cancelled", "deleted before it began")
        assert service.rest.delete(f"/studies/{waiting}").status_code == 404


def test_studies_beyond_the_queue_are_refused(scripted):
    with scripted(waiting=2) as service:
        first = service.searching(seeded(ENDLESS))
        codes = [service.post(seeded(seed)).status_code for seed in (31, 32, 33)]
        assert codes == [202, 202, 503]
        refused = service.post(seeded(34))
        assert (refused.headers["retry-after"], refused.json()["code"]) == ("1", "RESOURCE_EXHAUSTED")
        assert "2 studies wait for their turn" in refused.json()["detail"]
        assert service.post(seeded(ENDLESS)).json()["id"] == first  # the same is not another


def test_studies_beyond_those_that_are_kept_are_refused(scripted):
    with scripted(kept=1) as service:
        study = service.ended()["id"]
        refused = service.post(seeded(35))
        assert refused.status_code == 409
        assert "1 studies are kept here, and no more; DELETE some" in refused.json()["detail"]
        service.rest.delete(f"/studies/{study}")
        assert service.post(seeded(35)).status_code == 202


def test_more_trials_of_a_study_that_runs_are_tried_after_those_that_it_was_asked_for(scripted):
    with scripted() as service:
        study = service.searching(seeded(ENDLESS))
        assert service.post(seeded(ENDLESS, trials=40)).json()["trials"]["asked"] == 40
        assert service.post(seeded(ENDLESS, trials=30)).json()["trials"]["asked"] == 40
        assert service.study(study)["state"] == "Running"


def test_a_restart_finds_what_is_finished_and_goes_on_with_what_is_not(scripted):
    with scripted() as service:
        found = service.ended()
        running = service.searching(seeded(ENDLESS))
        waiting = service.post(seeded(36)).json()["id"]
        (process,) = service.children()
        assert service.stop() == 0
        assert is_gone(process)
    with scripted() as service:
        assert service.study(found["id"]) == found
        assert service.rest.get(found["links"]["trials"]).json()["total"] == 12
        service.until(lambda: service.study(running)["state"] == "Running")
        assert service.study(running)["trials"]["complete"] == 4
        assert service.study(waiting)["state"] == "Queued"
        service.rest.delete(f"/studies/{running}")
        service.until(lambda: service.study(waiting)["state"] == "Complete")


def test_a_service_that_was_killed_finds_its_studies_again_and_leaves_no_process_behind(scripted):
    with scripted() as service:
        running = service.searching(seeded(ENDLESS))
        (process,) = service.children()
        watched = os.pidfd_open(process)
        service.process.kill()
        service.process.wait()
    try:
        assert select.select([watched], [], [], 20)[0] == [watched]
    finally:
        os.close(watched)
    with scripted() as service:
        service.until(lambda: service.study(running)["state"] == "Running")


def test_a_study_that_takes_the_service_with_it_is_not_begun_for_ever(scripted):
    body = seeded(ENDLESS, retries=0)
    with scripted() as service:
        study = service.searching(body)
        service.process.kill()
        service.process.wait()
    with scripted() as service:
        service.until(lambda: service.study(study)["state"] == "Failed")
        assert "begun 1 times without coming to an end; ask again to go on" in service.study(study)["message"]
        assert service.post(body).status_code == 202


def test_trials_of_a_finished_study_are_there_while_the_service_is_if_they_are_kept_in_memory(scripted):
    with scripted(studies="memory:") as service:
        found = service.ended()
        assert service.rest.get(found["links"]["trials"]).json()["total"] == 12
    with scripted(studies="memory:") as service:
        assert service.study(found["id"]) == found
        assert service.rest.get(found["links"]["report"]).status_code == 200


def test_a_second_process_waits_until_the_first_has_let_go_of_the_folder(tmp_path):
    with asked(tmp_path, SCRIPTED) as first, asked(tmp_path, SCRIPTED, ready=False) as second:
        assert "another process works with" in second.rest.get("/readyz").text
        for answer in (second.post(), second.rest.get("/studies/x"), second.rest.get("/studies")):
            assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
        study = first.ended()["id"]
        assert first.stop() == 0
        second.until(lambda: second.rest.get("/readyz").status_code == 200)
        assert second.study(study)["state"] == "Complete"


def test_processes_that_cannot_start_are_told_of(scripted):
    with scripted(sys.executable, "-c", "raise SystemExit(3)") as service:
        found = service.ended({**SPEC, "retries": 0})
        assert "process ended with exit code 3" in found["message"]
