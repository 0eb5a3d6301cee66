"""The search of one worker by a sampler that learns. Numbers are claimed from the store like those of any search; what Optuna calls a trial is what it is asked for such a number."""

import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial
from optuna.trial import Trial as Asked

from optuna_optimizer import enumerated
from optuna_optimizer.plan import Evaluate, Plan
from optuna_optimizer.renewing import LEASE, MOST_ATTEMPTS, given_up
from optuna_optimizer.search import space
from optuna_optimizer.search.journal import StoredJournal
from optuna_optimizer.search.samplers import optuna_directions, pruner_of, sampler_of
from optuna_optimizer.standing import Ending, Standing, refuse_failing, stagnated_at, standing_of
from tidewright.domain.strategies.strategy import StrategyError, Value
from tidewright.domain.trials import Trial
from tidewright.ports import Claim, StudyStore

NUMBER = "number"
"""The attribute of Optuna's trial that has our number."""

_MOST_ASKS = 50
"""Values that a sampler is asked for in the place of some that break a condition; then they are drawn at random."""

_WAIT = 0.2
_NEWS = 2.0
"""Seconds between two looks at what other workers have found."""

_SHOWN = 0.2
"""Seconds between two tellings of how the search stands."""

_STATES = {"Pruned": TrialState.PRUNED, "Failed": TrialState.FAIL}


