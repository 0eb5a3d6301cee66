"""What `tidewright up` has to know of the service; imports nothing else."""

from tidewright.serving.local_service import LocalService

LOCAL = LocalService(
    module="data_collector",
    number=1,
    needs={"STREAMS": "{streams}"},
    takes={"EXCHANGE_URL": "http://{exchange}", "STREAM_URL": "ws://{exchange}", "STATE": "{folder}"},
)
