"""The command's own part; that it works is in tests/e2e/test_work.py, as it starts a process of its own."""

import subprocess
import sys

import pytest

from tidewright.runs.exits import EXIT_CODES

OPTIONS = {
    "--store",
    "--artifacts",
    "--termination-log",
    "--progress",
    "--streams",
    "--progress-key",
    "--track",
    "--book",
    "--strategy-endpoint",
    "--strategy-timeout",
}


def test_help_names_every_variable_and_every_exit_code(command):
    told = command("work", "--help").out
    words = " ".join(told.split())
    assert words.count("env var: TIDEWRIGHT_") == len(OPTIONS)
    assert set(told.split()) >= OPTIONS
    codes = words.partition("Exit codes: ")[2].partition(".")[0]
    assert {int(part.split()[0]) for part in codes.split(", ")} == set(EXIT_CODES.values())


@pytest.mark.parametrize(
    ("words", "told"),
    [(("work",), "Missing argument 'SPEC'"), (("work", "run.json"), "Missing option '--artifacts'")],
)
def test_without_what_it_must_be_told_it_does_nothing(command, words, told):
    code, _, err = command(*words)
    assert (code, told in err) == (2, True)


def test_until_the_work_has_a_process_of_its_own_nothing_is_imported_that_starts_threads():
    code = (
        "import sys, tidewright.cli.work, tidewright.cli.work_ending, tidewright.cli.work_log\n"
        "print(sorted({'numpy', 'numba', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
