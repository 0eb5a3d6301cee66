"""Figures for Prometheus; the one module that imports its client."""

from collections.abc import Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    exposition,
)

CONTENT_TYPE = exposition.CONTENT_TYPE_PLAIN_1_0_0

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The figures of one process, in a registry of their own; a service adds its own under ``tidewright_<service>_``."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        self.requests = self.counter(
            "tidewright_requests_total", "Requests and streams that ended, by how", ("protocol", "method", "code")
        )
        self.seconds = self.histogram(
            "tidewright_request_seconds", "How long requests took, waiting included", ("protocol", "method")
        )
        self.active = self.gauge("tidewright_requests_active", "Requests in progress")
        self.waiting = self.gauge("tidewright_requests_waiting", "Requests that wait for their turn")
        self.streaming = self.gauge("tidewright_streams_open", "Streams that are open")
        self.ready = self.gauge("tidewright_ready", "1 when the service is ready, else 0")

    def counter(self, name: str, help_text: str, labels: Sequence[str] = ()) -> Counter:
        return Counter(name, help_text, labels, registry=self._registry)

    def gauge(self, name: str, help_text: str, labels: Sequence[str] = ()) -> Gauge:
        return Gauge(name, help_text, labels, registry=self._registry)

    def histogram(self, name: str, help_text: str, labels: Sequence[str] = ()) -> Histogram:
        return Histogram(name, help_text, labels, buckets=_SECONDS, registry=self._registry)

    def text(self) -> bytes:
        """The page that Prometheus reads."""
        return exposition.generate_latest(self._registry)
