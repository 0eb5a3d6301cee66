"""The funding rates of a run: found, and without a hole in its period."""

from tidewright.domain.bars import Bars, Market
from tidewright.domain.costs import Funding
from tidewright.domain.funding_rates import between, due_times, unfunded, usual_interval
from tidewright.domain.instant import utc
from tidewright.domain.timeframe import duration
from tidewright.ports import FundingNotFound, FundingStore, StoreDamaged
from tidewright.runs.data import Blame
from tidewright.runs.refusal import DataMissing, InputRefused
from tidewright.specs.backtest_run import Broker
from tidewright.specs.problems import Problem

_LISTED = 3


def load_funding(
    market: Market, broker: Broker, period: Bars | None, store: FundingStore, blame: Blame
) -> Funding | None:
    """The rates that fall due over the bars of `period`, None where the account takes no notice of funding.

    Where the bars are not known, no rate is given, but one must be stored. Raises InputRefused when the store has none of the market's symbol, when
    they are damaged, and when some are missing in the period.
    """
    if broker.funding == "Ignore":
        return None
    try:
        stored = store.read_funding(market.exchange, market.symbol)
    except (FundingNotFound, StoreDamaged) as error:
        refusal = DataMissing if isinstance(error, FundingNotFound) else InputRefused
        raise refusal([_problem(f"{error}; or set funding: Ignore", blame)]) from None
    if period is None or not len(period):
        return None
    start, end = int(period.time[0]), int(period.time[-1]) + period.step
    if missing := unfunded(stored, start, end):
        raise DataMissing([_problem(_told(market, stored, missing), blame)])
    return between(stored, start, end)


def _told(market: Market, stored: Funding, missing: list[tuple[int, int]]) -> str:
    times = due_times(stored)
    stretches = ", ".join(f"{utc(start)} to {utc(end)}" for start, end in missing[:_LISTED])
    more = f" and {len(missing) - _LISTED} more stretches" if len(missing) > _LISTED else ""
    return (
        f"no funding rate of {market.symbol} on {market.exchange} is due from {stretches}{more}, where one every "
        f"{duration(usual_interval(stored))} is usual; there are rates from {utc(int(times[0]))} to {utc(int(times[-1]))}: "
        "import more, move start or end, or set funding: Ignore"
    )


def _problem(message: str, blame: Blame) -> Problem:
    return blame("broker", "funding", message=message, value="Stored")
