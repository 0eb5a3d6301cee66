"""The signal service on one machine."""

from tidewright.serving.local_service import LocalService

LOCAL = LocalService(
    module="tidewright.signals",
    number=11,
    needs={"STRATEGY": "{strategy}", "ANCHOR": "{folder}/anchor"},
    takes={"STREAMS": "{streams}", "ARCHIVE": "{database}"},
)
