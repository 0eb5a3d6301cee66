"""One run of Backtrader: bars as its feed, signals as its strategy's orders, executions as a ledger. The one module that imports it.

How it is driven (`docs/engines.md` says why):

- ``cheat_on_open``: orders are placed in the bar that they fill in, after its open is known and before anything else of it is.
- A market order comes first, then the stop, then the limit order that it cancels (OCO), so that the broker tries them in this order on the
  bar's range, the entry bar included.
- Stop and limit orders are placed anew where their price has changed, at the open, from what was known at the close before.
- A limit order that the open has passed is placed at the open: Backtrader lets limit orders slip there, down to their price.
"""

import math
import sys
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from backtest_engine.rules import Exit, Holding, entry_price, size, stop, target
from tidewright.domain.bars import Bars
from tidewright.domain.costs import Broker, Risk
from tidewright.domain.ledger import Fills, Ledger, Reason
from tidewright.domain.metrics.periods import periods_per_year
from tidewright.domain.strategies.strategy import Signals
from tidewright.domain.timeframe import DAY
from tidewright.ports import EngineResult

with warnings.catch_warnings():  # its docstrings have escapes that are none
    warnings.simplefilter("ignore")
    import backtrader as bt

_EPOCH = 719_163.0
"""1970-01-01 in Backtrader's days, which begin with the year 1."""


class OrderRefused(RuntimeError):
    """Backtrader did not accept an order; the message names it."""


def run(bars: Bars, signals: Signals, broker: Broker, risk: Risk) -> EngineResult:
    """Trade `signals` over `bars` with Backtrader's broker and analyzers."""
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    cerebro.adddata(BarsFeed(bars=bars))
    cerebro.setbroker(_Broker())
    cerebro.broker.setcash(broker.cash)
    cerebro.broker.addcommissioninfo(_Commission(commission=broker.commission, maker=broker.maker_commission))
    cerebro.broker.set_slippage_perc(broker.slippage, slip_open=True, slip_match=True)
    cerebro.broker.set_checksubmit(
        False
    )  # it would price a stop beside the entry that it protects; execution checks the cash
    days = {"timeframe": bt.TimeFrame.Days, "compression": 1}
    yearly = {"riskfreerate": 0.0, "factor": periods_per_year(bars.step), "annualize": True, "stddev_sample": True}
    cerebro.addanalyzer(_Sharpe, _name="SharpeRatio", **days, **yearly)
    cerebro.addanalyzer(bt.analyzers.SQN, _name="SQN")
    cerebro.addanalyzer(_Vwr, _name="VWR", **days)
    cerebro.addanalyzer(bt.analyzers.DrawDown, _name="DrawDown")
    cerebro.addanalyzer(bt.analyzers.TradeAnalyzer, _name="TradeAnalyzer")
    cerebro.addstrategy(_Trader, bars=bars, signals=signals, terms=broker, risk=risk)
    (trader,) = cerebro.run()
    analyzers = {name: _plain(analyzer.get_analysis()) for name, analyzer in trader.analyzers.getitems()}
    return EngineResult(trader.ledger(), analyzers)


class BarsFeed(bt.feed.DataBase):  # type: ignore[misc]
    """Bars from arrays, without a row object between."""

    params = (("bars", None), ("timeframe", bt.TimeFrame.Minutes))

    def start(self) -> None:
        super().start()
        bars: Bars = self.p.bars
        columns = (bars.time / DAY + _EPOCH, bars.open, bars.high, bars.low, bars.close, bars.volume)
        self._rows = zip(*(column.tolist() for column in columns), strict=True)

    def _load(self) -> bool:
        row = next(self._rows, None)
        if row is None:
            return False
        lines = self.lines
        lines.datetime[0], lines.open[0], lines.high[0], lines.low[0], lines.close[0], lines.volume[0] = row
        return True


class _Commission(bt.CommissionInfo):  # type: ignore[misc]
    """A share of each fill's value, another one for limit orders where `maker` is given."""

    params = (("maker", None),)
    limit = False

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        share: float = self.p.maker if self.limit and self.p.maker is not None else self.p.commission
        return abs(size) * share * price


