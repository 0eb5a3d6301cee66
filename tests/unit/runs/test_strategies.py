import sys
from textwrap import dedent

import pytest

from tidewright.domain.strategies.evaluation import StrategyFailed
from tidewright.runs.refusal import InputRefused
from tidewright.runs.strategies import resolve_strategy, risk_of
from tidewright.specs.manifest import Document
from tidewright.specs.trading_strategy import Risk, StrategySpec

CODE = """
import tidewright

class Mine(tidewright.SignalStrategy):
    parameters = (tidewright.Parameter("n", "Int", 3, 1, 9),)

    def warmup(self, parameters):
        return parameters["n"]
"""


@pytest.fixture(autouse=True)
def clean_imports(monkeypatch, tmp_path):
    """What a test imports is forgotten after it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def resolved(source, folders=(), **more):
    wanted = StrategySpec.model_validate({"source": source, "symbols": ["BTC/USDT"], "timeframe": "1h", **more})
    return resolve_strategy(wanted, Document("bt.yaml", {}, {}), ("spec", "strategy"), folders)


def refused(source, folders=(), **more):
    """Path and message of every problem."""
    with pytest.raises(InputRefused) as caught:
        resolved(source, folders, **more)
    return [(".".join(map(str, problem.path[2:])), problem.message) for problem in caught.value.problems]


def from_code(folder, code, **more):
    (folder / "mine.py").write_text(dedent(code))
    return resolved({"classRef": {"module": "mine", "class": "Mine"}}, [folder], **more)


def refused_code(folder, code, name="Mine"):
    (folder / "mine.py").write_text(dedent(code))
    ((field, message),) = refused({"classRef": {"module": "mine", "class": name}}, [folder])
    return field.removeprefix("source.classRef."), message.replace(str(folder), "FOLDER")


# Built in


def test_every_parameter_of_a_builtin_gets_its_value():
    strategy = resolved({"builtin": "MovingAverageCross"}, parameters={"fast": 5})
    assert strategy.parameters == {"fast": 5, "slow": 30, "kind": "sma"}
    assert strategy.spec.parameters == strategy.parameters
    assert strategy.warmup >= 30


def test_an_unknown_builtin_is_told_with_the_nearest_and_with_all():
    assert refused({"builtin": "MovingAvrageCross"}) == [
        ("source.builtin",
         ("no built-in strategy of this name (did you mean 'MovingAverageCross'?); there are MovingAverageCross, RsiMeanReversion, "
          "BollingerBreakout, MacdCross, AiEnhanced")),
    ]  # fmt: skip


def test_everything_wrong_with_parameters_is_told_at_once():
    problems = refused({"builtin": "MovingAverageCross"}, parameters={"fsat": 5, "slow": "30", "kind": "tma"})
    assert [field for field, _ in problems] == ["parameters.fsat", "parameters.slow", "parameters.kind"]


def test_parameters_that_do_not_go_together():
    ((field, message),) = refused({"builtin": "MovingAverageCross"}, parameters={"fast": 50, "slow": 20})
    assert (field, message.split(":")[0]) == ("parameters.fast", "fast (50) must be less than slow (20)")


# Rules


def test_a_mistake_in_a_rule_is_pointed_at():
    rules = {"columns": {"trend": "sma(50)"}, "enter": "close >  smaa(3)", "exit": "close < trend and"}
    (first, pointed), (second, _) = refused({"rules": rules})
    assert (first, second) == ("source.rules.enter", "source.rules.exit")
    assert pointed == "unknown function 'smaa' (did you mean 'sma'?)\n  close >  smaa(3)\n           ^"


def test_rules_know_the_strategys_own_timeframe():
    rules = {"columns": {"trend": "ema(50) on 4h"}, "enter": "close > trend", "exit": "close < trend"}
    hourly, quarterly = resolved({"rules": rules}), resolved({"rules": rules}, timeframe="15m")
    assert (quarterly.warmup + 2) == 4 * (hourly.warmup + 2)
    ((field, pointed),) = refused({"rules": rules}, timeframe="1d")
    assert field == "source.rules.columns.trend"
    assert pointed == "the strategy's own 1d bars make no 4h bars; write one of 3d, 1w\n  ema(50) on 4h\n             ^"


def test_constraints_of_rules_are_held():
    rules = {
        "parameters": [
            {"name": "fast", "default": 5, "min": 2, "max": 50},
            {"name": "slow", "default": 20, "min": 2, "max": 50},
        ],
        "enter": "sma(fast) crosses above sma(slow)",
        "exit": "sma(fast) crosses below sma(slow)",
        "constraints": ["fast < slow"],
    }
    assert resolved({"rules": rules}).parameters == {"fast": 5, "slow": 20}
    assert refused({"rules": rules}, parameters={"fast": 30}) == [
        ("parameters.fast", "fast (30) must be less than slow (20)")
    ]


def test_a_mistake_in_a_constraint_is_located_by_its_number():
    ((field, _),) = refused({"rules": {"enter": "close > open", "exit": "close < open", "constraints": ["close > 1"]}})
    assert field == "source.rules.constraints.0"


# A class


def test_a_class_is_found_beside_the_manifest(tmp_path):
    strategy = from_code(tmp_path, CODE, parameters={"n": 5})
    assert (strategy.strategy.name, strategy.parameters, strategy.warmup) == ("Mine", {"n": 5}, 5)


def test_a_class_without_a_name_is_called_after_itself(tmp_path):
    code = """
    class Mine:
        parameters = ()
        def warmup(self, parameters): return 0
        def columns(self, bars, parameters): return {}
        def signals(self, bars, columns, parameters): return None
    """
    assert from_code(tmp_path, code).strategy.name == "Mine"


def test_an_edited_class_is_read_again_and_has_another_digest(tmp_path):
    before = from_code(tmp_path, CODE)
    after = from_code(tmp_path, CODE.replace('return parameters["n"]', 'return parameters["n"] + 1'))
    assert (before.warmup, after.warmup) == (3, 4)
    assert before.digest != after.digest


def test_modules_of_one_name_in_two_folders_are_not_confused(tmp_path):
    for folder, warmup in (("a", 1), ("b", 2)):
        (tmp_path / folder).mkdir()
        code = CODE.replace('return parameters["n"]', f"return {warmup}")
        assert from_code(tmp_path / folder, code).warmup == warmup


def test_a_module_may_be_in_a_package_and_import_its_neighbour(tmp_path):
    package = tmp_path / "ideas"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "length.py").write_text("LENGTH = 8\n")
    (package / "mine.py").write_text("from ideas.length import LENGTH\n" + CODE.replace('parameters["n"]', "LENGTH"))
    assert resolved({"classRef": {"module": "ideas.mine", "class": "Mine"}}, [tmp_path]).warmup == 8


def test_a_missing_module_is_told_with_where_it_was_looked_for_and_the_nearest(tmp_path):
    (tmp_path / "channel.py").write_text("")
    ((field, message),) = refused({"classRef": {"module": "chanel", "class": "Mine"}}, [tmp_path])
    assert field == "source.classRef.module"
    assert message == (
        f"no such module (did you mean 'channel'?); put chanel.py beside the manifest (looked in {tmp_path} first)"
    )


def test_a_module_that_lacks_another_is_not_itself_missing(tmp_path):
    field, message = refused_code(tmp_path, "\nimport nowhere_to_be_found\n")
    assert field == "module"
    assert message == (
        "cannot be imported: ModuleNotFoundError: No module named 'nowhere_to_be_found' (FOLDER/mine.py:2)"
    )


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = 1\ny = 1 / 0\n", "cannot be imported: ZeroDivisionError: division by zero (FOLDER/mine.py:2)"),
        ("x = (1\n", "cannot be imported: SyntaxError: '(' was never closed (mine.py, line 1)"),
        ("import sys\nsys.exit(3)\n", "cannot be imported: SystemExit: 3 (FOLDER/mine.py:2)"),
        ("import json\njson.loads('{')\n", "cannot be imported: JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1) (FOLDER/mine.py:2)"),
    ],
)  # fmt: skip
def test_a_module_that_raises_is_told_with_the_line_that_did(tmp_path, code, message):
    assert refused_code(tmp_path, code) == ("module", message)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("class Mane: pass\n", "no such class in FOLDER/mine.py (did you mean 'Mane'?); it has Mane"),
        ("from pathlib import Path\nMine = 3\n", "no such class in FOLDER/mine.py; it has none"),
    ],
)
def test_a_missing_class_is_told_with_those_there_are(tmp_path, code, message):
    assert refused_code(tmp_path, code) == ("class", message)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("class Mine:\n    parameters = ()\n    def warmup(self): pass\n    def columns(self): pass\n",
         "is no strategy: it has no method signals; derive it from tidewright.SignalStrategy"),
        ("import tidewright\nclass Mine(tidewright.SignalStrategy):\n    parameters = []\n",
         "is no strategy: it has no tuple named parameters; write parameters = () if there are none"),
        ("import tidewright\nclass Mine(tidewright.SignalStrategy):\n    parameters = ('n',)\n",
         "its parameters are not all of tidewright.Parameter; make them so"),
        ("import tidewright\nclass Mine(tidewright.SignalStrategy):\n    def __init__(self, n): pass\n",
         ("cannot be made: TypeError: Mine.__init__() missing 1 required positional argument: 'n'; a strategy takes no arguments, "
          "its parameters come with every call")),
    ],
)  # fmt: skip
def test_a_class_that_is_no_strategy_is_told_why(tmp_path, code, message):
    field, told = refused_code(tmp_path, code)
    assert (field, told) == ("class", message)


@pytest.mark.parametrize("warmup", ["None", "-1", "2.5", "True", "'3'"])
def test_a_warm_up_that_is_no_number_of_bars_is_the_strategys_failure(tmp_path, warmup):
    with pytest.raises(StrategyFailed, match="return a whole number of bars"):
        from_code(tmp_path, CODE.replace('parameters["n"]', warmup))


def test_a_warm_up_that_raises_is_the_strategys_failure(tmp_path):
    with pytest.raises(StrategyFailed, match="KeyError: 'm'") as caught:
        from_code(tmp_path, CODE.replace('parameters["n"]', 'parameters["m"]'))
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_config_map_exists_on_a_cluster_only():
    assert refused({"sourceRef": {"configMap": "a", "key": "b"}}) == [
        (
            "source.sourceRef",
            "a ConfigMap exists on a cluster only; outside one, use classRef with the module beside the manifest",
        )
    ]


# The digest and the risk


def test_the_digest_covers_all_that_can_change_a_trade():
    base = {"source": {"builtin": "MovingAverageCross"}}
    variants = [
        base,
        base | {"parameters": {"fast": 11}},
        base | {"risk": {"stopLoss": "5%"}},
        base | {"timeframe": "4h"},
        base | {"symbols": ["ETH/USDT"]},
        {"source": {"builtin": "MacdCross"}},
        {"source": {"rules": {"enter": "close > open", "exit": "close < open"}}},
        {"source": {"rules": {"enter": "close > open", "exit": "close < low"}}},
    ]
    assert len({resolved(**variant).digest for variant in variants}) == len(variants)


def test_a_default_written_out_is_the_same_strategy():
    source = {"builtin": "MovingAverageCross"}
    assert resolved(source, parameters={"fast": 10}).digest == resolved(source).digest


def test_risk_becomes_the_kernels_numbers():
    risk = risk_of(
        Risk.model_validate(
            {
                "stopLoss": "5%",
                "takeProfit": "10%",
                "trailingStop": {"activateAt": "2%", "distance": "1%"},
                "roi": [{"after": "0m", "profit": "10%"}, {"after": "2h", "profit": "3%"}],
                "positionSize": {"risk": "1%"},
            }
        )
    )
    assert (risk.stop_loss, risk.take_profit, risk.trail_activation, risk.trail_distance) == (0.05, 0.1, 0.02, 0.01)
    assert [(step.after, step.profit) for step in risk.roi] == [(0, 0.1), (7_200_000, 0.03)]
    assert (risk.sizing.fraction, risk.sizing.risk) == (0.0, 0.01)
