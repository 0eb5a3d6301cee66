import json
import subprocess
import sys

import pytest

from tidewright.domain.strategies.builtin import BUILTINS
from tidewright.runs.payload import payload_of, read_payload, read_study, strategy_digest
from tidewright.runs.refusal import InputRefused
from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.optimization_study import OptimizationStudy
from tidewright.specs.trading_strategy import TradingStrategy

UID = "6f1c2d3e-0000-4000-8000-123456789abc"
API = {"apiVersion": "tidewright.io/v1alpha1"}
STRATEGY = {
    "source": {"builtin": "MovingAverageCross"},
    "parameters": {"fast": 5, "slow": 20},
    "symbols": ["BTC/USDT"],
    "timeframe": "1h",
    "risk": {"stopLoss": "5%"},
}
CODE = {**STRATEGY, "source": {"classRef": {"module": "mine", "class": "Mine", "image": f"x@sha256:{64 * 'a'}"}}}


def run(strategy=STRATEGY, **spec):
    metadata = {"name": "demo", "namespace": "research"}
    fields = {"strategy": strategy, "data": {"exchange": "simulated"}, "seed": 7, **spec}
    return BacktestRun.model_validate({**API, "kind": "BacktestRun", "metadata": metadata, "spec": fields})


def named(strategy=STRATEGY, name="ma-cross", **more):
    fields = {**strategy, **more}
    return TradingStrategy.model_validate(
        {**API, "kind": "TradingStrategy", "metadata": {"name": name}, "spec": fields}
    )


def digest(strategy):
    return payload_of(run(strategy))["strategyDigest"]


def refusal(text):
    with pytest.raises(InputRefused) as caught:
        read_payload("run.json", text)
    return str(caught.value)


def test_a_strategy_by_name_is_put_in_its_place():
    payload = payload_of(run({"name": "ma-cross"}), named(execution={"exchange": "binance"}), UID)
    assert payload == payload_of(run(), uid=UID)
    assert payload["metadata"] == {"name": "demo", "namespace": "research", "uid": UID}
    assert payload["spec"]["strategy"]["parameters"] == {"fast": 5, "slow": 20}
    assert "execution" not in payload["spec"]["strategy"]


def test_a_worker_reads_what_was_written():
    task = read_payload("run.json", json.dumps(payload_of(run({"name": "ma-cross"}), named(), UID)))
    assert task.run == BacktestRun.model_validate(task.document.value)
    assert task.run.spec.strategy.inline() == named().spec.snapshot()
    assert task.strategy_digest == digest(STRATEGY)
    assert (task.namespace, task.run.metadata.name, task.uid) == ("research", "demo", UID)


def test_what_may_change_while_the_run_lives_is_no_part_of_it():
    assert payload_of(run(suspend=True, ttlAfterFinished="7d")) == payload_of(run())


def test_a_study_is_written_and_read_as_a_run_is_without_the_number_of_its_trials():
    metadata = {"name": "demo", "namespace": "research"}
    spec = {"strategy": {"name": "ma-cross"}, "data": {"exchange": "simulated"}, "trials": 500, "parallelism": 4}
    study = OptimizationStudy.model_validate(
        {**API, "kind": "OptimizationStudy", "metadata": metadata, "spec": {**spec, "timeout": "2h"}}
    )
    payload = payload_of(study, named(), UID)

    task = read_study("study.json", json.dumps(payload))

    assert payload["spec"].keys().isdisjoint({"trials", "parallelism", "suspend"})
    assert (task.run.spec.timeout, task.strategy_digest) == ("2h", digest(STRATEGY))
    assert task.run.spec.strategy.inline() == named().spec.snapshot()
    assert "kind: 'OptimizationStudy': not what this worker works on" in refusal(json.dumps(payload))


def test_a_strategy_that_was_not_handed_over_is_a_mistake_of_the_caller():
    for strategy in (None, named(name="another")):
        with pytest.raises(ValueError, match="names the strategy ma-cross, which is not the one given"):
            payload_of(run({"name": "ma-cross"}), strategy)


@pytest.mark.parametrize(
    "same",
    [
        dict(reversed(STRATEGY.items())),
        {**STRATEGY, "parameters": {"slow": 20.0, "fast": 5}},
        {**STRATEGY, "risk": {"stopLoss": "5%", "maxOpenPositions": 1, "roi": []}},
    ],
    ids=["order", "numbers", "defaults"],
)
def test_the_digest_of_a_strategy_is_the_same_however_it_is_written(same):
    assert digest(same) == digest(STRATEGY)


@pytest.mark.parametrize(
    "other",
    [
        {**STRATEGY, "parameters": {"fast": 6, "slow": 20}},
        {**STRATEGY, "risk": {"stopLoss": "5.1%"}},
        {**STRATEGY, "timeframe": "4h"},
        {**STRATEGY, "symbols": ["ETH/USDT"]},
    ],
)
def test_the_digest_of_another_strategy_is_another(other):
    assert digest(other) != digest(STRATEGY)


