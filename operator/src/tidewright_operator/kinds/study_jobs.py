"""The Jobs of an OptimizationStudy: workers that search, one that concludes, and one that forgets. Pure.

Their commands are those of `optuna_optimizer.work`. What they share is the store of trials, in which a study has the name ``NAMESPACE/NAME``; nothing is passed from one Job to the other.
"""

from collections.abc import Sequence

from tidewright.specs.optimization_study import OptimizationStudySpec
from tidewright.specs.pod import Pod
from tidewright_operator.cluster import Object
from tidewright_operator.kinds.jobs import is_suspended
from tidewright_operator.kinds.work_input import SPEC_KEY, spec_name
from tidewright_operator.kinds.worker_pod import (
    SPEC_FOLDER,
    failure_policy,
    locked_pod,
    progress_told,
    queue_label,
    worker_pod,
)
from tidewright_operator.names import ATTEMPT, COMPONENT, TRIALS, child_name
from tidewright_operator.ownership import owned_metadata, owner_labels
from tidewright_operator.settings import Settings

SEARCH, CONCLUSION, FORGETTING = "search", "conclusion", "forgetting"
"""The components that the Jobs are labelled with."""

LONGEST_FORGETTING = 600
"""Seconds after its deletion for which a study is held back by trials that cannot be removed."""

_LONGEST_NAME = 59
"""Characters of an Indexed Job's name: its pods' host names have its index as well, up to ``-255``."""


def trials_of(study: Object) -> int:
    """How many trials are asked for."""
    return int(_asked(study, "trials"))


def workers_of(study: Object) -> int:
    """How many workers search at a time: never more than there are trials to try."""
    return min(int(_asked(study, "parallelism")), trials_of(study))


def _asked(study: Object, name: str) -> int:
    default = OptimizationStudySpec.model_fields[name].default
    return int(study["spec"].get(name, default))


def search_name(study: Object) -> str:
    """The name of the Job that searches: another number of trials is another Job."""
    meta = study["metadata"]
    return child_name(meta["name"], meta["uid"], f"{SEARCH}-{trials_of(study)}", _LONGEST_NAME)


def conclusion_name(study: Object, attempt: int) -> str:
    """The name of the Job of an attempt to conclude."""
    meta = study["metadata"]
    return child_name(meta["name"], meta["uid"], f"{CONCLUSION}-{trials_of(study)}-{attempt}")


def forgetting_name(study: Object) -> str:
    """The name of the Job that removes the trials of a study that is going."""
    meta = study["metadata"]
    return child_name(meta["name"], meta["uid"], FORGETTING)


def progress_key(study: Object, job: str) -> str:
    """Under which the pods of a Job tell how far it is."""
    return f"{study['metadata']['namespace']}/{job}"


def search_job(study: Object, pod: Pod, strategy: Object, settings: Settings) -> Object:
    """Workers that search until the study has no work left, of the `strategy` in its payload.

    Each of them is an index that is tried again by itself, so that one that dies again and again takes no other with it. There are as many indexes as workers at a time: both may be changed
    together while they work, and what a worker leaves undone others do.
    """
    name = search_name(study)
    spec: Object = {
        "completionMode": "Indexed",
        **at_a_time(workers_of(study)),
        "backoffLimitPerIndex": study["spec"].get("retries", 2),
    }
    return _job(study, pod, settings, name, {COMPONENT: SEARCH}, spec, SEARCH, strategy)


def at_a_time(workers: int) -> Object:
    """The part of a Job that says how many workers there are."""
    return {"completions": workers, "parallelism": workers}


def conclusion_job(study: Object, pod: Pod, strategy: Object, attempt: int, settings: Settings) -> Object:
    """One attempt to do what work is left, to evaluate all trials, and to leave the study's record."""
    name, labels = conclusion_name(study, attempt), {COMPONENT: CONCLUSION, ATTEMPT: str(attempt)}
    spec: Object = {"completions": 1, "parallelism": 1, "backoffLimit": study["spec"].get("retries", 2)}
    return _job(study, pod, settings, name, labels, spec, "conclude", strategy)


def _job(
    study: Object, pod: Pod, settings: Settings, name: str, labels: Object, spec: Object, command: str, strategy: Object
) -> Object:
    trials = str(trials_of(study))
    labels = {**labels, TRIALS: trials, **queue_label(pod)}
    args = _command(command, "--payload", f"{SPEC_FOLDER}/{SPEC_KEY}", "--trials", trials)
    env = [
        *_database(settings),
        {"name": "TIDEWRIGHT_STORE", "value": settings.store},
        {"name": "TIDEWRIGHT_ARTIFACTS", "value": settings.artifacts},
        *progress_told(progress_key(study, name), settings),
    ]
    return {
        "metadata": owned_metadata(study, name, labels),
        "spec": {
            "suspend": is_suspended(study),
            **spec,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": failure_policy(),
            "template": {
                "metadata": {"labels": owner_labels(study) | labels},
                "spec": worker_pod(
                    pod, settings, settings.study_image, args, env, spec_name(study), strategy["source"]
                ),
            },
        },
    }


def forgetting_job(study: Object, pod: Pod, settings: Settings) -> Object:
    """Removes the trials from the store. It needs nothing of the study's but its name: whatever else was its own may be gone. No queue holds it back."""
    meta, labels = study["metadata"], {COMPONENT: FORGETTING}
    metadata = owned_metadata(study, forgetting_name(study), labels)
    metadata["ownerReferences"][0]["blockOwnerDeletion"] = False  # it would be deleted first, with all that blocks
    args = _command("forget", "--study", f"{meta['namespace']}/{meta['name']}")
    return {
        "metadata": metadata,
        "spec": {
            "completions": 1,
            "parallelism": 1,
            "backoffLimit": 5,
            "activeDeadlineSeconds": LONGEST_FORGETTING,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": failure_policy(),
            "template": {
                "metadata": {"labels": owner_labels(study) | labels},
                "spec": locked_pod(pod, settings.study_image, args, _database(settings)),
            },
        },
    }


def _command(*words: str) -> Sequence[str]:
    return ["python", "-m", "optuna_optimizer.work", *words]


def _database(settings: Settings) -> list[Object]:
    """Environment: where the trials are, which the operator itself is never told."""
    secret = {"name": settings.study_secret, "key": "url"}
    return [{"name": "TIDEWRIGHT_DATABASE", "valueFrom": {"secretKeyRef": secret}}]
