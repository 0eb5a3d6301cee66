"""A run that is put into the book of runs, and one that cannot be."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tidewright.cli.__main__ import tidewright

DEMO = Path(__file__).parents[3] / "manifests/samples/backtestrun-demo.yaml"


@pytest.fixture
def run(tmp_path):
    def run(*arguments):
        command = ["run", str(DEMO), "--output", str(tmp_path / "out"), "--no-report", *arguments]
        return CliRunner().invoke(tidewright, command, catch_exceptions=False)

    return run


def test_a_run_is_in_the_book_once_however_often_it_is_made(run, database_url):
    for _ in range(2):
        assert run("--book", database_url, "-q").exit_code == 0

    listed = CliRunner().invoke(tidewright, ["compare", "--from", database_url, "--json"], catch_exceptions=False)

    assert [one["name"] for one in json.loads(listed.output)["runs"]] == ["demo"]


def test_a_book_that_is_away_is_warned_of_and_the_result_is_there(run, tmp_path):
    done = run("--book", "postgresql://nobody@127.0.0.1:1/none", "-q")

    assert done.exit_code == 0
    assert "Warning: demo is not in the book: " in done.output
    assert (tmp_path / "out/result.json").exists()


def test_what_is_no_database_is_refused_before_anything_is_run(run, tmp_path):
    refused = run("--book", "mysql://host/runs")

    assert refused.exit_code == 2
    assert "--book" in refused.output
    assert "postgresql://" in refused.output
    assert not (tmp_path / "out").exists()