def test_a_parameter_that_is_left_out_counts_as_its_default():
    defaults = {parameter.name: parameter.default for parameter in BUILTINS["MovingAverageCross"].parameters}
    assert digest({**STRATEGY, "parameters": defaults}) == digest({**STRATEGY, "parameters": {}})


def test_a_strategy_and_the_runs_that_test_it_have_one_digest():
    for strategy in (STRATEGY, CODE):
        assert strategy_digest(named(strategy, signals={"replicas": 2}).spec) == digest(strategy)


def test_code_in_an_image_is_covered_by_the_images_digest():
    other = json.loads(json.dumps(CODE).replace(64 * "a", 64 * "b"))
    assert digest(CODE) != digest(other)


@pytest.mark.parametrize(
    "image", [None, "registry/desk", "registry/desk:1.0", "registry/desk@sha256:abc", "@sha256:" + 64 * "a"]
)
def test_code_whose_image_may_become_another_is_refused(image):
    source = {"module": "mine", "class": "Mine"} | ({"image": image} if image else {})
    with pytest.raises(
        InputRefused, match=r"^spec\.strategy\.source\.classRef\.image: .*write registry/name@sha256:"
    ) as refused:
        payload_of(run({**STRATEGY, "source": {"classRef": source}}))
    assert ("missing; " in str(refused.value)) == (image is None)


def test_a_strategy_that_cannot_be_made_is_refused_with_the_field_of_the_resource_that_it_is_written_in():
    wrong = {**STRATEGY, "parameters": {"fast": 0, "slow": 20}}
    with pytest.raises(InputRefused, match=r"^spec\.strategy\.parameters\.fast: 0: "):
        payload_of(run(wrong))
    with pytest.raises(InputRefused, match=r"^spec\.parameters\.fast: 0: "):
        payload_of(run({"name": "ma-cross"}), named(wrong))


def test_a_person_may_write_a_payload_as_a_manifest():
    text = "apiVersion: tidewright.io/v1alpha1\nkind: BacktestRun\nmetadata: {name: demo}\nspec:\n  data: {exchange: simulated}\n"
    text += "  strategy: {source: {builtin: MacdCross}, symbols: [BTC/USDT], timeframe: 1h}\n"
    task = read_payload("bt.yaml", text)
    assert (task.namespace, task.uid, task.strategy_digest) == ("default", "", "")


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda p: [], "run.json: not a worker's payload; it is one BacktestRun with its strategy in place"),
        (lambda p: {**p, "kind": "RLTrainings"}, "kind: 'RLTrainings': unknown kind (did you mean 'RLTraining'?)"),
        (lambda p: named().record(), "kind: 'TradingStrategy': not what this worker works on; write kind: BacktestRun"),
        (lambda p: {**p, "spec": {**p["spec"], "sed": 1}}, "spec.sed: 1: unknown field (did you mean 'seed'?)"),
        (lambda p: {**p, "strategyDigests": "x"}, "strategyDigests: 'x': unknown field"),
        (lambda p: {**p, "metadata": {"name": "demo", "uid": "../../etc"}}, "metadata.uid: '../../etc': not a UID"),
        (lambda p: {**p, "metadata": {"name": "../x"}}, "metadata.name: '../x': not a resource's name"),
        (
            lambda p: {**p, "spec": {**p["spec"], "strategy": {"name": "ma-cross"}}},
            "spec.strategy.name: 'ma-cross': a worker knows no resources but its own",
        ),
    ],
)
def test_what_is_no_payload_is_refused_with_the_field_and_the_remedy(edit, told):
    assert told in refusal(json.dumps(edit(payload_of(run()))))


@pytest.mark.parametrize("text", ["", "\x00", "{", "a: 1\n---\nb: 2\n", 200_001 * "[" + "\n", "a: 1\na: 2\n"])
def test_what_is_no_document_is_refused_too(text):
    assert "run.json" in refusal(text)


def test_the_operator_needs_no_compiler_and_comes_to_the_same_digest():
    code = (
        "import json, sys\n"
        "for name in ('numba', 'pyarrow', 'pandas', 'jinja2', 'httpx'): sys.modules[name] = None\n"
        "import tidewright.runs.exits, tidewright.specs.work_record\n"
        "from tidewright.runs.payload import payload_of, read_payload\n"
        "payload = payload_of(read_payload('', sys.stdin.read()).run)\n"
        "print(payload['strategyDigest'])"
    )
    given = json.dumps(payload_of(run()))
    done = subprocess.run([sys.executable, "-c", code], input=given, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (digest(STRATEGY), "")