class _Broker(bt.brokers.BackBroker):  # type: ignore[misc]
    """Backtrader's, which tells the commission what kind of order it is for."""

    def _execute(self, order: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - handed on as it is
        self.getcommissioninfo(order.data).limit = order.exectype == bt.Order.Limit
        return super()._execute(order, *arguments, **named)


class _Trader(bt.Strategy):  # type: ignore[misc]
    """Turns signals, stops and targets into orders, and writes down what Backtrader's broker makes of them."""

    params = (("bars", None), ("signals", None), ("terms", None), ("risk", None))

    def __init__(self) -> None:
        self._enter: list[bool] = self.p.signals.enter.tolist()
        self._leave: list[bool] = self.p.signals.exit.tolist()
        self._times: list[int] = self.p.bars.time.tolist()
        self._holding = Holding(0.0, 0, 0.0)
        self._wanted: list[tuple[int, Exit]] = []
        self._placed: list[Any] = []
        self._fills: list[tuple[int, int, float, float, float, int, int, float]] = []
        self._equity: list[float] = []
        self._closed = 0
        self._unfilled = 0

    def next_open(self) -> None:
        """At the open of a bar: what was decided at the close before, and the orders that guard the position through the bar."""
        bar = len(self.data) - 1
        enter, leave = self._enter[bar - 1], self._leave[bar - 1]
        if self.position:
            if leave:
                self._place([])
                self.sell(size=self.position.size, reason=Reason.SIGNAL)
            else:
                self._guard(self._times[bar], self.position.size)
        elif enter and not leave:
            self._open(self._times[bar])

    def _open(self, now: int) -> None:
        price = entry_price(self.data.open[0], self.data.high[0], self.p.terms)
        quantity = size(self.broker.getcash(), price, self.p.terms, self.p.risk)
        if not quantity:
            self._unfilled += 1
            return
        self.buy(size=quantity, reason=Reason.SIGNAL)
        self._holding = Holding(price, now, price)
        self._guard(now, quantity)

    def _guard(self, now: int, quantity: float) -> None:
        """Have the stop and limit orders in the market that the position calls for during the bar that opens `now`."""
        open_ = self.data.open[0]
        lowest, highest = stop(self._holding, self.p.risk), target(self._holding, self.p.risk, now)
        wanted: list[tuple[int, Exit]] = []
        stopped = lowest is not None and open_ <= lowest[0]
        if highest and highest[0] <= open_ and not stopped:
            wanted = [(bt.Order.Limit, (open_, highest[1]))]
        else:
            if lowest:
                wanted.append((bt.Order.Stop, lowest))
            if highest:
                wanted.append((bt.Order.Limit, highest))
        if wanted != self._wanted:
            self._place(wanted, quantity)

    def _place(self, wanted: list[tuple[int, Exit]], quantity: float = 0.0) -> None:
        """Replace the stop and limit orders in the market by others; the first to fill cancels the rest."""
        for order in self._placed:
            self.cancel(order)
        self._wanted, self._placed = wanted, []
        for kind, (price, reason) in wanted:
            first = self._placed[0] if self._placed else None
            self._placed.append(self.sell(size=quantity, exectype=kind, price=price, oco=first, reason=reason))

    def notify_order(self, order: Any) -> None:  # noqa: ANN401 - Backtrader has no types
        if order.status in {order.Margin, order.Rejected}:
            raise OrderRefused(
                f"Backtrader refused to {order.ordtypename()} {order.created.size}: {order.getstatusname()}"
            )
        if order.status != order.Completed:
            return
        (bit,) = order.executed.exbits
        buys = order.isbuy()
        self._fills.append(
            (
                len(self.data) - 1,
                1 if buys else -1,
                bit.price,
                abs(bit.size),
                bit.openedcomm + bit.closedcomm,
                order.info.reason,
                self._closed,
                bit.psize,
            )
        )
        if not buys:
            self._closed += 1
            self._wanted, self._placed = [], []

    def next(self) -> None:
        """At the close of a bar: value the account, and remember the highest price of the position."""
        self._equity.append(self.broker.getvalue())
        self._holding.peak = max(self._holding.peak, self.data.high[0])

    def ledger(self) -> Ledger:
        """The account's history, in the library's terms."""
        columns = list(zip(*self._fills, strict=True)) or [()] * 8
        bar, side, price, quantity, fee, reason, position, held = columns
        bars: Bars = self.p.bars
        at = np.array(bar, dtype=np.int64)
        return Ledger(
            initial=self.p.terms.cash,
            fills=Fills(
                bar=at,
                time=bars.time[at],
                side=np.array(side, dtype=np.int8),
                price=np.array(price, dtype=np.float64),
                quantity=np.array(quantity, dtype=np.float64),
                fee=np.array(fee, dtype=np.float64),
                reason=np.array(reason, dtype=np.int8),
                position=np.array(position, dtype=np.int64),
                held=np.array(held, dtype=np.float64),
                symbol=np.zeros(len(at), dtype=np.int64),
            ),
            equity=np.array(self._equity),
            cash=self.broker.getcash(),
            unfilled=self._unfilled,
        )


class _Sharpe(bt.analyzers.SharpeRatio):  # type: ignore[misc]
    """Backtrader's, undefined instead of failing where there is too little to measure."""

    def stop(self) -> None:
        try:
            super().stop()
        except (ArithmeticError, ValueError):
            self.rets["sharperatio"] = None


class _Vwr(bt.analyzers.VWR):  # type: ignore[misc]
    """Backtrader's, undefined instead of failing where there is too little to measure."""

    def stop(self) -> None:
        try:
            super().stop()
        except (ArithmeticError, ValueError):
            self.rets["vwr"] = None


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON has no types either
    """An analyzer's result as JSON values; None for what is undefined, or the largest integer that stands for it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if value == sys.maxsize or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value
