"""Whatever happens to a manifest, reading it gives a resource or problems that say where."""

import copy

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from tidewright.specs.manifest import Manifest

WHOLE = """
apiVersion: tidewright.io/v1alpha1
kind: BacktestRun
metadata: {name: demo, namespace: x}
spec:
  strategy:
    source:
      rules:
        parameters: [{name: fast, type: Int, default: 10, min: 2, max: 200}]
        columns: {a: sma(fast)}
        enter: close > a
        exit: close < a
        constraints: [fast < 100]
    parameters: {fast: 24}
    symbols: [BTC/USDT]
    timeframe: 1h
    risk:
      stopLoss: 8%
      trailingStop: {activateAt: 2%, distance: 1%}
      roi: [{after: 0m, profit: 10%}, {after: 60m, profit: 5%}]
      positionSize: {fraction: 95%}
  data: {exchange: simulated, start: '2023-01-01', end: '2023-06-01'}
  broker: {cash: 10000, commission: 0.1%, slippage: 0.05%}
  checks: {lookAhead: true, dataQuality: Block, maxGap: 1d}
  seed: 7
  pod: {nodeSelector: {disk: ssd}, tolerations: [{key: spot}], resources: {limits: {cpu: '2'}}}
"""

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["5%", "1h", "2024-01-01", "BTC/USDT", "Off", "<<", "sha256:"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)


def places(value, path=()):
    """The path of every value in a document, its own included."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


@st.composite
def mutants(draw):
    document = yaml.safe_load(WHOLE)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([place for place in places(document) if place]))
        parent = document
        for part in path[:-1]:
            parent = parent[part]
        match draw(st.sampled_from(["delete", "replace", "add"])):
            case "delete":
                del parent[path[-1]]
            case "replace":
                parent[path[-1]] = draw(ANYTHING)
            case "add" if isinstance(parent, dict):
                parent[draw(st.text(max_size=8) | st.sampled_from(["stopLoss", "name", "kind", "sourceRef"]))] = draw(
                    ANYTHING
                )
            case "add":
                parent.append(copy.deepcopy(draw(ANYTHING)))
        if not document:
            break
    return yaml.safe_dump(document, allow_unicode=True)


def test_the_unchanged_manifest_is_right():
    manifest = Manifest()
    manifest.read("bt.yaml", WHOLE)
    assert manifest.problems == []


@given(mutants())
def test_a_changed_manifest_gives_a_resource_or_problems_with_a_line(text):
    manifest = Manifest()
    manifest.read("bt.yaml", text)
    last = text.count("\n") + 1
    assert bool(manifest.problems) != bool(manifest.resources)
    assert all(1 <= problem.line <= last for problem in manifest.problems)
    assert all(
        problem.message and str(problem).startswith(f"bt.yaml:{problem.line}: ") for problem in manifest.problems
    )
    for resource, _ in manifest.resources.values():
        assert type(resource).model_validate(resource.record()) == resource


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
@example("? ")
@example("&a : *a")
@example("!!binary x")
@example("!!timestamp 2024-99-99")
@example("!!set {a, b}")
@example("!!omap [a: 1]")
@example("%YAML 9.9\n---\na")
@example("\x85")
def test_any_text_at_all_is_read_without_an_exception(text):
    manifest = Manifest()
    manifest.read("bt.yaml", text)
    assert manifest.resources == {}
    assert all(problem.line >= 1 for problem in manifest.problems)
