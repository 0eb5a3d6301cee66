import errno
import json
import math
from pathlib import Path

import pytest

from tidewright.adapters.results import read_table
from tidewright.adapters.stores import RoutedStore
from tidewright.cli.endings import DONE, FAILED, INTERRUPTED, REFUSED

NEVER = "rules: {enter: close < 0, exit: close < 0}"
STRATEGY = """\
apiVersion: tidewright.io/v1alpha1
kind: TradingStrategy
metadata:
  name: cross
spec:
  source: {builtin: MovingAverageCross}
  parameters: {fast: 24, slow: 96}
  symbols: [BTC/USDT]
  timeframe: 1h
"""
TRAINING = """\
apiVersion: tidewright.io/v1alpha1
kind: RLTraining
metadata: {name: policy}
spec: {symbols: [BTC/USDT], timeframe: 1h, data: {exchange: simulated}, algorithm: {name: PPO}, stop: {iterations: 10}}
"""
INLINE = """\
    source:
      builtin: MovingAverageCross
    parameters: {fast: 24, slow: 96}
    symbols: [BTC/USDT]
    timeframe: 1h
"""
FILES = {"result.json", "report.html", "trades.parquet", "fills.parquet", "equity.parquet"}


def names(folder):
    return {path.name for path in Path(folder).iterdir()}


def refuse_constant(word):
    raise AssertionError(f"{word} is not JSON")


def document(ended):
    """The one JSON document on stdout, which must hold nothing else."""
    value = json.loads(ended.out, parse_constant=refuse_constant)
    assert ended.out == json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return value


@pytest.fixture
def compiled(monkeypatch):
    """As on every machine but for its first run, which tells of the compiler."""
    monkeypatch.setattr("tidewright.cli.run_backtest.needs_compiling", lambda plan: False)


# Done


def test_a_run_shows_a_table_and_writes_its_files(command, manifest):
    ended = command("run", manifest())
    assert ended.code == DONE
    for word in (
        "demo",
        "MovingAverageCross(fast=24, slow=96, kind=sma)",
        "SIMULATED DATA",
        "Sharpe ratio",
        "Buy and hold",
    ):
        assert word in ended.out
    assert "SimulatedData: " in ended.out
    assert "tidewright verify tidewright-results/demo/result.json" in ended.out
    assert names("tidewright-results/demo") == FILES


def test_json_is_one_document_with_the_keys_of_the_resources_status(command, manifest):
    ended = command("run", manifest(), "--json")
    record = document(ended)
    assert ended.code == DONE
    assert {"kind", "name", "result", "provenance", "artifacts"} <= record.keys()
    assert record == json.loads(Path("tidewright-results/demo/result.json").read_text())
    assert set(record["artifacts"]) == {"result", "report", "trades", "fills", "equity"}
    assert all(Path(path).is_file() for path in record["artifacts"].values())


def test_the_numbers_of_a_document_are_unrounded(command, manifest):
    record = document(command("run", manifest(), "--json"))
    equity = read_table(Path(record["artifacts"]["equity"]))["equity"]
    assert record["result"]["finalEquity"] == equity[-1]
    assert math.isclose(record["result"]["totalReturn"], equity[-1] / 10_000 - 1, rel_tol=1e-12)
    assert record["result"]["trades"] == len(read_table(Path(record["artifacts"]["trades"]))["pnl"])


def test_an_undefined_figure_is_null(command, manifest):
    ended = command("run", manifest(("builtin: MovingAverageCross", NEVER), ("{fast: 24, slow: 96}", "{}")), "--json")
    record = document(ended)
    assert (ended.code, record["result"]["winRate"], record["result"]["trades"]) == (DONE, None, 0)


def test_a_strategy_that_never_trades_is_done_with_a_warning(command, manifest):
    ended = command("run", manifest(("builtin: MovingAverageCross", NEVER), ("{fast: 24, slow: 96}", "{}")))
    assert ended.code == DONE
    assert "NeverTraded: The strategy never traded: it never asked for an entry." in ended.out
    assert names("tidewright-results/demo") == FILES


def test_quiet_says_nothing(command, manifest):
    assert command("run", manifest(), "--quiet") == (DONE, "", "")


