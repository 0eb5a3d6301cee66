"""A study at work: from its resource to the plan of its search, in this process or in another."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optuna_optimizer.plan import ENUMERATED, Evaluate, Plan
from tidewright.adapters.stores import stores
from tidewright.domain.strategies.strategy import Value
from tidewright.domain.timeframe import milliseconds
from tidewright.domain.trials import Trial
from tidewright.runs.refusal import InputRefused
from tidewright.runs.strategies import import_class
from tidewright.runs.study_plan import Evaluator, StudyData, StudyPlan, load_study, plan_study
from tidewright.specs.manifest import API_VERSION, Document, Manifest
from tidewright.specs.optimization_study import OptimizationStudy
from tidewright.specs.problems import Problem


@dataclass(frozen=True)
class Study:
    """A study whose data are loaded; `key` names its trials in a store."""

    key: str
    plan: StudyPlan
    data: StudyData
    import_from: tuple[Path, ...] = ()
    first: tuple[Mapping[str, Value], ...] = ()

    def taught(self, earlier: Sequence[Trial]) -> "Study":
        """The study that tries the best values of an earlier one first. Raises InputRefused where nothing can be learned of it."""
        wanted = self.plan.spec.warm_start
        assert wanted is not None  # noqa: S101 - asked for where there is one
        from optuna_optimizer.search.warm_start import best_values  # noqa: PLC0415 - a second for optuna, where it is needed

        first = best_values(earlier, self.plan.directions, wanted.trials, self.plan.space.dimensions)
        if not first:
            raise InputRefused(
                [self.unlearned("none of its trials is within the ranges that are searched now; widen them")]
            )
        return replace(self, first=first)

    def unlearned(self, message: str) -> Problem:
        """The problem of an earlier study that cannot be learned from."""
        assert self.plan.spec.warm_start is not None  # noqa: S101 - as above
        return self.plan.written.problem("warmStart", "study", message=message, value=self.plan.spec.warm_start.study)

    def search_plan(self, first: tuple[Mapping[str, Value], ...] | None = None) -> Plan:
        """What the search is told; `first`, or else what it was taught, is tried before all else."""
        wanted = self.plan.spec
        if wanted.warm_start is not None and wanted.sampler.name in ENUMERATED:
            message = (
                "learns nothing from an earlier study; choose a sampler that does, such as TPE, or remove warmStart"
            )
            raise InputRefused(
                [self.plan.written.problem("sampler", "name", message=message, value=wanted.sampler.name)]
            )
        sampler, pruner, asked = wanted.sampler, wanted.pruner, wanted.requirements
        custom = None
        if sampler.class_ref is not None:
            reference, document = sampler.class_ref, self.plan.written.document
            path = ("spec", "sampler", "classRef")
            custom, _ = import_class(reference.module, reference.class_, document, path, self.import_from)
        return Plan(
            key=self.key,
            space=self.plan.space.dimensions,
            directions=self.plan.directions,
            trials=None if sampler.name == "Grid" else wanted.trials,
            sampler=sampler.name,
            seed=sampler.seed,
            startup_trials=sampler.startup_trials,
            pruner=pruner.name if len(self.plan.directions) == 1 else "None",
            pruner_startup=pruner.startup_trials,
            warmup_windows=pruner.warmup_windows,
            windows=wanted.walk_forward.windows,
            requirements=sum(one is not None for one in (asked.min_trades, asked.max_drawdown)) if asked else 0,
            holds=self.plan.space.conditions,
            stagnation=wanted.stagnation,
            timeout=milliseconds(wanted.timeout) / 1000 if wanted.timeout else None,
            first=self.first if first is None else first,
            custom=custom,
            definition=self.plan.definition | {"data": self.data.digest},
        )


@dataclass(frozen=True)
class Evaluation:
    """Makes a study's evaluator in whatever process; nothing in it refers to anything but the store of bars, and to `import_from` for a strategy in Python."""

    resource: Mapping[str, Any]
    import_from: tuple[Path, ...]

    @classmethod
    def of(cls, plan: StudyPlan, import_from: tuple[Path, ...]) -> "Evaluation":
        """That of a study which is planned already, its strategy written out."""
        spec = plan.spec.record() | {"strategy": plan.backtest.strategy.spec.record()}
        beside = Path(plan.written.strategy_document.file or "manifest").resolve().parent
        resource = {
            "apiVersion": API_VERSION,
            "kind": "OptimizationStudy",
            "metadata": {"name": plan.name},
            "spec": spec,
        }
        return cls(resource, (beside, *import_from))

    def __call__(self) -> Evaluate:
        document = Document("", dict(self.resource), {(): 0})
        resource = OptimizationStudy.model_validate(document.value)
        store = stores(os.environ)
        plan = plan_study(resource, document, Manifest(), self.import_from)
        return Evaluator(plan, load_study(plan, store))
