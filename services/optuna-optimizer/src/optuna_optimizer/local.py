"""The optimizer on one machine."""

from tidewright.serving.local_service import LocalService

LOCAL = LocalService(
    module="optuna_optimizer",
    number=6,
    needs={"RESULTS": "{folder}/results"},
    takes={"STORE": "{database}"},
)
