"""The command in this process, in a folder of its own."""

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tidewright.cli.__main__ import tidewright
from tidewright.cli.endings import ending

DEMO = """\
apiVersion: tidewright.io/v1alpha1
kind: BacktestRun
metadata:
  name: demo
spec:
  strategy:
    source:
      builtin: MovingAverageCross
    parameters: {fast: 24, slow: 96}
    symbols: [BTC/USDT]
    timeframe: 1h
  data:
    exchange: simulated
    start: 2023-01-01
    end: 2023-04-01
  checks: {lookAhead: false}
  seed: 7
"""


class Ended(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@pytest.fixture
def folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one; no market data but the embedded market's."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TIDEWRIGHT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(sys, "path", list(sys.path))
    return folder


def forget(folder: Path) -> None:
    """Unload the modules that an earlier command loaded from below a folder: each command is a process of its own."""
    sys.path[:] = [entry for entry in sys.path if not entry.startswith(str(folder))]
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None)).startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def command(
    folder_of_its_own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """Calls `tidewright` as a shell would, but in this process."""

    def command(*arguments: object, stdin: str = "") -> Ended:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        forget(folder_of_its_own.parent)
        words = [str(argument) for argument in arguments]
        code = ending(lambda: tidewright.main(words, prog_name="tidewright", standalone_mode=False))
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return command


@pytest.fixture
def demo() -> str:
    return DEMO


@pytest.fixture
def manifest(folder_of_its_own: Path) -> Callable[..., Path]:
    """Writes the demo with each ``old, new`` pair replaced; ``file`` and ``text`` say where and what instead."""

    def manifest(*edits: tuple[str, str], file: str = "bt.yaml", text: str = DEMO) -> Path:
        for old, new in edits:
            assert old in text, f"{old!r} is not in the manifest"
            text = text.replace(old, new)
        path = Path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return manifest


@pytest.fixture
def own(folder_of_its_own: Path, manifest: Callable[..., Path]) -> Callable[..., Path]:
    """Writes a strategy class, whose `signals` has the lines given, and a manifest that tests it."""

    def own(*lines: str, **more: Any) -> Path:
        body = "\n".join(f"        {line}" for line in lines)
        Path("mine.py").write_text(
            "import numpy as np\nimport tidewright\n\n\n"
            "class Mine(tidewright.SignalStrategy):\n"
            "    def warmup(self, parameters):\n        return 0\n\n"
            f"    def signals(self, bars, columns, parameters):\n{body}\n",
            encoding="utf-8",
        )
        edits = [
            ("builtin: MovingAverageCross", "classRef: {module: mine, class: Mine}"),
            ("{fast: 24, slow: 96}", "{}"),
        ]
        return manifest(*edits, **more)

    return own
