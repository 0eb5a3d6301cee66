import pytest

from tidewright.specs.problems import Problem, field_name, nearest, shorten


def test_a_problem_reads_file_line_field_value_and_message():
    problem = Problem("bt.yaml", 14, ("spec", "risk", "roi", 0, "after"), "not a duration", 90)
    assert str(problem) == "bt.yaml:14: spec.risk.roi[0].after: 90: not a duration"


def test_a_problem_of_a_whole_file_has_no_line():
    assert str(Problem("bt.yaml", 0, (), "cannot be read")) == "bt.yaml: cannot be read"
    assert str(Problem("", 0, ("spec",), "missing")) == "spec: missing"


def test_the_blanks_that_a_caret_stands_on_are_kept():
    assert str(Problem("f", 1, (), "unknown\n  close  >  x\n            ^")).splitlines()[1:] == [
        "  close  >  x",
        "            ^",
    ]


def test_a_problem_as_json_values():
    assert Problem("bt.yaml", 3, ("spec", "seed"), "too large", 10**70).record() == {
        "file": "bt.yaml",
        "line": 3,
        "field": "spec.seed",
        "value": "1" + "0" * 56 + "...",
        "message": "too large",
    }


def test_values_are_written_as_in_yaml_and_in_one_short_line():
    assert [shorten(value) for value in (True, "a\nb", 1.5)] == ["true", r"'a\nb'", "1.5"]
    assert len(shorten("x" * 1000)) == 60


@pytest.mark.parametrize(
    ("word", "hint"),
    [("stoploss", " (did you mean 'stopLoss'?)"), ("stop_loss", " (did you mean 'stopLoss'?)"), ("zebra", "")],
)
def test_the_nearest_word_whatever_its_case(word, hint):
    assert nearest(word, ["stopLoss", "takeProfit"]) == hint


def test_the_name_of_a_field_in_a_list():
    assert field_name(("spec", "roi", 1, "after")) == "spec.roi[1].after"
    assert field_name(()) == ""


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "value", "message"),
    [
        ("stopLoss", "stop_loss", 13, "spec.strategy.risk.stop_loss", "8%",
         ("unknown field (did you mean 'stopLoss'?); known here: stopLoss, takeProfit, trailingStop, roi, positionSize, maxOpenPositions, "
          "maxEntries, cooldown, maxSymbolExposure, maxTotalExposure, rankBy")),
        ("8%", "8", 13, "spec.strategy.risk.stopLoss", 8, "a ratio is written as a percent string; write 8%"),
        ("seed: 7", "seed: seven", 22, "spec.seed", "seven", "expected a whole number, found a string"),
        ("seed: 7", "seed: '7'", 22, "spec.seed", "7", "expected a whole number, found a string; remove the quotes"),
        ("seed: 7", "seed: 7.5", 22, "spec.seed", 7.5, "expected a whole number, found a number with a point"),
        ("seed: 7", "seed: -1", 22, "spec.seed", -1, "must be greater than or equal to 0"),
        ("seed: 7", "suspend: maybe", 22, "spec.suspend", "maybe", "expected true or false, found a string"),
        ("seed: 7", "broker2: {a: 1}", 22, "spec.broker2", None,
         "unknown field (did you mean 'broker'?); known here: strategy, data, broker, engine, checks, seed, suspend, ttlAfterFinished, deadline, retries, pod"),
        ("cash: 10000", f"cash: 1{'0' * 400}", 19, "spec.broker.cash", 10**400, "too large"),
        ("cash: 10000", "cash: .inf", 19, "spec.broker.cash", float("inf"), "must be a finite number"),
        ("dataQuality: Block", "dataQuality: block", 21, "spec.checks.dataQuality", "block",
         "not one of 'Block', 'Warn' or 'Ignore' (did you mean 'Block'?)"),
        ("v1alpha1", "v1beta1", 1, "apiVersion", "tidewright.io/v1beta1", "must be 'tidewright.io/v1alpha1'"),
        ("  name: demo", "  nmae: demo", 3, "metadata.name", None,
         "missing, but required: Name of the resource, unique within its kind and namespace."),
        ("    timeframe: 1h\n", "", 6, "spec.strategy", None, "a strategy written in place needs symbols and timeframe; add them"),
        ("    symbols: [BTC/USDT]", "    symbols: BTC/USDT", 10, "spec.strategy.symbols", "BTC/USDT", "expected a list, found a string"),
        ("    symbols: [BTC/USDT]", "    symbols: []", 10, "spec.strategy.symbols", None,
         "must have 1 or more items; it has 0"),
        ("[BTC/USDT]", "[BTCUSDT]", 10, "spec.strategy.symbols[0]", "BTCUSDT", "not a symbol; write base/quote in capitals, such as BTC/USDT"),
        ("fast: 24", "fast: [24]", 9, "spec.strategy.parameters.fast", None,
         "a parameter's value is a number, true or false, or one of its choices; write one of these"),
        ("fast: 24", "fast: .inf", 9, "spec.strategy.parameters.fast", float("inf"),
         "not a number between -1e15 and 1e15; write one, without quotes"),
        ("    risk:\n", "    risk:\n      roi: [{after: 90, profit: 1%}]\n", 13, "spec.strategy.risk.roi[0].after", 90,
         "not a duration; write a whole number and a unit, such as 30m, 4h or 90d"),
        ("2023-06-01", "2022-06-01", 18, "spec.data.end", "2022-06-01",
         "must be after start; end is exclusive, so the last day tested is the day before it"),
        ("broker: {cash: 10000, commission: 0.1%, slippage: 0.05%}", "broker: 3", 19, "spec.broker", 3,
         "expected a mapping of fields, found a whole number"),
        ("seed: 7", "pod: {nodeSelector: {disk: 1}}", 22, "spec.pod.nodeSelector.disk", 1, "put it in quotes"),
        ("seed: 7", "pod: {nodeSelector: {a b: c}}", 22, "spec.pod.nodeSelector.a b", "a b",
         "not a label's key; write letters, digits, hyphens, dots and underscores, such as disk or example.com/disk"),
        ("seed: 7", "pod: {resources: {limits: {cpu: 0.5}}}", 22, "spec.pod.resources.limits.cpu", 0.5,
         "not a quantity; write a whole number, or a number and a unit in quotes, such as 500m or 2Gi"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_told_with_line_value_and_remedy(demo, problems_of, old, new, line, field, value, message):
    (problem,) = [p for p in problems_of(demo, (old, new)) if field_name(p.path) != "metadata.nmae"]
    assert (problem.line, field_name(problem.path), problem.message) == (line, field, message)
    assert problem.value == value
