"""What the service counts and measures."""

from tidewright.serving.metrics import Metrics

_REMEMBERED = 0.95
"""What of the share of accepted rows is that of the batches before the newest."""


class Figures:
    """The service's own metrics, by topic or by rule."""

    def __init__(self, metrics: Metrics) -> None:
        by_topic = ("topic",)
        self._messages = metrics.counter(
            "tidewright_validation_messages_total", "Messages, by what became of them", ("topic", "outcome")
        )
        self._rows = metrics.counter("tidewright_validation_rows_total", "Rows judged", by_topic)
        self._broken = metrics.counter(
            "tidewright_validation_broken_total", "Rows that break a rule", ("topic", "rule")
        )
        self._rate = metrics.gauge(
            "tidewright_validation_rate", "Share of the rows of the newest batches that were accepted", by_topic
        )
        self._lag = metrics.gauge(
            "tidewright_validation_lag_seconds", "From the receipt of the newest row to its judgement", by_topic
        )
        self._batch = metrics.histogram("tidewright_validation_batch_seconds", "How long a batch took", by_topic)
        self._unread = metrics.gauge("tidewright_validation_unread", "Messages that are still to be read", by_topic)
        self._held = metrics.gauge("tidewright_validation_quarantine", "Messages held, counted up to 1,000")
        self._compared = metrics.counter(
            "tidewright_validation_compared_total", "Bars held against what they are made of", ("rule", "result")
        )
        self._waits = metrics.counter(
            "tidewright_validation_waits_total", "Times that the archive or the streams were away", by_topic
        )
        self._shares: dict[str, float] = {}

    def batch(self, topic: str, rows: int, accepted: int, broken: dict[str, int], seconds: float) -> None:
        self._rows.labels(topic).inc(rows)
        self._batch.labels(topic).observe(seconds)
        for rule, count in broken.items():
            self._broken.labels(topic, rule).inc(count)
        if rows:
            share = accepted / rows
            self._shares[topic] = _REMEMBERED * self._shares.get(topic, share) + (1 - _REMEMBERED) * share
            self._rate.labels(topic).set(self._shares[topic])

    def messages(self, topic: str, outcome: str, count: int) -> None:
        self._messages.labels(topic, outcome).inc(count)

    def lag(self, topic: str, milliseconds: int) -> None:
        self._lag.labels(topic).set(max(milliseconds, 0) / 1_000)

    def unread(self, topic: str, count: int) -> None:
        self._unread.labels(topic).set(count)

    def held(self, count: int) -> None:
        self._held.set(count)

    def compared(self, rule: str, *, differs: bool) -> None:
        self._compared.labels(rule, "differs" if differs else "same").inc()

    def waits(self, topic: str) -> None:
        self._waits.labels(topic).inc()
