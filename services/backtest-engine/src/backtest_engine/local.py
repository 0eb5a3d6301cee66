"""The backtest service on one machine."""

from tidewright.serving.local_service import LocalService

LOCAL = LocalService(
    module="backtest_engine",
    number=5,
    needs={"RESULTS": "{folder}/results"},
    takes={"STORE": "{database}", "DATABASE": "{database}"},
)
