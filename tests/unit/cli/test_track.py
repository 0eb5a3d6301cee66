"""`--track`: runs told to a tracker once they are done, and never lost for it."""

import json

from tidewright.adapters import trackers


def experiments(folder):
    return [path.parent for path in folder.glob("*/*/artifacts")]


def test_a_run_is_told_once_with_its_report(command, manifest, tmp_path):
    tracker = (tmp_path / "runs").as_uri()
    first = command("run", manifest(), "--track", tracker)
    assert first.code == 0
    assert f"Tracked: {tracker}" in first.err
    assert command("run", manifest(), "--track", tracker, "--quiet").err == ""
    (told,) = experiments(tmp_path / "runs")
    assert {path.name for path in (told / "artifacts").iterdir()} == {"report.html", "result.json"}
    digest = json.loads((told / "artifacts" / "result.json").read_text())["provenance"]["digest"]
    assert (told / "tags" / "tidewright.resultDigest").read_text() == digest


def test_the_environment_names_a_tracker_too(command, manifest, tmp_path, monkeypatch):
    monkeypatch.setenv("TIDEWRIGHT_TRACKING", (tmp_path / "runs").as_uri())
    assert command("run", manifest(), "--quiet", "--no-report").code == 0
    (told,) = experiments(tmp_path / "runs")
    assert [path.name for path in (told / "artifacts").iterdir()] == ["result.json"]


def test_a_tracker_that_is_away_is_a_warning(command, manifest, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    ended = command("run", manifest(), "--track", "http://127.0.0.1:1", "--quiet", "--output", "out")
    assert ended.code == 0
    assert ended.err.startswith("Warning: demo is not tracked: http://127.0.0.1:1: ")
    assert (tmp_path / "work" / "out" / "result.json").exists()


def test_a_tracker_that_cannot_be_is_refused_before_anything_is_run(command, manifest, tmp_path):
    ended = command("run", manifest(), "--track", "mlflow:8010", "--output", "out")
    assert (ended.code, ended.out) == (2, "")
    assert "--track: 'mlflow:8010' names no tracker; write http://HOST:PORT" in ended.err
    assert not (tmp_path / "work" / "out").exists()


def test_without_the_extra_it_is_refused_with_the_remedy(command, manifest, monkeypatch):
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    ended = command("run", manifest(), "--track", "http://mlflow:8010")
    assert ended.code == 2
    assert "pip install 'tidewright[tracking]'" in ended.err
