import pytest
from click.testing import CliRunner

from tidewright.adapters.parquet_store import ParquetStore
from tidewright.cli.data import data
from tidewright.domain.bars import Market
from tidewright.ports import Source

START = 1_704_067_200_000  # 2024-01-01
NAMED = ("--exchange", "binance", "--symbol", "BTC/USDT", "--timeframe", "1h")
MADE = ("--exchange", "binance", "--symbol", "BTC/USDT", "--from", "1h", "--to", "4h")
LONGER = Market("binance", "BTC/USDT", "4h")


@pytest.fixture
def store(tmp_path):
    return ParquetStore(tmp_path / "store")


@pytest.fixture
def run(store):
    def invoke(*arguments):
        environment = {"TIDEWRIGHT_DATA": str(store.root), "COLUMNS": "120"}
        return CliRunner().invoke(data, [str(argument) for argument in arguments], env=environment)

    return invoke


@pytest.fixture(autouse=True)
def hours(run, tmp_path):
    """Twelve hours; 05:00 is missing."""
    path = tmp_path / "bars.csv"
    rows = [f"{START + hour * 3_600_000},100,{102 + hour},98,{100 + hour},0.1" for hour in range(12) if hour != 5]
    path.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
    assert run("import", path, *NAMED).exit_code == 0


def test_longer_bars_are_made_and_what_is_left_out_is_named(run, store):
    result = run("resample", *MADE)

    assert result.exit_code == 0
    assert "BTC/USDT 4h on binance, made of 1h bars" in result.stdout
    assert "2 bars added, 0 replaced, 0 there already" in result.stdout
    assert "1 bar with missing parts, left out: 2024-01-01T04:00:00Z" in result.stdout
    assert store.read(LONGER).volume.tolist() == [0.4, 0.4]


def test_incomplete_bars_can_be_kept(run, store):
    result = run("resample", *MADE, "--incomplete", "keep")

    assert "1 bar with missing parts, made of what there is, except the first and the last" in result.stdout
    assert store.read(LONGER).volume.tolist() == [0.4, 0.3, 0.4]


def test_the_source_names_what_the_bars_were_made_of(run, store):
    run("resample", *MADE)
    digest = store.describe(Market("binance", "BTC/USDT", "1h")).digest

    assert store.describe(LONGER).sources == (Source("1h bars", digest),)


def test_doing_it_again_changes_nothing(run):
    run("resample", *MADE)

    assert "0 bars added, 0 replaced, 2 there already" in run("resample", *MADE).stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((*MADE[:6], "--to", "1h"), "1h bars cannot be made of 1h bars"),
        ((*MADE[:4], "--from", "4h", "--to", "1h"), "there are no bars of BTC/USDT 4h"),
        ((*MADE[:6], "--to", "60m"), "Did you mean 1h?"),
        ((*MADE[:6], "--to", "1d"), "there are no bars to store"),
        (("--exchange", "simulated", *MADE[2:6], "--to", "1w"), "'simulated' is the embedded market and takes no bars"),
    ],
)
def test_what_is_refused_exits_with_2_and_says_why(run, arguments, reason):
    result = run("resample", *arguments)

    assert result.exit_code == 2
    assert reason in " ".join(result.stderr.split())


def test_help_has_examples(run):
    assert "tidewright data resample " in run("resample", "--help").stdout.split("Examples:")[1]