@pytest.mark.parametrize("order", [("strategy.yaml", "bt.yaml"), ("bt.yaml", "strategy.yaml")])
def test_a_strategy_may_be_in_place_in_the_same_file_or_in_another(command, manifest, demo, order):
    by_name = (INLINE, "    name: cross\n")
    manifest(file="strategy.yaml", text=STRATEGY)
    manifest(by_name)
    manifest(by_name, file="both.yaml", text=f"{STRATEGY}---\n{demo}")
    manifest(file="inline.yaml")
    runs = (("inline.yaml",), ("both.yaml",), order)
    digests = {document(command("run", *files, "--json", "--no-report"))["provenance"]["digest"] for files in runs}
    assert len(digests) == 1


def test_several_runs_are_a_list_with_a_folder_each(command, manifest, demo):
    path = manifest(text=f"{demo}---\n{demo.replace('demo', 'second')}")
    ended = command("run", path, "--json", "--no-report", "--output", "out")
    listed = document(ended)
    assert (ended.code, listed["kind"], [item["name"] for item in listed["items"]]) == (
        DONE,
        "List",
        ["demo", "second"],
    )
    assert names("out") == {"demo", "second"}


def test_several_runs_are_shown_one_after_the_other(command, manifest, demo):
    ended = command("run", manifest(), manifest(("demo", "second"), file="second.yaml"))
    assert ended.out.index("demo") < ended.out.index("second")
    assert names("tidewright-results") == {"demo", "second"}


def test_a_manifest_may_come_from_standard_input(command, demo):
    ended = command("run", "-", "--json", stdin=demo)
    assert document(ended)["provenance"]["manifest"] == "standard input"
    ended = command("run", "-", stdin=demo.replace("seed: 7", "sed: 7"))
    assert (ended.code, ended.err.split(":")[:3]) == (REFUSED, ["Error", " standard input", "17"])


def test_resources_that_are_not_run_do_not_hinder(command, manifest, demo):
    assert command("run", manifest(text=f"{STRATEGY}---\n{demo}"), "-q").code == DONE


def test_what_a_strategy_prints_stays_off_a_documents_stdout(command, own):
    path = own("print('look at me')", "return tidewright.Signals(bars.close < 0, bars.close < 0)")
    ended = command("run", path, "--json")
    assert document(ended)["kind"] == "BacktestRun"
    assert "look at me" in ended.err


def test_brackets_in_names_are_shown_as_they_are(command, own):
    path = own("return tidewright.Signals(bars.close < 0, bars.close < 0)")
    Path("mine.py").write_text(Path("mine.py").read_text() + "\n    name = '[/red]Mine[b]'\n")
    ended = command("run", path)
    assert (ended.code, "[/red]Mine[b]()" in ended.out) == (DONE, True)


# The output folder


def test_output_takes_the_files_and_leaves_others_alone(command, manifest):
    Path("out").mkdir()
    Path("out/notes.txt").write_text("mine")
    Path("out/subfolder").mkdir()
    for seed in (7, 8):
        assert command("run", manifest(("seed: 7", f"seed: {seed}")), "-q", "--output", "out").code == DONE
        assert names("out") == FILES | {"notes.txt", "subfolder"}
        assert json.loads(Path("out/result.json").read_text())["provenance"]["seed"] == seed
    assert Path("out/notes.txt").read_text() == "mine"


def test_a_run_without_a_report_leaves_no_earlier_one_behind(command, manifest):
    command("run", manifest(), "-q", "-o", "out")
    record = document(command("run", manifest(), "--json", "--no-report", "-o", "out"))
    assert "report" not in record["artifacts"]
    assert names("out") == FILES - {"report.html"}


@pytest.mark.parametrize("writer", ["tidewright.api.write_table", "tidewright.api.Result.save_report"])
@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyboardInterrupt(), INTERRUPTED, "\nInterrupted: nothing half-written was left behind.\n"),
        (OSError(errno.ENOSPC, "No space left on device"), FAILED,
         "Error: the disk is full (out); free some space and try again. Nothing half-written was left behind.\n"),
    ],
    ids=["ctrl-c", "full disk"],
)  # fmt: skip
def test_an_interrupted_run_leaves_the_result_before_it_whole(
    command, manifest, monkeypatch, writer, error, code, message
):
    command("run", manifest(), "-q", "-o", "out")
    before = {path: path.read_bytes() for path in Path("out").iterdir()}

    def failing(*arguments):
        next(argument for argument in arguments if isinstance(argument, Path)).write_text("half")
        raise error

    monkeypatch.setattr(writer, failing)
    ended = command("run", manifest(("seed: 7", "seed: 8")), "-q", "-o", "out")
    assert ended == (code, "", message)
    assert {path: path.read_bytes() for path in Path("out").iterdir()} == before


