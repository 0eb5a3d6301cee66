from pathlib import Path

import pytest

from tidewright.specs.backtest_run import BacktestRun
from tidewright.specs.manifest import RESOURCES, Document, Manifest, as_yaml, documents

SAMPLES = sorted((Path(__file__).parents[3] / "manifests" / "samples").glob("*.yaml"))


def read(text, file="bt.yaml"):
    manifest = Manifest()
    manifest.read(file, text)
    return manifest


def value_of(text):
    problems = []
    (document,) = documents("x.yaml", text, problems)
    assert problems == []
    return document.value


def told(text):
    return [str(problem) for problem in read(text).problems]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_the_samples_have_no_problems(sample):
    manifest = read(sample.read_text(encoding="utf-8"), str(sample))
    assert manifest.problems == []
    assert manifest.resources


def test_resources_are_found_by_kind_in_the_order_read(demo, strategy):
    manifest = read(f"---\n{strategy}---\n# nothing here\n---\n{demo}---\n{demo.replace('demo', 'another')}")
    assert manifest.problems == []
    assert manifest.names("BacktestRun") == ["demo", "another"]
    assert manifest.names("TradingStrategy") == ["ma-cross"]
    assert all(isinstance(resource, BacktestRun) for _, resource, _ in manifest.of_kind("BacktestRun"))


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n---\n", "\ufeff", "null\n"])
def test_nothing_is_no_resource_and_no_problem(text):
    manifest = read(text)
    assert (manifest.resources, manifest.problems) == ({}, [])


def test_json_is_yaml(demo):
    assert value_of('{"a": [1, 2.5, "x", true, null, 1e6, 1.5e-3]}') == {"a": [1, 2.5, "x", True, None, 1e6, 1.5e-3]}


def test_dates_and_times_are_read_as_strings_as_kubectl_does():
    assert value_of("a: 2023-01-01\nb: 2023-01-01T00:00:00Z\n") == {"a": "2023-01-01", "b": "2023-01-01T00:00:00Z"}


def test_keys_are_strings_whatever_they_look_like():
    assert value_of("1: a\non: b\n2023-01-01: c\nnull: d\n") == {"1": "a", "on": "b", "2023-01-01": "c", "null": "d"}


def test_an_alias_stands_for_its_anchor(demo):
    assert value_of("a: &x {b: [1]}\nc: *x\n") == {"a": {"b": [1]}, "c": {"b": [1]}}


def test_a_line_is_that_of_the_field_or_of_what_is_around_it():
    (document,) = documents("x.yaml", "a:\n  b:\n  - c: 1\n  - c: 2\n\nd: 1\n", [])
    assert [document.line(path) for path in [("a", "b", 1, "c"), ("a", "b", 1, "nothing"), ("d",), ("e", 5), ()]] == [
        4,
        4,
        6,
        1,
        1,
    ]


def test_lines_count_from_the_beginning_of_the_file_in_a_later_document(demo):
    text = "# a comment\n---\n" + demo + "---\n" + demo.replace("demo", "two").replace("seed: 7", "sed: 7")
    (problem,) = read(text).problems
    assert (problem.line, text.splitlines()[problem.line - 1]) == (problem.line, "  sed: 7")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\n", "x.yaml:2: not YAML: expected ',' or ']', but got '<stream end>' (while parsing a flow sequence from line 1)"),
        ("a:\n  b: 'x\n", "x.yaml:3: not YAML: found unexpected end of stream (while scanning a quoted scalar from line 2)"),
        ("a: 1\n\tb: 2\n", "x.yaml:2: not YAML: found character '\\t' that cannot start any token; indent with spaces, not tabs"),
        ("a: b: c\n", "x.yaml:1: not YAML: mapping values are not allowed here"),
        ("a: *nowhere\n", "x.yaml:1: not YAML: found undefined alias 'nowhere'"),
        ("a: 1\nb: \x00\n", "x.yaml:2: not YAML: the character U+0000 cannot stand in it"),
        ("a: \x1b[0m\n", "x.yaml:1: not YAML: the character U+001B cannot stand in it"),
        ("a: \udcff\n", "x.yaml:1: not YAML: the character U+DCFF cannot stand in it"),
        ("a: !!python/object:os.system x\n", "x.yaml:1: not YAML: could not determine a constructor for the tag 'tag:yaml.org,2002:python/object:os.system'"),
        ("a: 0b_\n", "x.yaml:1: not YAML: '0b_' cannot be read as a number; put it in quotes"),
        (f"\na: {'1' * 5000}\n", f"x.yaml:2: not YAML: '{'1' * 56}... cannot be read as a number; put it in quotes"),
        ("a: &a [*a]\n", "x.yaml:2: nested too deeply; an alias may be its own part"),
        ("a: &a {b: *a}\n", "x.yaml:2: nested too deeply; an alias may be its own part"),
        ("[" * 5000, "x.yaml:1: nested too deeply; an alias may be its own part"),
        ("{a: " * 5000, "x.yaml:1: nested too deeply; an alias may be its own part"),
        ("- a\n" * 300_000, "x.yaml:1: larger than 1,000,000 characters; a manifest is a few kilobytes"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)  # fmt: skip
