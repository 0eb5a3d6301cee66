"""The installed command, as a shell calls it."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "manifests" / "samples"
COMMAND = Path(sys.executable).with_name("tidewright")
HEAVY = {"mlflow", "numba", "numpy", "pandas", "pyarrow", "pydantic", "rich", "yaml", "jinja2"}

OWN = """\
import signal
import sys

import tidewright


class Own(tidewright.SignalStrategy):
    def warmup(self, parameters):
        return 0

    def signals(self, bars, columns, parameters):
        print("trading", flush=True)
        {line}
        return tidewright.Signals(bars.close > bars.open, bars.close < bars.open)
"""
MANIFEST = """\
apiVersion: tidewright.io/v1alpha1
kind: BacktestRun
metadata:
  name: own
spec:
  strategy:
    source: {classRef: {module: own, class: Own}}
    symbols: [BTC/USDT]
    timeframe: 1d
  data: {exchange: simulated}
  checks: {lookAhead: false}
"""


@pytest.fixture
def environment(tmp_path):
    """The environment of a command that has no market data of its own."""
    return {**os.environ, "TIDEWRIGHT_DATA": str(tmp_path / "data"), "COLUMNS": "160"}


@pytest.fixture
def command(tmp_path, environment):
    """Calls `tidewright` in an empty folder."""

    def command(*words, **options):
        folder = {
            "cwd": tmp_path,
            "env": environment,
            "capture_output": True,
            "text": True,
            "timeout": 120,
        }
        return subprocess.run([COMMAND, *map(str, words)], check=False, **(folder | options))

    return command


@pytest.fixture
def own(tmp_path):
    """Writes a strategy class with a line of its own, and the manifest that tests it."""

    def own(line="pass"):
        (tmp_path / "own.py").write_text(OWN.format(line=line))
        (tmp_path / "bt.yaml").write_text(MANIFEST)
        return tmp_path / "bt.yaml"

    return own


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_demo_runs_verifies_and_reports(command, tmp_path):
    ended = command("run", SAMPLES / "backtestrun-demo.yaml", "--output", "out")
    assert (ended.returncode, "SIMULATED DATA" in ended.stdout) == (0, True)
    before = files(tmp_path / "out")
    assert before.keys() == {"result.json", "report.html", "trades.parquet", "fills.parquet", "equity.parquet"}
    assert command("verify", "out/result.json").returncode == 0
    assert command("report", "out/result.json").returncode == 0
    assert files(tmp_path / "out") == before


def test_rules_on_several_timeframes_are_causal_warm_up_as_they_say_and_verify(command):
    ended = command("run", SAMPLES / "backtestrun-timeframes.yaml", "--json", "--output", "out")
    assert ended.returncode == 0, ended.stderr
    record = json.loads(ended.stdout)
    assert record["result"]["trades"] > 50
    assert record["checks"]["lookAhead"]["passed"]
    warmup = record["checks"]["warmup"]
    assert (warmup["passed"], warmup["signalsDiffering"]) == (True, 0)
    assert {column["column"]: column["needed"] for column in warmup["columns"]}["rising"] <= (19 + 2) * 24 - 2
    assert command("verify", "out/result.json").returncode == 0


@pytest.mark.parametrize("form", [(), ("--step",)], ids=["signals", "step"])
def test_a_strategy_of_ones_own_runs_passes_its_test_and_verifies_as_it_is_written(command, tmp_path, form):
    assert command("init", "strategy", "PyramidBreakout", *form).returncode == 0
    folder = {"cwd": tmp_path / "pyramid-breakout"}
    ended = command("run", "pyramid-breakout.yaml", "--json", **folder)
    assert ended.returncode == 0, ended.stderr
    record = json.loads(ended.stdout)
    assert record["result"]["trades"] > 30
    assert {warning["reason"] for warning in record["warnings"]} <= {"SimulatedData", "OpenAtEnd"}
    assert record["artifacts"].keys() == {"result", "report", "trades", "fills", "equity"}
    assert command("verify", "tidewright-results/pyramid-breakout", **folder).returncode == 0
    test = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    assert subprocess.run(test, **folder, capture_output=True, check=False).returncode == 0


def test_ctrl_c_ends_a_strategy_that_is_asked_bar_by_bar_at_once(command, tmp_path, environment):
    code = OWN.replace("SignalStrategy", "StepStrategy").replace(
        "def signals(self, bars, columns, parameters)", "def on_bar(self, state, position, view)"
    )
    (tmp_path / "own.py").write_text(code.format(line="signal.pause()"))
    (tmp_path / "bt.yaml").write_text(MANIFEST)
    words = [COMMAND, "run", tmp_path / "bt.yaml"]
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "trading\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "Interrupted: nothing half-written was left behind."


@pytest.mark.shared
def test_the_sample_on_real_bars(command, shared_data, tmp_path):
    market = ("--exchange", "binance", "--symbol", "BTC/USDT", "--timeframe", "1h")
    imported = command("data", "import", shared_data / "binance-spot" / "BTC_USDT-1h-2017-2024.feather", *market)
    assert imported.returncode == 0, imported.stderr
    ended = command("run", SAMPLES / "backtestrun-ma-cross.yaml", "--json")
    assert ended.returncode == 0, ended.stderr
    record = json.loads(ended.stdout)
    assert (record["name"], record["provenance"]["data"]["simulated"]) == ("ma-cross", False)
    assert record["provenance"]["data"]["bars"] > 57_000
    assert not {"SimulatedData", "LookAhead", "WarmupTooShort"} & {warning["reason"] for warning in record["warnings"]}


def test_the_first_run_after_installation_says_that_it_is_compiling(command, environment, tmp_path):
    cold = {**environment, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    cold.pop("NUMBA_CACHE_DIR", None)
    sample = SAMPLES / "backtestrun-demo.yaml"
    first = command("run", sample, "--no-report", env=cold)
    again = command("run", sample, "--no-report", env=cold)
    assert (first.returncode, again.returncode) == (0, 0)
    assert first.stderr.startswith("Compiling the market arithmetic for this machine: once after installation")
    assert again.stderr == ""
    assert first.stdout == again.stdout


def test_help_waits_for_none_of_the_heavy_libraries():
    code = (
        "import sys\n"
        "from tidewright.cli.__main__ import tidewright\n"
        "tidewright(['--help'], standalone_mode=False)\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Trading research" in ended.stdout
    assert HEAVY & set(eval(ended.stderr)) == set()  # noqa: S307 - a list of names that was printed above


def test_a_backtest_of_one_symbols_signals_waits_for_nothing_that_it_does_without(tmp_path, environment):
    code = (
        "import sys\nfrom tidewright.cli.__main__ import tidewright\n"
        f"tidewright(['run', {str(SAMPLES / 'backtestrun-demo.yaml')!r}, '--quiet'], standalone_mode=False)\n"
        "print([name for name in sys.modules if name.startswith('tidewright.')])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    imported = set(eval(ended.stdout))  # noqa: S307 - a list of names that was printed above
    assert "tidewright.domain.kernel" in imported
    assert (
        not {
            f"tidewright.{name}"
            for name in ("adapters.mlflow_tracker", "domain.account", "domain.watching", "specs.rl_training")
        }
        & imported
    )


def test_ctrl_c_in_the_middle_of_a_run_leaves_the_result_before_it_whole(command, own, tmp_path, environment):
    assert command("run", own(), "--output", "out").returncode == 0
    before = files(tmp_path / "out")
    words = [COMMAND, "run", own("signal.pause()"), "--output", "out"]
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "trading\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip()) == (130, "", "Interrupted: nothing half-written was left behind.")
    assert files(tmp_path / "out") == before


def test_a_full_disk_says_so(command, own, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if (
        not (mount and unmount)
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("a small disk cannot be mounted here; the unit tests fill one that is made up")
    try:
        ended = command("run", own(), "--output", disk / "out", "--json")
        left = list((disk / "out").iterdir())
    finally:
        subprocess.run([unmount, disk], check=True)
    message = f"the disk is full ({disk}/out); free some space and try again. Nothing half-written was left behind."
    assert (ended.returncode, json.loads(ended.stdout)) == (1, {"kind": "Failure", "message": message})
    assert left == []


def test_a_document_is_alone_on_stdout_whatever_a_strategy_prints(command, own):
    ended = command("run", own(), "--json")
    assert json.loads(ended.stdout)["name"] == "own"
    assert ended.stderr == "trading\n"


def test_a_strategy_that_raises_shows_its_own_line_and_no_other(command, own, tmp_path):
    ended = command("run", own("raise RuntimeError('boom')"))
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "Error: Own raised RuntimeError: boom",
        f"  {tmp_path}/own.py:13, in signals: raise RuntimeError('boom')",
    ]


def test_a_manifest_may_be_piped_in_and_a_document_out(command):
    text = (SAMPLES / "backtestrun-demo.yaml").read_text()
    ended = command("run", "-", "--json", "--no-report", input=text)
    assert json.loads(ended.stdout)["provenance"]["manifest"] == "standard input"


def test_a_reader_that_goes_away_gets_no_complaint(own, tmp_path, environment):
    words = [COMMAND, "run", own(), "--no-report", "--json"]
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert (process.returncode, err) == (1, b"trading\n")


def test_a_terminal_shows_a_bar_while_it_waits(own, tmp_path, environment):
    ours, theirs = pty.openpty()
    words = [COMMAND, "run", own("pass"), "--no-report"]
    terminal = {**environment, "TERM": "xterm-256color"}
    process = subprocess.Popen(words, cwd=tmp_path, env=terminal, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # how Linux says that the other end of a terminal is closed
        pass
    finally:
        os.close(ours)
    assert process.wait(timeout=60) == 0
    assert b"own" in shown
    assert b"\x1b[" in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_takes_its_completion_script(command, shell):
    ended = command("completion", shell)
    assert ended.returncode == 0
    if shutil.which(shell):
        checked = subprocess.run([shell, "-n"], input=ended.stdout, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


def test_completion_answers_without_the_heavy_libraries_where_it_can(command, environment):
    asked = {**environment, "_TIDEWRIGHT_COMPLETE": "bash_complete", "COMP_WORDS": "tidewright ver", "COMP_CWORD": "1"}
    ended = command(env=asked)
    assert (ended.returncode, ended.stdout) == (0, "plain,verify\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("run", "nowhere.yaml"), 2),
        (("run", "--frobnicate"), 2),
        (("verify", "nowhere.json"), 2),
        (("report", "nowhere.json"), 2),
        (("--version",), 0),
    ],
)
def test_exit_codes_reach_the_shell(command, words, code):
    ended = command(*words)
    assert ended.returncode == code
    assert "Traceback" not in ended.stderr