def test_a_full_disk_is_one_document_where_documents_are_wanted(command, manifest, monkeypatch):
    def failing(path, table):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tidewright.api.write_table", failing)
    ended = command("run", manifest(), "--json")
    assert (ended.code, document(ended)["kind"]) == (FAILED, "Failure")
    assert document(ended)["message"].startswith("the disk is full")


@pytest.mark.parametrize("folder", ["bt.yaml/deeper", "/proc/nowhere", "/dev/null/x"])
def test_a_folder_that_cannot_be_written_to_is_told_with_the_remedy(command, manifest, folder):
    ended = command("run", manifest(), "-q", "--output", folder)
    assert ended.code == FAILED
    assert ended.err.startswith("Error: ")
    assert folder.split("/")[1] in ended.err or folder in ended.err
    assert "Traceback" not in ended.err


def test_an_output_that_is_a_file_is_refused(command, manifest):
    ended = command("run", manifest(), "--output", "bt.yaml")
    assert (ended.code, "'bt.yaml' is a file" in ended.err) == (REFUSED, True)


# Refused


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 7", "sed: 7", "bt.yaml:17: spec.sed: 7: unknown field (did you mean 'seed'?); known here: "),
        ("seed: 7", "seed: seven", "bt.yaml:17: spec.seed: 'seven': expected a whole number, found a string"),
        ("  checks:", "  broker: {commission: 0.1}\n  checks:", "bt.yaml:16: spec.broker.commission: 0.1: a ratio is written as a percent string; write 10%, or 0.1% if that is what is meant"),
        ("2023-04-01", "2022-04-01", "bt.yaml:15: spec.data.end: '2022-04-01': must be after start"),
        ("BTC/USDT", "BTCC/USDT", "bt.yaml:10: spec.strategy.symbols: 'BTCC/USDT': the embedded market has no BTCC/USDT 1h; the nearest are BTC/USDT 1h on simulated"),
        ("1h\n", "5m\n", "bt.yaml:11: spec.strategy.timeframe: '5m': the embedded market has no BTC/USDT 5m; the nearest are BTC/USDT "),
        ("1h\n", "60m\n", "bt.yaml:11: spec.strategy.timeframe: '60m': not a timeframe (did you mean '1h'?); write one of 1m, "),
        ("exchange: simulated", "exchange: binance", "bt.yaml:13: spec.data.exchange: 'binance': there are no bars of BTC/USDT 1h on binance in "),
        ("2023-01-01", "2019-01-01", "bt.yaml:14: spec.data.start: '2019-01-01': the first bar of BTC/USDT 1h on simulated after it opens at 2022-01-01T00:00:00Z"),
        ("2023-04-01", "2033-04-01", "bt.yaml:15: spec.data.end: '2033-04-01': the last bar of BTC/USDT 1h on simulated before it closes at 2024-07-01T00:00:00Z"),
        ("start: 2023-01-01\n    end: 2023-04-01", "start: 2031-01-01", "bt.yaml:12: spec.data: no bars of BTC/USDT 1h on simulated in the period"),
        ("MovingAverageCross", "MovingAvrageCross", "bt.yaml:8: spec.strategy.source.builtin: 'MovingAvrageCross': no built-in strategy of this name (did you mean 'MovingAverageCross'?)"),
        ("fast: 24", "fast: 1", "bt.yaml:9: spec.strategy.parameters.fast: 1: fast must be at least 2; it is 1"),
        ("fast: 24", "fast: 100", "bt.yaml:9: spec.strategy.parameters.fast: 100: fast (100) must be less than slow (96)"),
        ("builtin: MovingAverageCross", "sourceRef: {configMap: a, key: b}", "bt.yaml:8: spec.strategy.source.sourceRef: a ConfigMap exists on a cluster only"),
        ("builtin: MovingAverageCross", "classRef: {module: nowhere, class: X}", "bt.yaml:8: spec.strategy.source.classRef.module: 'nowhere': no such module; put nowhere.py beside the manifest"),
        (INLINE, "    name: cross\n", "bt.yaml:7: spec.strategy.name: 'cross': no TradingStrategy of this name in the files given"),
        ("[BTC/USDT]", "[BTC/USDT, BTC/USDT]", "bt.yaml:10: spec.strategy.symbols: named more than once: BTC/USDT"),
        ("exchange: simulated", f"exchange: simulated\n    digest: sha256:{'0' * 64}", "bt.yaml:14: spec.data.digest: 'sha256:0000"),
        ("kind: BacktestRun", "kind: BacktestRuns", "bt.yaml:2: kind: 'BacktestRuns': unknown kind (did you mean 'BacktestRun'?)"),
        ("  seed: 7", "\tseed: 7", "bt.yaml:17: not YAML: found character '\\t'"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else None,
)  # fmt: skip
def test_refused_input_is_told_with_file_line_field_value_and_remedy(command, manifest, old, new, message):
    path = manifest((old, new))
    ended = command("run", path)
    assert (ended.code, ended.out) == (REFUSED, "")
    assert ended.err.startswith(f"Error: {message}")
    assert ended.err.count("\n") == 1
    assert not Path("tidewright-results").exists()
    as_document = command("run", path, "--json")
    assert (as_document.code, as_document.err) == (REFUSED, ended.err)
    (problem,) = document(as_document)["problems"]
    assert (problem["file"], problem["message"] in ended.err) == ("bt.yaml", True)


