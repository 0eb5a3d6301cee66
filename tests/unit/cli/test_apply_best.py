"""`tidewright apply-best`, on a study's folder and on a cluster that a script plays."""

import json
from pathlib import Path

import pytest
from made_up_studies import nothing_found, study

from tidewright.adapters import kubectl
from tidewright.adapters.study_results import save
from tidewright.cli.endings import DONE, FAILED, REFUSED
from tidewright.specs.manifest import Manifest

STRATEGY = {
    "source": {"builtin": "MovingAverageCross"},
    "parameters": {"fast": 10, "slow": 30},
    "symbols": ["BTC/USDT"],
    "timeframe": "1h",
}


def on_disk(made, folder="out"):
    save(Path(folder), made.record, made.trials, made.equity)
    return folder


def read(text):
    """The strategy that a text is, by this version's own parser."""
    manifest = Manifest()
    manifest.read("written", text)
    assert manifest.problems == []
    ((name, strategy, document),) = manifest.of_kind("TradingStrategy")
    return name, strategy, document.value["metadata"]["annotations"]


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A kubectl that answers with what is put under its ``answers``, by kind, and notes what it was asked."""
    place = tmp_path / "bin"
    place.mkdir()
    script = place / "kubectl"
    script.write_text(
        f'#!/bin/sh\necho "$@" >>{place}/asked\n'
        f'[ -f {place}/"$2".json ] && cat {place}/"$2".json && exit 0\n'
        'echo "Error from server (NotFound): $2 \\"$3\\" not found" >&2\nexit 1\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(place), prepend=":")
    return place


def there(cluster, kind, **parts):
    (cluster / f"{kind}.json").write_text(json.dumps({"metadata": {"name": "ma-cross-study"}, **parts}))


COMPLETE = {
    "best": {"trial": 17, "value": "1.2", "parameters": {"fast": 12, "risk.stopLoss": "3%"}},
    "result": {"verdict": "Robust"},
    "provenance": {"resultDigest": "sha256:" + "ab" * 32},
}


def test_the_selected_strategy_is_written_to_standard_output(command):
    made = study(verdict="Robust")
    ended = command("apply-best", on_disk(made))
    assert (ended.code, ended.err) == (DONE, "")
    name, strategy, annotations = read(ended.out)
    assert name == "ma-cross-study"
    assert strategy.spec.execution is None
    assert strategy.spec.parameters["fast"] == made.record["selected"]["parameters"]["fast"]
    assert strategy.spec.risk.stop_loss == made.record["selected"]["parameters"]["risk.stopLoss"]
    assert annotations["tidewright.io/trial"] == str(made.record["selected"]["number"])
    assert ended.out.startswith(f"# Trial {made.record['selected']['number']} of the study ma-cross-study, whose verdict is Robust.")  # fmt: skip


def test_another_candidate_is_written_with_a_warning_that_nobody_judged_it(command):
    made = study(verdict="Robust")
    ended = command("apply-best", on_disk(made), "--candidate", "knee", "--name", "mine")
    name, _, annotations = read(ended.out)
    assert (name, annotations["tidewright.io/trial"]) == ("mine", str(made.record["candidates"]["knee"]["number"]))
    assert "nobody has judged trial" in ended.err


def test_a_file_is_written_once(command):
    folder = on_disk(study(verdict="Robust"))
    assert command("apply-best", folder, "-o", "deep/s.yaml") == (DONE, "deep/s.yaml\n", "")
    before = Path("deep/s.yaml").read_text()
    ended = command("apply-best", folder, "-o", "deep/s.yaml", "--candidate", "best")
    assert (ended.code, Path("deep/s.yaml").read_text()) == (REFUSED, before)
    assert "is there already" in ended.err
    assert command("apply-best", folder, "-o", "deep/s.yaml", "--candidate", "best", "--overwrite").code == DONE


def test_what_is_overfit_is_refused_unless_it_is_asked_for(command):
    folder = on_disk(study(verdict="Overfit"))
    ended = command("apply-best", folder)
    assert (ended.code, ended.out) == (REFUSED, "")
    assert "the verdict on this study is Overfit" in ended.err
    ended = command("apply-best", folder, "--even-if-overfit")
    assert (ended.code, "Warning: the verdict on ma-cross-study is Overfit" in ended.err) == (DONE, True)
    read(ended.out)


def test_what_is_suspect_is_written_with_a_warning(command):
    ended = command("apply-best", on_disk(study(verdict="Suspect")))
    assert ended.code == DONE
    assert "Warning: the verdict on ma-cross-study is Suspect, not Robust" in ended.err
    read(ended.out)


def test_simulated_data_are_told(command):
    made = study(verdict="Robust")
    made.record["provenance"]["data"]["simulated"] = True
    assert "simulated data" in command("apply-best", on_disk(made)).err


@pytest.mark.parametrize(
    ("made", "candidate", "why"),
    [
        (nothing_found, "selected", "it selected no trial"),
        (nothing_found, "best", "no trial is feasible"),
        (lambda: study(objectives=("sharpe",)), "knee", "two objectives or more"),
    ],
)
def test_a_candidate_that_is_not_there_is_refused_with_the_reason(command, made, candidate, why):
    ended = command("apply-best", on_disk(made()), "--candidate", candidate)
    assert (ended.code, why in ended.err) == (REFUSED, True)


@pytest.mark.parametrize("missing", ["run", "selected", "candidates"])
def test_a_record_that_is_not_whole_is_refused(command, missing):
    made = study(verdict="Robust")
    made.record.pop(missing)
    ended = command("apply-best", on_disk(made), "--candidate", "best" if missing == "candidates" else "selected")
    assert (ended.code, "is not the whole record of a study" in ended.err) == (REFUSED, True)


@pytest.mark.parametrize(
    "arguments",
    [(), ("out", "--from-cluster", "x"), ("out", "-n", "default"), ("--from-cluster", "x", "--candidate", "best")],
)
def test_what_does_not_go_together_is_refused(command, arguments):
    assert command("apply-best", *arguments).code == REFUSED


def test_what_is_no_study_is_refused(command):
    assert "there is no" in command("apply-best", "nowhere").err
    Path("x.json").write_text('{"kind": "BacktestRun"}')
    assert "is not the record of a study" in command("apply-best", "x.json").err


def test_a_name_that_cannot_be_is_refused(command):
    ended = command("apply-best", on_disk(study(verdict="Robust")), "--name", "Not A Name")
    assert (ended.code, "metadata.name" in ended.err) == (REFUSED, True)


def test_a_study_on_a_cluster_is_read_by_kubectl(command, cluster):
    there(cluster, "optimizationstudy", spec={"strategy": STRATEGY}, status=COMPLETE)
    ended = command("apply-best", "--from-cluster", "ma-cross-study", "-n", "research")
    assert (ended.code, ended.err) == (DONE, "")
    _, strategy, annotations = read(ended.out)
    assert strategy.spec.parameters == {"fast": 12, "slow": 30}
    assert strategy.spec.risk.stop_loss == "3%"
    assert annotations["tidewright.io/study-digest"] == COMPLETE["provenance"]["resultDigest"]
    assert "get optimizationstudy ma-cross-study -o json --request-timeout=30s -n research" in (cluster / "asked").read_text()  # fmt: skip


def test_a_strategy_by_name_is_read_from_the_cluster_without_how_it_is_executed(command, cluster):
    there(cluster, "optimizationstudy", spec={"strategy": {"name": "ma-cross"}}, status=COMPLETE)
    there(cluster, "tradingstrategy", spec=STRATEGY | {"execution": {"exchange": "binance"}})
    ended = command("apply-best", "--from-cluster", "ma-cross-study")
    assert ended.code == DONE
    assert read(ended.out)[1].spec.execution is None
    assert "get tradingstrategy ma-cross -o json" in (cluster / "asked").read_text()


def test_a_study_that_is_not_done_is_refused_with_how_to_wait(command, cluster):
    there(cluster, "optimizationstudy", spec={"strategy": STRATEGY}, status={"trials": {"complete": 3}})
    ended = command("apply-best", "--from-cluster", "ma-cross-study")
    assert (ended.code, "kubectl wait" in ended.err) == (REFUSED, True)


def test_what_the_cluster_does_not_have_is_told_in_its_own_words(command, cluster):
    ended = command("apply-best", "--from-cluster", "nope")
    assert (ended.code, ended.out) == (FAILED, "")
    assert 'NotFound): optimizationstudy "nope" not found' in ended.err


def test_without_kubectl_the_remedy_is_told(command, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = command("apply-best", "--from-cluster", "ma-cross-study")
    assert (ended.code, "there is no kubectl on the PATH" in ended.err) == (FAILED, True)


def test_a_cluster_that_does_not_answer_is_given_up(cluster):
    (cluster / "kubectl").write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(kubectl.ClusterSilent, match="no answer within"):
        kubectl.resource("optimizationstudy", "x", patience=0.05)


@pytest.mark.parametrize("answer", ["[]", "not JSON"])
def test_an_answer_that_is_no_resource_is_told(cluster, answer):
    (cluster / "optimizationstudy.json").write_text(answer)
    with pytest.raises(kubectl.ClusterSilent, match="no JSON object"):
        kubectl.resource("optimizationstudy", "x")
