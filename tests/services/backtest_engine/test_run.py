"""The resource from end to end: ``engine: Both`` and ``engine: Backtrader`` on the market that comes with Tidewright."""

import pytest
from click.testing import CliRunner

from tidewright.api import run
from tidewright.cli.__main__ import tidewright

MANIFEST = """\
apiVersion: tidewright.io/v1alpha1
kind: BacktestRun
metadata: {name: judged}
spec:
  strategy:
    source: {builtin: MovingAverageCross}
    parameters: {fast: 6, slow: 24}
    symbols: [BTC/USDT]
    timeframe: 1h
    risk: {stopLoss: 3%, takeProfit: 6%, trailingStop: {activateAt: 2%, distance: 1%}, roi: [{after: 12h, profit: 1%}]}
  data: {exchange: simulated, start: 2023-03-01, end: 2023-05-01}
  engine: Both
  seed: 7
"""


@pytest.fixture
def written(tmp_path):
    def written(engine):
        path = tmp_path / f"{engine}.yaml"
        path.write_text(MANIFEST.replace("Both", engine))
        return path

    return written


def test_both_agree_and_the_result_is_that_of_the_kernel_alone(written):
    both, fast = run(written("Both")), run(written("Fast"))

    engines = both.document["checks"]["engines"]
    assert engines["passed"]
    assert engines["trades"] == fast.metrics["trades"] > 10
    assert both.digest == fast.digest


def test_backtrader_alone_trades_the_same(written):
    theirs, fast = run(written("Backtrader")), run(written("Fast"))

    assert theirs.document["provenance"]["engine"]["name"] == "Backtrader"
    assert (
        theirs.document["checks"]["engines"]["backtrader"]["analyzers"]["TradeAnalyzer"]["total"]["closed"]
        == fast.metrics["trades"]
    )
    assert {name: value for name, value in theirs.metrics.items() if value is not None} == pytest.approx(
        {name: value for name, value in fast.metrics.items() if value is not None}, rel=1e-9
    )


def test_the_command_says_that_the_engines_agree(written, tmp_path):
    folder = str(tmp_path / "out")
    shown = CliRunner().invoke(tidewright, ["run", str(written("Both")), "--no-report", "-o", folder])
    verified = CliRunner().invoke(tidewright, ["verify", folder])

    assert shown.exit_code == 0, shown.output
    assert "✓ two engines" in shown.output
    assert verified.exit_code == 0, verified.output
