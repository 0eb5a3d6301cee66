"""What a worker is given and what it answers, in JSON values: the work itself, from a request's text to a result in its folder."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backtest_engine.requests import read_backtest
from tidewright.adapters.atomic import atomic_write, clear_unfinished
from tidewright.adapters.engines import find_engine
from tidewright.adapters.results import read_record
from tidewright.adapters.trackers import track_result
from tidewright.api import Result
from tidewright.domain.strategies.strategy import StrategyError
from tidewright.ports import BarStore, TrackingFailed
from tidewright.runs.backtest import BacktestFindings, run_backtest
from tidewright.runs.contenders import Contender, distinct_names
from tidewright.runs.leaderboard import document_of, rank
from tidewright.runs.refusal import InputRefused
from tidewright.runs.work import Kept, refused, work_on
from tidewright.specs.problems import Problem
from tidewright.specs.status import Progress

OPTIMIZATION = "optimization.json"
"""The file of an optimization in its folder."""

Tell = Callable[[Progress], None]

_REHEARSAL = """\
strategy: {source: {builtin: MovingAverageCross}, symbols: [BTC/USDT], timeframe: 1h}
data: {exchange: simulated, start: 2023-01-01, end: 2023-03-01}
"""


@dataclass(frozen=True)
class Task:
    """One piece of work: its kind, the request as it was sent, the folder of its result, and how far it may go."""

    kind: str
    text: str
    folder: str
    store: str = ""
    tracking: str = ""
    modules: tuple[str, ...] = ()
    most_sets: int = 0
    most_evaluations: int = 0

    def encoded(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, line: str) -> "Task":
        values = json.loads(line)
        return cls(**{**values, "modules": tuple(values["modules"])})


@dataclass(frozen=True)
class Ending:
    """How a task ended: the reason of a worker's record, why, and what came of it where that is not in the folder."""

    reason: str
    message: str = ""
    document: Mapping[str, Any] | None = None


def carry_out(task: Task, store: BarStore, tell: Tell) -> Ending:
    """Do the work and say how it ended, whatever happens; `tell` is told of each step as it begins."""
    try:
        return _KINDS[task.kind](task, store, tell)
    except InputRefused as refusal:
        record = refused(refusal)
        return Ending(record.reason, record.message or "")
    except StrategyError as error:
        return Ending("StrategyFailed", str(error))
    except MemoryError:
        return Ending("Failed", "there is not enough memory; test a shorter period, or fewer symbols")
    except OSError as error:
        return Ending("Failed", f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}")


def rehearse(store: BarStore) -> None:
    """A small backtest on the embedded market, and its report: whoever asks first waits neither for the compiler nor for what is imported when it is needed."""
    plan = read_backtest(_REHEARSAL).plan()
    Result.of(run_backtest(plan, store)).report()


def follow_up(task: Task, ending: Ending) -> str:
    """Tell the tracker of a backtest that is done, which nobody waits for; a line for the log, empty where there is nothing to say."""
    if not task.tracking or task.kind != "backtest" or ending.reason != "Complete":
        return ""
    folder = Path(task.folder)
    try:
        return f"tracked: {track_result(task.tracking, read_record(folder), folder)}"
    except (TrackingFailed, OSError, ValueError) as error:
        return f"not tracked: {error}"


def _backtest(task: Task, store: BarStore, tell: Tell) -> Ending:
    asked = read_backtest(task.text, task.modules)
    folder = Path(task.folder)

    def keep(found: BacktestFindings) -> Kept:
        clear_unfinished(folder)
        result = Result.of(found)
        result.save(folder)
        return Kept(result.document, f"/runs/{folder.name}/report", f"/runs/{folder.name}")

    record = work_on(lambda: asked.plan(find_engine=find_engine), store, keep, tell)
    return Ending(record.reason, record.message or "")


def _optimization(task: Task, store: BarStore, tell: Tell) -> Ending:
    from backtest_engine.optimization import optimized  # noqa: PLC0415 - the sweep, for those who ask for it
    from backtest_engine.searches import parameter_sets, read_optimization  # noqa: PLC0415

    wanted, asked = read_optimization(task.text, task.modules)
    sets = parameter_sets(wanted, asked, task.most_sets)
    share = -1

    def progress(done: float) -> None:
        nonlocal share
        if (percent := int(100 * done)) > share:
            share = percent
            tell(Progress(percent=min(percent, 99), stage="Trying parameter sets"))

    progress(0.0)
    document = optimized(wanted, asked, sets, store, task.most_evaluations, progress)
    text = json.dumps(document, indent=1, allow_nan=False)
    atomic_write(Path(task.folder) / OPTIMIZATION, lambda path: _write(path, text))
    return Ending("Complete")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _comparison(task: Task, store: BarStore, tell: Tell) -> Ending:
    from tidewright.adapters.contender_files import contender_at  # noqa: PLC0415 - pyarrow

    asked = json.loads(task.text)
    contenders = [
        contender_at(Path(task.folder) / one) if isinstance(one, str) else _given(number, one)
        for number, one in enumerate(asked["runs"])
    ]
    names = distinct_names([one.name for one in contenders], [(_source(one),) for one in contenders])
    told = [
        Contender(name, _source(one), one.record, one.equity, one.trades)
        for name, one in zip(names, contenders, strict=True)
    ]
    try:
        board = rank(told, asked["by"], asked["against"], asked["seed"])
    except (KeyError, TypeError, AttributeError, ValueError, IndexError, OverflowError) as error:
        message = f"the results do not fit their own records ({error!r}); give them as `tidewright run` wrote them"
        raise InputRefused([Problem("", 0, ("runs",), message)]) from None
    return Ending("Complete", document=document_of(board))


def _source(contender: Contender) -> str:
    """A run's id: folders are of no use to who asks from elsewhere."""
    return Path(contender.source).parent.name or contender.source


def _given(number: int, value: Mapping[str, Any]) -> Contender:
    """A result that came with the request. Raises InputRefused for one that is not whole."""
    try:
        record = value["record"]
        equity, trades = (_table(value[name]) for name in ("equity", "trades"))
        contender = Contender(str(record["name"]), f"runs[{number}]", record, equity, trades)
        contender.check()
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        message = f"is not the whole result of a run ({error!r}); give record, equity and trades as `tidewright run` wrote them"
        raise InputRefused([Problem("", 0, ("runs", number), message)]) from None
    return contender


def _table(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): np.asarray(values) for name, values in columns.items()}


_KINDS: Mapping[str, Callable[[Task, BarStore, Tell], Ending]] = {
    "backtest": _backtest,
    "optimization": _optimization,
    "comparison": _comparison,
}
