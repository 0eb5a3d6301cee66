"""What the collector counts and measures."""

from tidewright.serving.metrics import Metrics


class Figures:
    """The service's own metrics; those that are levels are set by `Collector.measure`."""

    def __init__(self, metrics: Metrics) -> None:
        name = "tidewright_collector_"
        self._messages = metrics.counter(f"{name}messages_total", "Events that the exchange has pushed", ("kind",))
        self.garbled = metrics.counter(f"{name}garbled_total", "Messages that could not have been meant")
        self._lag = metrics.histogram(f"{name}lag_seconds", "From an event's time at the exchange to here", ("kind",))
        self._heard = {kind: (self._messages.labels(kind), self._lag.labels(kind)) for kind in ("trade", "kline")}
        self.reconnects = metrics.counter(f"{name}reconnects_total", "Connections made again, by why", ("reason",))
        self.connections = metrics.gauge(f"{name}connections", "Connections that are open")
        self.gaps_found = metrics.counter(
            f"{name}gaps_found_total", "Gaps that did not close by themselves", ("topic",)
        )
        self.gaps_repaired = metrics.counter(f"{name}gaps_repaired_total", "Gaps that were closed", ("topic",))
        self.repaired = metrics.counter(f"{name}repaired_total", "Messages that were asked for", ("topic",))
        self.missing = metrics.gauge(f"{name}lanes_behind", "Lanes of which something is missing", ("topic",))
        self.queued = metrics.gauge(f"{name}queue_depth", "Messages that wait to be published", ("topic",))
        self.waiting = metrics.gauge(f"{name}waiting", "Messages that wait for what is before them", ("topic",))
        self.skew = metrics.gauge(f"{name}clock_skew_seconds", "How far the exchange's clock is ahead")
        self.weight = metrics.gauge(f"{name}weight_used", "Weight of REST requests in this minute, by the exchange")
        self._published = metrics.counter(f"{name}published_total", "Messages that were published", ("topic",))
        self._seconds = metrics.histogram(
            f"{name}publish_seconds",
            "From a message's arrival to its being published: of each batch the oldest",
            ("topic",),
        )
        self._unpublished = metrics.counter(
            f"{name}publish_failures_total", "Attempts to publish that failed", ("topic",)
        )
        self._dropped = metrics.counter(
            f"{name}dropped_total", "Messages dropped for want of room, to be asked for again", ("topic",)
        )

    def heard(self, kind: str, lag: float) -> None:
        """An event has come, `lag` milliseconds after its time."""
        messages, lags = self._heard[kind]
        messages.inc()
        lags.observe(max(lag, 0.0) / 1_000)

    def published(self, topic: str, messages: int, seconds: float) -> None:
        """A batch is there, `seconds` after the oldest of it was received."""
        self._published.labels(topic).inc(messages)
        self._seconds.labels(topic).observe(seconds)

    def unpublished(self, topic: str) -> None:
        self._unpublished.labels(topic).inc()

    def dropped(self, topic: str, messages: int) -> None:
        self._dropped.labels(topic).inc(messages)