def test_what_is_no_yaml_is_one_problem_with_a_line(text, message):
    problems = []
    assert list(documents("x.yaml", text, problems)) == []
    assert [str(problem) for problem in problems] == [message]


def test_aliases_that_double_at_every_line_are_refused_before_they_fill_the_memory():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert told("\n".join(lines)) == ["bt.yaml:1: not YAML: too many values; aliases may be nested"]


def test_the_documents_before_a_broken_one_are_read(demo):
    manifest = read(f"{demo}---\na: [\n")
    assert manifest.names("BacktestRun") == ["demo"]
    assert [problem.line for problem in manifest.problems] == [25]


def test_a_key_written_twice_is_never_a_silent_loss(demo, problems_of):
    (problem,) = problems_of(demo, ("  seed: 7\n", "  seed: 7\n  seed: 8\n"))
    assert str(problem) == "bt.yaml:23: spec.seed: written twice, first on line 22; remove one"


@pytest.mark.parametrize("key", ["<<: {cash: 3}", "? [1, 2] : 3", "? {a: 1} : 3"])
def test_a_merge_or_a_key_of_many_parts_is_refused(demo, problems_of, key):
    (problem,) = problems_of(demo, ("cash: 10000", key))
    assert str(problem) == "bt.yaml:19: spec.broker: a key must be a plain word; write the fields of a merge (<<) out"


def test_a_quoted_merge_is_a_key_like_any_other():
    assert value_of("'<<': 1\n") == {"<<": 1}


@pytest.mark.parametrize("text", ["hello", "- 1\n- 2\n", "3", "apiVersion: v1\nmetadata: {name: x}\n"])
def test_what_is_no_resource(text):
    assert told(text) == ["bt.yaml:1: not a resource; it needs apiVersion, kind, metadata and spec"]


@pytest.mark.parametrize(
    ("kind", "shown"),
    [("BacktestRuns", "'BacktestRuns': unknown kind (did you mean 'BacktestRun'?)"), ("Pod", "'Pod': unknown kind"), ("[a]", "['a']: unknown kind"), ("null", "unknown kind")],
)  # fmt: skip
def test_an_unknown_kind_is_told_with_those_that_are_known(demo, problems_of, kind, shown):
    (problem,) = problems_of(demo, ("kind: BacktestRun", f"kind: {kind}"))
    assert str(problem) == f"bt.yaml:2: kind: {shown}; this version knows {', '.join(RESOURCES)}"


def test_a_name_given_twice_says_where_it_was_given_first(demo):
    manifest = read(demo, "one.yaml")
    manifest.read("two.yaml", demo)
    assert [str(problem) for problem in manifest.problems] == [
        "two.yaml:4: metadata.name: 'demo': a BacktestRun of this name is already at one.yaml:4; rename one"
    ]


def test_resources_of_different_kinds_may_share_a_name(demo, strategy):
    manifest = read(strategy.replace("ma-cross", "demo") + "---\n" + demo)
    assert manifest.problems == []


def test_everything_wrong_in_several_files_is_told_at_once(demo, strategy):
    manifest = Manifest()
    manifest.read("one.yaml", demo.replace("8%", "8").replace("2023-06-01", "2022-06-01").replace("seed: 7", "sed: 7"))
    manifest.read("two.yaml", strategy.replace("1h", "1H") + "---\nkind: Pod\n")
    manifest.read("three.yaml", "a: [")
    assert [(problem.file, problem.line) for problem in manifest.problems] == [
        ("one.yaml", 13),
        ("one.yaml", 18),
        ("one.yaml", 22),
        ("two.yaml", 8),
        ("two.yaml", 10),
        ("three.yaml", 1),
    ]


def test_a_resource_may_come_without_a_text(demo):
    manifest = Manifest()
    manifest.add(Document("", value_of(demo), {}))
    assert manifest.names("BacktestRun") == ["demo"]


@pytest.mark.parametrize(
    ("written", "value"), [("2.0", 2), ("1e3", 1000), ("-0.0", 0), ("2.5", 2.5), ("1e300", 1e300), ("true", True)]
)
def test_a_number_without_a_fraction_is_whole_as_it_is_in_json(written, value):
    found = value_of(f"a: {written}")["a"]
    assert (found, type(found)) == (value, type(value))


def test_what_is_written_reads_the_same_with_fields_in_their_order():
    shared = {"b": "yes", "a": ["é", 1.5, None]}
    text = as_yaml([{"first": shared, "again": shared}, {"second": "2024-01-31"}])
    assert "&" not in text
    problems = []
    assert [document.value for document in documents("x.yaml", text, problems)] == [
        {"first": shared, "again": shared},
        {"second": "2024-01-31"},
    ]
    assert list(value_of(as_yaml([shared]))) == ["b", "a"]