def test_a_mistake_in_a_rule_is_pointed_at(command, manifest):
    rules = "rules:\n        enter: close  >  smaa(3)\n        exit: close < open"
    ended = command("run", manifest(("builtin: MovingAverageCross", rules), ("{fast: 24, slow: 96}", "{}")))
    assert ended.code == REFUSED
    assert ended.err.splitlines() == [
        "Error: bt.yaml:9: spec.strategy.source.rules.enter: unknown function 'smaa' (did you mean 'sma'?)",
        "  close  >  smaa(3)",
        "            ^",
    ]


def test_everything_wrong_in_all_files_is_told_at_once_by_file_and_line(command, manifest, demo):
    manifest(
        ("2023-04-01", "2022-04-01"),
        ("seed: 7", "sed: 7"),
        ("  checks", "  broker: {commission: 1}\n  checks"),
        file="a.yaml",
    )
    manifest(("fast: 24", "fast: 1"), ("2023-01-01", "2019-01-01"), ("demo", "second"), file="b.yaml")
    manifest(("seed: 7", "engine: Nautilus"), ("demo", "third"), file="c.yaml")
    manifest(file="d.yaml", text="a: [")
    ended = command("run", "missing.yaml", "d.yaml", "c.yaml", "b.yaml", "a.yaml")
    assert (ended.code, ended.out) == (REFUSED, "")
    places = [line.removeprefix("Error: ").split(": ")[0] for line in ended.err.splitlines()]
    assert places == [
        "a.yaml:15",
        "a.yaml:16",
        "a.yaml:18",
        "b.yaml:9",
        "b.yaml:14",
        "c.yaml:17",
        "d.yaml:1",
        "missing.yaml",
    ]


def test_nothing_runs_while_anything_is_wrong(command, manifest):
    manifest()
    manifest(("demo", "second"), ("2023-01-01", "2019-01-01"), file="second.yaml")
    assert command("run", "bt.yaml", "second.yaml").code == REFUSED
    assert not Path("tidewright-results").exists()


def test_a_problem_that_two_runs_share_is_told_once(command, manifest, demo):
    by_name = demo.replace(INLINE, "    name: cross\n")
    text = "---\n".join([STRATEGY.replace("fast: 24", "fast: 1"), by_name, by_name.replace("demo", "second")])
    assert command("run", manifest(text=text)).err.count("Error: ") == 1


