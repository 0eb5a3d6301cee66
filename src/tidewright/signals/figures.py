"""What the signal service counts and measures."""

from tidewright.domain.live import LiveSignal
from tidewright.domain.live_history import LiveHistory
from tidewright.serving.metrics import Metrics


class Figures:
    """The service's own metrics, by symbol."""

    def __init__(self, metrics: Metrics) -> None:
        by_symbol = ("symbol",)
        self._served = metrics.counter("tidewright_signals_served_total", "Signals handed out", by_symbol)
        self._available = metrics.gauge("tidewright_signals_available", "1 where signals can be served", by_symbol)
        self._lag = metrics.histogram("tidewright_signals_lag_seconds", "From a bar's close to its signal", by_symbol)
        self._evaluation = metrics.histogram(
            "tidewright_signals_evaluation_seconds", "How long a history took to evaluate", by_symbol
        )
        self._newest = metrics.gauge("tidewright_signals_newest_close_seconds", "When the newest bar closed", by_symbol)
        self._compared = metrics.gauge(
            "tidewright_signals_parity_bars", "Bars that arrived and were compared", by_symbol
        )
        self._differing = metrics.gauge(
            "tidewright_signals_parity_differences", "Bars said otherwise before", by_symbol
        )
        self._corrections = metrics.counter(
            "tidewright_signals_corrections_total", "Times that bars already known were found changed", by_symbol
        )

    def served(self, signals: list[LiveSignal]) -> None:
        if signals:
            self._served.labels(signals[0].market.symbol).inc(len(signals))

    def available(self, symbol: str, *, yes: bool) -> None:
        self._available.labels(symbol).set(yes)

    def corrected(self, symbol: str) -> None:
        self._corrections.labels(symbol).inc()

    def said(self, history: LiveHistory, now: int, seconds: float) -> None:
        """A history has its newest bar, after `seconds` of evaluation."""
        symbol, closed = history.anchor.market.symbol, history.newest + history.bars.step
        self._lag.labels(symbol).observe(max(now - closed, 0) / 1_000)
        self._evaluation.labels(symbol).observe(seconds)
        self._newest.labels(symbol).set(closed / 1_000)
        self._compared.labels(symbol).set(history.parity.bars)
        self._differing.labels(symbol).set(history.parity.differences)
