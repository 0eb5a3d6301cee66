"""Runs that are to be held against each other: what is needed of each, what to call them, and why they may not be comparable."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tidewright.domain.instant import utc
from tidewright.domain.paired import Account, common_period, period_moments
from tidewright.domain.timeframe import milliseconds
from tidewright.runs.differences import Record, cautions, differences
from tidewright.specs.problems import Problem

Table: TypeAlias = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Contender:
    """A run as it was written down: its record, and its tables as `tidewright.runs.record` makes them. `source` is where it is from."""

    name: str
    source: str
    record: Record
    equity: Table
    trades: Table

    @cached_property
    def account(self) -> Account:
        step = milliseconds(self.record["provenance"]["data"]["timeframe"])
        equity = np.array(self.equity["equity"], dtype=np.float64)
        return Account(np.array(self.equity["time"]), equity, float(self.record["spec"]["broker"]["cash"]), step)

    def check(self) -> None:
        """Read every part that a comparison reads; raises KeyError, TypeError, AttributeError or ValueError where one is missing or spoilt."""
        _ = self.account, self.quotes, differences([self.record]), list(cautions([self.name], [self.record]))

    @property
    def period(self) -> str:
        return f"{moment(int(self.account.time[0]))} to {moment(int(self.account.close_time[-1]))}"

    @property
    def quotes(self) -> set[str]:
        """The currencies that its account is kept in."""
        symbols = self.record["spec"]["strategy"].get("symbols") or [self.record["provenance"]["data"]["symbol"]]
        return {symbol.partition("/")[2].partition(":")[0] for symbol in symbols}


def distinct_names(names: Sequence[str], folders: Sequence[Sequence[str]]) -> list[str]:
    """Names that tell runs apart: where several have the same, with as much of the end of its folder as it takes."""
    told = list(names)
    for name in {name for name in names if names.count(name) > 1}:
        same = [i for i, other in enumerate(names) if other == name]
        deepest = max(len(folders[i]) for i in same)
        parts = next(
            (n for n in range(1, deepest) if len({tuple(folders[i][-n:]) for i in same}) == len(same)), deepest
        )
        for i in same:
            told[i] = f"{name} ({'/'.join(folders[i][-parts:])})"
    return told


def incomparable(contenders: Sequence[Contender]) -> Iterator[Problem]:
    """Why runs cannot be held against each other; nothing where they can."""
    yield from _of_different_kinds(contenders)
    empty = [contender for contender in contenders if not len(contender.equity["time"])]
    for contender in empty:
        yield Problem(contender.source, 0, (), "the run has no account history; run it again")
    if not empty:
        yield from _without_common_time(contenders)


def _of_different_kinds(contenders: Sequence[Contender]) -> Iterator[Problem]:
    currencies = [" and ".join(sorted(contender.quotes)) for contender in contenders]
    if len(set(currencies)) > 1:
        message = f"the accounts are kept in different currencies ({per_run(contenders, currencies)}); compare runs with one quote currency"
        yield Problem("", 0, (), message)
    simulated = [contender.record["provenance"]["data"]["simulated"] for contender in contenders]
    if any(simulated) and not all(simulated):
        said = per_run(contenders, ["simulated" if made_up else "real" for made_up in simulated])
        message = f"simulated and real prices have no day in common ({said}); compare runs on one kind of data"
        yield Problem("", 0, (), message)


def _without_common_time(contenders: Sequence[Contender]) -> Iterator[Problem]:
    accounts = [contender.account for contender in contenders]
    start, end = common_period(accounts)
    if end <= start or not len(period_moments(accounts, start, end)[0]):
        said = per_run(contenders, [contender.period for contender in contenders])
        yield Problem("", 0, (), f"the runs have no period in common ({said}); run them over the same one")
        return
    for contender in contenders:
        if not contender.account.worth(np.array([start]))[0] > 0.0:
            message = f"nothing is left of the account at {moment(start)}, where the period begins that all runs share; leave it out"
            yield Problem(contender.source, 0, (), message)


def moment(time: int) -> str:
    """A time in milliseconds as text, a midnight as its date."""
    return utc(time).removesuffix("T00:00:00Z")


def per_run(contenders: Sequence[Contender], said: Sequence[str]) -> str:
    """What is said of each run, in one line."""
    return ", ".join(f"{contender.name}: {text}" for contender, text in zip(contenders, said, strict=True))