def test_a_strategy_in_a_broken_file_is_not_called_missing_as_well(command, manifest):
    manifest(file="strategy.yaml", text=STRATEGY.replace("1h", "1H"))
    ended = command("run", manifest((INLINE, "    name: cross\n")), "strategy.yaml")
    assert ended.err.startswith("Error: strategy.yaml:9: spec.timeframe: '1H'")
    assert ended.err.count("Error: ") == 1


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("missing.yaml", None, "missing.yaml: cannot be read: No such file or directory; in . there are bt.yaml; name a YAML file that may be read"),
        ("bt.yml", None, "bt.yml: cannot be read: No such file or directory (did you mean 'bt.yaml'?); in . there are bt.yaml; name a YAML file that may be read"),
        ("nowhere/bt.yaml", None, "nowhere/bt.yaml: cannot be read: No such file or directory; name a YAML file that may be read"),
        (".", None, ".: cannot be read: Is a directory; in . there are bt.yaml; name a YAML file that may be read"),
        ("bt.yaml/deeper", None, "bt.yaml/deeper: cannot be read: Not a directory; name a YAML file that may be read"),
        ("a" * 300, None, f"{'a' * 300}: cannot be read: File name too long; name a YAML file that may be read"),
        ("bars.parquet", b"PAR1\xff\xfe\x00", "bars.parquet: cannot be read: it is not a text file in UTF-8; name a YAML file"),
        ("utf16.yaml", "a: 1".encode("utf-16"), "utf16.yaml: cannot be read: it is not a text file in UTF-8; name a YAML file"),
        ("zeros.yaml", bytes(100), "zeros.yaml:1: not YAML: the character U+0000 cannot stand in it"),
        ("empty.yaml", b"", "empty.yaml: nothing to run: there is no resource; add a BacktestRun or OptimizationStudy"),
        ("comment.yaml", b"# later\n", "comment.yaml: nothing to run: there is no resource; add a BacktestRun or OptimizationStudy"),
        ("strategy.yaml", STRATEGY.encode(), "strategy.yaml: nothing to run: there is the TradingStrategy cross; add a BacktestRun or OptimizationStudy"),
        ("training.yaml", TRAINING.encode(), "training.yaml:2: kind: 'RLTraining': this version cannot run it yet, only check it; take it out of the file (what can be run: BacktestRun, OptimizationStudy)"),
        ("list.yaml", b"- 1\n", "list.yaml:1: not a resource; it needs apiVersion, kind, metadata and spec"),
    ],
    ids=lambda value: value[:16] if isinstance(value, str) else None,
)  # fmt: skip
def test_a_file_that_is_no_manifest(command, manifest, file, content, message):
    if content is None:
        manifest()
    else:
        Path(file).write_bytes(content)
    for options in ((), ("--json",)):
        ended = command("run", file, *options)
        assert (ended.code, ended.err) == (REFUSED, f"Error: {message}\n")
    assert len(document(ended)["problems"]) == 1


def test_the_same_name_in_two_files(command, manifest):
    manifest(file="a.yaml")
    manifest(file="b.yaml")
    ended = command("run", "a.yaml", "b.yaml")
    message = "b.yaml:4: metadata.name: 'demo': a BacktestRun of this name is already at a.yaml:4; rename one"
    assert (ended.code, ended.err) == (REFUSED, f"Error: {message}\n")


def test_without_a_file_the_usage_is_shown(command):
    ended = command("run")
    assert (ended.code, "Missing argument 'FILE...'" in ended.err) == (REFUSED, True)


# Failed


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("return 1 / 0", "Error: Mine raised ZeroDivisionError: division by zero"),
        ("return tidewright.Signals(bars.close[1:] > 0, bars.close[1:] > 0)",
         "Error: Mine: signals.enter has shape (2159,) over 2160 bars; return one value for every bar"),
        ("return tidewright.Signals(bars.close, bars.close)",
         "Error: Mine: signals.enter is of float64; return an array of True and False"),
        ("return bars.close > 0", "Error: Mine: signals returned ndarray; return Signals(enter, exit)"),
        ("bars.close[:] = 1", "Error: Mine raised ValueError: assignment destination is read-only"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("compiled")
def test_a_strategy_that_fails_is_told_with_its_own_lines_alone(command, own, line, message):
    path = own(line)
    ended = command("run", path)
    first, *places = ended.err.splitlines()
    assert (ended.code, ended.out, first) == (FAILED, "", message)
    assert places == ([f"  {Path.cwd()}/mine.py:10, in signals: {line}"] if " raised " in message else [])
    assert not Path("tidewright-results").exists()
    as_document = command("run", path, "--json")
    assert as_document.code == FAILED
    assert document(as_document) == {"kind": "Failure", "message": message.removeprefix("Error: ")}


@pytest.mark.usefixtures("compiled")
def test_the_lines_of_a_strategy_that_fails_inside_a_library_are_still_its_own(command, own):
    ended = command("run", own("return np.linalg.inv(np.ones((2, 3)))"))
    assert ended.code == FAILED
    assert ended.err.splitlines()[1:] == [
        f"  {Path.cwd()}/mine.py:10, in signals: return np.linalg.inv(np.ones((2, 3)))"
    ]


def test_data_that_cannot_be_opened_is_the_systems_failure(command, manifest, monkeypatch):
    def denied(self, market, start=None, end=None):
        raise PermissionError(errno.EACCES, "Permission denied", "/data/x.parquet")

    monkeypatch.setattr(RoutedStore, "read", denied)
    ended = command("run", manifest(), "--json")
    assert (ended.code, document(ended)["kind"]) == (FAILED, "Failure")
    assert ended.err.startswith("Error: Permission denied (/data/x.parquet); name a folder that may be written to")