class Adaptive:
    """One worker. `asked` is the number of trials of the study, `until` the moment of the monotonic clock at which it ends."""

    def __init__(
        self,
        plan: Plan,
        store: StudyStore,
        evaluate: Evaluate,
        worker: str,
        stop: threading.Event,
        progress: Callable[[Standing], object],
        asked: int,
        until: float | None,
    ) -> None:
        self._plan, self._store, self._evaluate, self._worker = plan, store, evaluate, worker
        self._stop, self._progress, self._asked, self._until = stop, progress, asked, until
        self._distributions = space.distributions(plan.space)
        self._journal = StoredJournal(store, plan.key)
        self._study: Study | None = None
        self._known: dict[int, Trial] = {}
        self._failures = 0
        self._looked = self._shown = float("-inf")

    def run(self) -> Ending:
        """Until nothing is left to try, here or by other workers."""
        ending = self._run()
        self._journal.flush()
        return ending

    def _run(self) -> Ending:
        self._look()
        while True:
            if ending := self._ended():
                return ending
            claim = self._store.claim(self._plan.key, self._worker, self._asked, 1, LEASE)
            if claim is None:
                self._look()
                if sum(number < self._asked for number in self._known) >= self._asked:
                    return self._ending("Complete")
                self._journal.flush()
                self._stop.wait(_WAIT)
                continue
            trial = self._tried(claim)
            self._known[trial.number] = trial
            self._failures += trial.state == "Failed"
            if time.monotonic() - self._looked > _NEWS:
                self._look()
            if time.monotonic() - self._shown > _SHOWN:
                self._shown = time.monotonic()
                self._progress(self._standing())

    def _tried(self, claim: Claim) -> Trial:
        """The trial of a claim: put into the store first, then told to the sampler, so that what is told is kept."""
        if self._study is None:
            self._study = self._joined(claim.first)
        if claim.attempt > MOST_ATTEMPTS:
            return self._given_up(self._study, claim)
        asked, named = self._asked_for(self._study, claim)
        trial = self._result(asked, claim.first, named)
        self._store.put(self._plan.key, [trial])
        self._tell(asked, trial)
        return trial

    def _given_up(self, study: Study, claim: Claim) -> Trial:
        left = self._left_behind(study, claim.first)
        trial = given_up(claim.first, {} if left is None else space.named(self._plan.space, left.params))
        self._store.put(self._plan.key, [trial])
        if left is not None:
            self._tell(Asked(study, left._trial_id), trial)
        return trial

    def _result(self, asked: Asked, number: int, named: Mapping[str, Value]) -> Trial:
        several = len(self._plan.directions) > 1 or self._plan.pruner == "None"

        told = dict(asked.storage.get_trial(asked._trial_id).intermediate_values)

        def report(step: int, value: float) -> bool:
            if several:
                return False
            if step not in told:  # the worker who had the trial before may have told it
                asked.report(value, step)
            return asked.should_prune()

        try:
            return self._evaluate(number, named, report)
        except StrategyError as error:
            return Trial(number, named, "Failed", reason=type(error).__name__, message=str(error))

    def _tell(self, asked: Asked, trial: Trial) -> None:
        assert self._study is not None  # noqa: S101 - there is one once a trial was asked for
        self._tell_violations(asked, trial.violations)
        if trial.state == "Complete":
            self._study.tell(asked, list(trial.values), skip_if_finished=True)
        else:
            self._study.tell(asked, state=_STATES[trial.state], skip_if_finished=True)

    def _tell_violations(self, asked: Asked, violations: Sequence[float]) -> None:
        """By how much each requirement was missed; a trial without a result meets none."""
        for index in range(self._plan.requirements):
            asked.set_constraint(str(index), violations[index] if violations else 1.0)

    def _asked_for(self, study: Study, claim: Claim) -> tuple[Asked, Mapping[str, Value]]:
        """What to try: the values that a worker who is gone was given, or new ones that meet the conditions. Raises PlanRefused where none do."""
        if claim.attempt > 1 and (left := self._left_behind(study, claim.first)) is not None:
            return Asked(study, left._trial_id), space.named(self._plan.space, left.params)
        for _ in range(_MOST_ASKS):
            asked = study.ask(self._distributions)
            named: Mapping[str, Value] = space.named(self._plan.space, asked.params)
            if self._plan.holds(named):
                break
            self._tell_violations(asked, ())
            study.tell(asked, state=TrialState.PRUNED)
        else:
            named = enumerated.drawn(self._plan, claim.first)
            asked = self._fixed(study, named)
        asked.set_user_attr(NUMBER, claim.first)
        self._journal.flush()  # so that whoever takes the trial over tries the same values
        return asked, named

    def _fixed(self, study: Study, named: Mapping[str, Value]) -> Asked:
        """A trial of Optuna's with values of ours."""
        values = space.params(self._plan.space, named)
        running = create_trial(state=TrialState.RUNNING, params=values, distributions=self._distributions)
        return Asked(study, study._storage.create_new_trial(study._study_id, running))

    def _left_behind(self, study: Study, number: int) -> FrozenTrial | None:
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return next((one for one in running if one.user_attrs.get(NUMBER) == number), None)

    def _joined(self, first: int) -> Study:
        """The study in the journal, with what this worker finds unfinished there: results that nobody has told of yet."""
        storage = JournalStorage(self._journal)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study = optuna.create_study(
                storage=storage,
                sampler=sampler_of(self._plan, first),
                pruner=pruner_of(self._plan),
                study_name=self._plan.key,
                directions=optuna_directions(self._plan.directions),
                load_if_exists=True,
            )
        self._study = study
        if first == 0:
            for values in self._plan.first:
                study.enqueue_trial(space.params(self._plan.space, values), skip_if_exists=True)
        for left in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            known = self._known.get(left.user_attrs.get(NUMBER, -1))
            if known is not None:
                self._tell(Asked(study, left._trial_id), known)
        return study

    def _look(self) -> None:
        """Take in what all workers have found."""
        self._known = {trial.number: trial for trial in self._store.trials(self._plan.key, tables=False)}
        self._failures = sum(trial.state == "Failed" for trial in self._known.values())
        self._looked = time.monotonic()

    def _ended(self) -> Ending | None:
        if self._stop.is_set():
            return self._ending("Stopped")
        if self._until is not None and time.monotonic() >= self._until:
            return self._ending("TimedOut")
        if self._failures:
            refuse_failing(self._counted())
        if self._plan.stagnation is not None and stagnated_at(self._plan, self._counted()) is not None:
            return self._ending("Stagnated")
        return None

    def _counted(self) -> list[Trial]:
        return [self._known[number] for number in sorted(self._known) if number < self._asked]

    def _standing(self) -> Standing:
        return standing_of(self._plan, self._counted(), self._asked)

    def _ending(self, reason: Any) -> Ending:  # noqa: ANN401 - one of Ending's
        standing = self._standing()
        self._progress(standing)
        return Ending(reason, self._asked, standing)
