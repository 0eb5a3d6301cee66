"""What workers leave in their termination messages."""

from tidewright.specs.work_record import WorkRecord

RESULT_DIGEST = "sha256:" + "1" * 64
RESULT = {"totalReturn": "12.30%", "sharpe": "1.10", "trades": "42", "report": "file:///artifacts/report.html"}
TESTED = {
    "start": "2020-01-01",
    "end": "2021-01-01",
    "bars": 8784,
    "simulated": True,
    "commission": "0.1%",
    "slippage": "0.05%",
}


def complete(strategy_digest: str = "sha256:" + "0" * 64) -> str:
    """Of a backtest that is done."""
    provenance = {"strategyDigest": strategy_digest, "resultDigest": RESULT_DIGEST, "seed": 7}
    return _written({"reason": "Complete", "result": RESULT, "provenance": provenance, "tested": TESTED})


def failed(reason: str, message: str) -> str:
    """Of one that is not."""
    return _written({"reason": reason, "message": message})


def _written(record: dict[str, object]) -> str:
    return WorkRecord.model_validate(record).encoded().decode()
