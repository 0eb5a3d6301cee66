"""The same bits everywhere: as written down, on whatever processor it is compiled for, and without a compiler."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import llvmlite.binding
import pytest

SCRIPT = Path(__file__).with_name("results.py")
GOLDEN = SCRIPT.with_suffix(".json")
ANOTHER_RESULT = """other results than tests/golden/results.json has.
If nothing was meant to change, this is a bug. If the arithmetic was (randomCases differs too), raise ARITHMETIC_REVISION in
tidewright/domain/kernel.py; if only a built-in strategy was, leave it. Then write the file anew:
    uv run python tests/golden/results.py > tests/golden/results.json"""

WITHOUT_NUMBA = f"import runpy, sys; sys.modules['numba'] = None; runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"


def printed(*arguments, **environment):
    """What the script prints in a process of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=inherited | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def golden():
    return json.loads(GOLDEN.read_text())


def test_results_are_those_written_down(golden):
    assert runpy.run_path(str(SCRIPT))["golden_results"]() == golden, ANOTHER_RESULT


@pytest.mark.parametrize(
    "processor", ["generic", llvmlite.binding.get_host_cpu_name()], ids=["generic", "this machine's"]
)
def test_results_are_the_same_on_every_processor(golden, processor):
    assert printed(str(SCRIPT), NUMBA_CPU_NAME=processor) == golden


def test_results_are_the_same_in_plain_python(golden):
    assert printed(str(SCRIPT), NUMBA_DISABLE_JIT="1") == golden


def test_results_are_the_same_where_numba_is_not_installed(golden):
    assert printed("-c", WITHOUT_NUMBA) == golden


def test_every_strategy_trades_often_enough_to_notice_a_change(golden):
    assert golden["randomCases"]["fills"] > 1_000
    assert golden["randomAccounts"]["fills"] > 1_000
    assert golden["randomAccounts"]["refusals"] > 200
    for results in golden["strategies"].values():
        assert all(result["fills"] > 40 for result in results.values())
        assert results["protected"]["digest"] != results["unprotected"]["digest"]


def test_a_step_strategy_does_the_same_compiled_and_plain(golden):
    steps = golden["stepStrategies"]
    assert steps["compiled"] == steps["plain"]
    assert steps["compiled"]["fills"] > 100
