"""The search of one worker, beside any number of others on the same store."""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from optuna_optimizer import enumerated
from optuna_optimizer.plan import Evaluate, Plan, PlanRefused
from optuna_optimizer.renewing import LEASE, MOST_ATTEMPTS, given_up, renewing
from optuna_optimizer.standing import Ending, Standing, StudyFailed, refuse_failing, stagnated_at, standing_of
from tidewright.domain.trials import Trial
from tidewright.ports import Claim, StudyStore

__all__ = ["Ending", "Standing", "StudyFailed", "check", "counted", "search"]

_CHUNK_SECONDS = 1.0
"""What a claim of several trials should take."""

_MOST_AT_ONCE = 256
_WAIT = 0.2
"""Seconds between two looks at what others still have to finish."""

_NEWS = 0.5
"""Seconds between two looks at what others have found."""

_CERTAIN = {"Grid", "Random", "TPE", "NSGAII", "NSGAIII", "QMC"}

Progress = Callable[[Standing], object]


def check(plan: Plan) -> int:
    """How many trials there will be. Raises PlanRefused."""
    if plan.enumerated:
        if not plan.space:
            raise PlanRefused("there is nothing to search; name a field in searchSpace")
        return enumerated.count(plan)
    if plan.sampler not in _CERTAIN:
        from optuna_optimizer.search.samplers import sampler_of  # noqa: PLC0415 - a second, for those who need it

        sampler_of(plan)
    return plan.trials or 0


def counted(plan: Plan, trials: Sequence[Trial]) -> list[Trial]:
    """The trials that count, by number: those that were asked for, up to where an enumerated search has stagnated."""
    asked = check(plan)
    within = [trial for trial in sorted(trials, key=lambda trial: trial.number) if trial.number < asked]
    if plan.enumerated and (end := stagnated_at(plan, _unbroken(within))) is not None:
        return within[:end]
    return within


def search(
    plan: Plan,
    store: StudyStore,
    evaluate: Evaluate,
    *,
    worker: str | None = None,
    stop: threading.Event | None = None,
    progress: Progress = lambda standing: None,
    threads: int = 1,
) -> Ending:
    """Try values until nothing is left to try, here or by other workers; `stop` ends it after the trial under way, and gives back what was not begun.

    With several `threads`, an enumerated search calls `evaluate` from all of them at once: it must bear that.

    Raises PlanRefused, StudyRefused, StudyFailed, ArchiveUnavailable, and what `evaluate` raises.
    """
    asked, stop = check(plan), stop or threading.Event()
    store.open(plan.key, plan.whole_definition)
    name = worker or uuid.uuid4().hex
    until = None if plan.timeout is None else time.monotonic() + plan.timeout
    try:
        with renewing(store, plan.key, name):
            if plan.enumerated:
                with ThreadPoolExecutor(threads, "trial") as pool:
                    return _Enumerated(plan, store, evaluate, name, stop, progress, asked, until, pool).run()
            from optuna_optimizer.search.adaptive import Adaptive  # noqa: PLC0415 - a second, for those who need it

            return Adaptive(plan, store, evaluate, name, stop, progress, asked, until).run()
    finally:
        store.let_go(plan.key, name)


class _Enumerated:
    """The trials that are known beforehand, claimed by runs of neighbours."""

    def __init__(
        self,
        plan: Plan,
        store: StudyStore,
        evaluate: Evaluate,
        worker: str,
        stop: threading.Event,
        progress: Progress,
        asked: int,
        until: float | None,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._plan, self._store, self._evaluate, self._worker, self._pool = plan, store, evaluate, worker, pool
        self._stop, self._progress, self._asked, self._until = stop, progress, asked, until
        self._look_again = time.monotonic() + _NEWS
        self._know_all()

    def run(self) -> Ending:
        size = 1
        while True:
            if ending := self._ended():
                return ending
            claim = self._store.claim(self._plan.key, self._worker, self._asked, size, LEASE)
            if claim is None:
                if self._others_are_done():
                    return self._ending("Complete")
                self._stop.wait(_WAIT)
                continue
            began = time.monotonic()
            if claim.attempt > 1:
                claim = self._the_first_of(claim)
            tried = self._tried(claim)
            self._store.put(self._plan.key, tried)
            self._known |= {trial.number: trial for trial in tried}
            self._look_around()
            self._progress(self._standing())
            each = (time.monotonic() - began) / max(len(tried), 1)
            left = self._asked - claim.stop  # of which others take their share, so that all come to the end together
            size = max(1, min(_MOST_AT_ONCE, int(_CHUNK_SECONDS / max(each, 1e-6)), 2 * size, left // 4))

    def _the_first_of(self, claim: Claim) -> Claim:
        """Alone, so that what has taken a worker with it takes no others along; the others are as if nobody had begun them."""
        for number in claim.numbers[1:]:
            self._store.hold(self._plan.key, self._worker, number, 0.0)
        return claim._replace(stop=claim.first + 1)

    def _look_around(self) -> None:
        """Take in what other workers have found, from time to time, where it decides when to end."""
        if self._plan.stagnation is not None and time.monotonic() >= self._look_again:
            began = time.monotonic()
            self._know_all()
            self._look_again = time.monotonic() + max(_NEWS, 20 * (time.monotonic() - began))

    def _tried(self, claim: Claim) -> list[Trial]:
        """The trials of a claim, or the first ones where the search is to end."""
        if claim.attempt > MOST_ATTEMPTS:
            return [given_up(claim.first, enumerated.values_of(self._plan, claim.first))]

        def one(number: int) -> Trial | None:
            if number > claim.first and (self._stop.is_set() or self._late()):
                return None
            named = enumerated.values_of(self._plan, number)
            return self._evaluate(number, named, lambda step, value: False)

        return [trial for trial in self._pool.map(one, claim.numbers) if trial is not None]

    def _others_are_done(self) -> bool:
        """Whether every trial has its result, taking in those of other workers."""
        if self._store.counts(self._plan.key, self._asked).done < self._asked:
            return False
        if len(self._known) < self._asked:
            self._know_all()
        return True

    def _know_all(self) -> None:
        trials = self._store.trials(self._plan.key, tables=False)
        self._known = {trial.number: trial for trial in trials if trial.number < self._asked}

    def _ended(self) -> Ending | None:
        if self._stop.is_set():
            return self._ending("Stopped")
        if self._late():
            return self._ending("TimedOut")
        refuse_failing(list(self._known.values()))
        if self._plan.stagnation is not None:
            first = _unbroken([self._known[number] for number in sorted(self._known)])
            if stagnated_at(self._plan, first) is not None:
                return self._ending("Stagnated")
        return None

    def _late(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until

    def _standing(self) -> Standing:
        counts = self._store.counts(self._plan.key, self._asked)
        own = standing_of(self._plan, [self._known[number] for number in sorted(self._known)], self._asked)
        return Standing(self._asked, counts.complete, counts.pruned, counts.failed, counts.infeasible, own.best)

    def _ending(self, reason: str) -> Ending:
        trials = [self._known[number] for number in sorted(self._known)]
        end = stagnated_at(self._plan, _unbroken(trials))
        return Ending(reason, self._asked if end is None else end, standing_of(self._plan, trials, self._asked))  # type: ignore[arg-type]


def _unbroken(trials: Sequence[Trial]) -> list[Trial]:
    """The first trials of a study, up to the first number that is missing."""
    return [trial for place, trial in enumerate(trials) if trial.number == place]
