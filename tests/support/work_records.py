"""What workers leave in their termination messages."""

from tidewright.specs.work_record import StudyRecord, WorkRecord

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

STUDY_RESULT = {
    "verdict": "Robust",
    "deflatedSharpe": "97.00%",
    "pbo": "12.00%",
    "outOfSampleSharpe": "1.05",
    "report": "file:///artifacts/report.html",
}
STUDY_TESTED = {
    **TESTED,
    "simulated": False,
    "lookAhead": True,
    "dataQuality": True,
    "strategyDigest": "sha256:" + "5" * 64,
    "deflatedSharpe": 0.97,
    "pbo": 0.12,
    "walkForwardEfficiency": 0.61,
}
BEST = {"trial": 17, "value": "1.2000", "parameters": {"fast": 12, "risk.stopLoss": "3%"}}


def complete(strategy_digest: str = "sha256:" + "0" * 64) -> str:
    """Of a backtest that is done."""
    provenance = {"strategyDigest": strategy_digest, "resultDigest": RESULT_DIGEST, "seed": 7}
    return _written({"reason": "Complete", "result": RESULT, "provenance": provenance, "tested": TESTED})


def study_complete(trials: int = 100, **changes: object) -> str:
    """Of a study that is done; `changes` are to what it was tested on."""
    record = {
        "reason": "Complete",
        "trials": {"complete": trials - 3, "pruned": 2, "failed": 1},
        "best": BEST,
        "result": STUDY_RESULT,
        "provenance": {"strategyDigest": "sha256:" + "0" * 64, "resultDigest": RESULT_DIGEST, "seed": 7},
        "tested": STUDY_TESTED | changes,
    }
    return StudyRecord.model_validate(record).encoded().decode()


def failed(reason: str, message: str) -> str:
    """Of one that is not."""
    return _written({"reason": reason, "message": message})


def _written(record: dict[str, object]) -> str:
    return WorkRecord.model_validate(record).encoded().decode()
