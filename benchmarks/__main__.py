"""``python -m benchmarks [--quick]``: measures everything, prints it as docs/benchmarks.md shows it, and writes results/latest.json."""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.metadata import version
from itertools import product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import validation
from benchmarks.command import wall_times
from benchmarks.engines import both_times
from benchmarks.figures import Figure, figures_table, times_table
from benchmarks.process import REPOSITORY, Contestant, in_turns, ratio
from benchmarks.signals import ECHO, SIGNAL, call_times, percentile, slowest

RESULTS = Path(__file__).parent / "results/latest.json"


@dataclass
class Findings:
    """`times` are in seconds, `memory` is in MB; both by what was measured."""

    figures: list[Figure] = field(default_factory=list)
    times: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)


def digests(found: Findings, folder: Path) -> None:
    """First, because it leaves the compiled code in its cache for everyone after."""
    with Contestant("ours", folder) as ours:
        host = ours.ask("host")
    seen = set()
    for cpu, threads in product((None, "generic", host), (1, 2)):
        environment = {"NUMBA_NUM_THREADS": str(threads)} | ({"NUMBA_CPU_NAME": cpu} if cpu else {})
        with Contestant("ours", folder, **environment) as ours:
            seen.add(ours.ask("digest", threads))
    name = f"Digests of 1 and 2 threads, CPU at its default, generic and {host}"
    found.figures.append(Figure(name, "exactly", 1, len(seen), "digest"))


def kernel(found: Findings, folder: Path) -> None:
    with Contestant("ours", folder) as ours:
        times = ours.ask("kernel")
    bare, plain, stops = times["bare"], times["plain"], times["stops"]
    found.figures += [
        Figure("Kernel without stops, rate of the bare loop", "at least", 40, 100 * ratio(bare, plain), "%"),
        Figure("Kernel with all stops, rate of the bare loop", "at least", 20, 100 * ratio(bare, stops), "%"),
    ]
    found.times |= {"bare compiled loop": bare, "kernel without stops": plain, "kernel with all stops": stops}


def one_backtest(found: Findings, folder: Path) -> None:
    with Contestant("ours", folder) as ours, Contestant("rivals", folder, TQDM_DISABLE="1") as rivals:
        entries, theirs = ours.ask("entries"), rivals.ask("entries")
        assert abs(entries - theirs) <= 0.01 * entries, f"not the same signals: {entries} and {theirs} entries"
        contestants = {
            "backtest with every metric": partial(ours.ask, "backtest"),
            "vectorbt: signals, simulation, return, Sharpe, trades": partial(rivals.ask, "backtest"),
            "vectorbt: simulation, return": partial(rivals.ask, "simulation"),
            "vectorbt: simulation with stops, return": partial(rivals.ask, "stops"),
        }
        times = in_turns(6, **contestants)
        times["backtesting.py"] = rivals.ask("backtesting.py")
    whole, vectorbt, *_ = times.values()
    found.figures.append(
        Figure("Backtest with every metric, times faster than vectorbt", "at least", 15, ratio(vectorbt, whole), "x")
    )
    found.times |= times


def sweep(found: Findings, folder: Path, *, quick: bool) -> None:
    with Contestant("ours", folder) as ours:
        times = [*ours.ask("sweep", 2)]
        memory = found.memory["sweep of 1,024 pairs"] = ours.ask("peak")
        for _ in range(2):
            times += ours.ask("sweep", 2)
        if not quick:
            with Contestant("rivals", folder, TQDM_DISABLE="1") as rivals:
                slow = found.times["vectorbt: sweep of 1,024 pairs"] = rivals.ask("sweep")
                found.memory["vectorbt: sweep of 1,024 pairs"] = rivals.ask("peak")
            for _ in range(3):
                times += ours.ask("sweep", 2)
            name = "Sweep of 1,024 pairs, times faster than vectorbt"
            found.figures.append(Figure(name, "at least", 60, ratio(slow, times), "x"))
        found.times["sweep of 1,024 pairs, 2 threads"] = times
        found.times["sweep of 1,024 pairs, 1 thread"] = ours.ask("sweep", 1) + ours.ask("sweep", 1)
    found.figures.append(Figure("Sweep of 1,024 pairs, memory", "under", 300, memory, "MB"))


def million_bars(found: Findings, folder: Path) -> None:
    with Contestant("ours", folder) as ours:
        times = ours.ask("million")
        memory = found.memory["a million bars"] = ours.ask("peak")
    found.times |= {
        "a million bars through all stops: kernel": times["kernel"],
        "a million bars through all stops: backtest with every metric": times["whole"],
    }
    found.figures += [
        Figure("A million bars through all stops, kernel", "under", 0.2, median(times["kernel"]), "s"),
        Figure("A million bars through all stops, memory", "under", 300, memory, "MB"),
    ]


