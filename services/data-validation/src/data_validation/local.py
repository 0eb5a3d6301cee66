"""Data-validation on one machine."""

from tidewright.serving.local_service import LocalService

LOCAL = LocalService(module="data_validation", number=2, needs={"STREAMS": "{streams}", "ARCHIVE": "{database}"})