def account(found: Findings, folder: Path) -> None:
    with Contestant("ours", folder) as ours:
        portfolio, step = ours.ask("portfolio"), ours.ask("step")
    one, many = portfolio["one"], portfolio["many"]
    name = "Account of 20 symbols with all limits, rate of the kernel a symbol's bar"
    found.figures += [
        Figure(name, "at least", 30, 100 * 20 * ratio(one, many), "%"),
        Figure(
            "Step strategy, rate of the form of signals",
            "at least",
            25,
            100 * ratio(step["signals"], step["step"]),
            "%",
        ),
    ]
    found.times |= {
        "kernel with all stops, and its ledger": one,
        "account of 20 symbols with all stops and limits": many,
        "backtest with all stops: form of signals": step["signals"],
        "backtest with all stops: step strategy": step["step"],
        "its trading alone: form of signals": step["signals alone"],
        "its trading alone: step strategy": step["step alone"],
    }


def download(found: Findings, folder: Path) -> None:
    with Contestant("download", folder) as ours:
        answer = ours.ask("download")
    times, packed, text = answer["times"], answer["packed"], answer["text"]
    of_what = f"{answer['bars'] / 1e6:.2f} million minutes, {packed:.0f} MB of zip, {text:.0f} MB of CSV"
    speed = packed / median(times["whole"])
    found.times |= {
        f"download from loopback of {of_what}: {speed:.0f} MB/s of zip": times["whole"],
        "its parts alone: fetching": times["fetch"],
        "its parts alone: decoding": times["decode"],
        "its parts alone: merging": times["merge"],
    }


def engines(found: Findings, folder: Path, bars: str) -> None:
    times = both_times(bars, folder)
    share = 100 * ratio(times["backtrader"], times["whole"])
    found.times[f"`engine: Both` on seven years of hours, {share:.0f} % of it Backtrader's"] = times["whole"]


def command(found: Findings, folder: Path, bars: str) -> None:
    times = wall_times(bars, folder)
    found.figures += [
        Figure("`tidewright run` on seven years of hours", "under", 2, median(times["run"]), "s"),
        Figure("`tidewright --help`", "under", 0.3, median(times["help"]), "s"),
    ]
    found.times |= {"`tidewright run`": times["run"], "`tidewright --help`": times["help"]}


def signals(found: Findings, folder: Path) -> None:
    times = call_times(folder)
    slower = percentile(times[SIGNAL], 0.99) / percentile(times[ECHO], 0.99)
    found.figures.append(Figure("Signal over gRPC, p99 as a multiple of a bare echo's", "at most", 2, slower, "x"))
    found.times |= times | {f"{name}, the slowest 1 %": slowest(one, 0.01) for name, one in times.items()}


def data_validation(found: Findings, folder: Path) -> None:
    rows = validation.row_times(folder)
    calls = validation.call_times(folder)
    slower = percentile(calls[validation.REALTIME], 0.99) / percentile(calls[validation.ECHO], 0.99)
    rate = validation.ROWS / median(rows[validation.RULES]) / 1e6
    found.figures += [
        Figure("All row rules of bars, million rows a second", "at least", 10, rate, "M/s"),
        Figure("One bar over REST, p99 as a multiple of a bare FastAPI echo's", "at most", 3, slower, "x"),
    ]
    found.times |= rows | validation.expectation_times(folder) | calls


def machine(*packages: str) -> str:
    """What it was measured on, in one line."""
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        cpu = model[1] if model else cpu
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{cpu}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"


def measure(folder: Path, *, quick: bool) -> dict[str, object]:
    written = subprocess.run(
        [sys.executable, "-m", "benchmarks.market", folder], cwd=REPOSITORY, stdout=subprocess.PIPE, check=True
    )
    market = json.loads(written.stdout)
    found = Findings()
    parts: dict[str, Callable[[Findings, Path], None]] = {
        "Digests (compiles for three kinds of CPU the first time: a minute or two)": digests,
        "Kernel": kernel,
        "One backtest": one_backtest,
        "Sweep" if quick else "Sweep (vectorbt takes half a minute and 4 GB)": partial(sweep, quick=quick),
        "A million bars": million_bars,
        "Account": account,
        "Command": partial(command, bars=market["file"]),
        "Engines": partial(engines, bars=market["file"]),
        "Download": download,
        "Signals": signals,
        "Data validation": data_validation,
    }
    load = os.getloadavg()[0]
    for title, part in parts.items():
        print(f"{title} ...", file=sys.stderr, flush=True)
        part(found, folder)
    on = f"{machine('numpy', 'numba', 'vectorbt', 'backtesting')}; {market['source']}; load {load:.1f} at the start"
    print(on, figures_table(found.figures), times_table(found.times), sep="\n\n")
    return {"on": on, "quick": quick, **asdict(found)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Tidewright against its rivals.")
    parser.add_argument("--quick", action="store_true", help="leave out vectorbt's sweep")
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        result = measure(Path(folder), quick=options.quick)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
