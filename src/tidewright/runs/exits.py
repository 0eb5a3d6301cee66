"""How a worker ends, as its exit code: what a Job's `podFailurePolicy` tells apart. Imports nothing, as the operator has no use for more."""

DONE = 0
"""The work is done, and its record says what came of it."""

FAILED = 1
"""Something went wrong that may go right another time: a disk was full, memory ran out."""

REFUSED = 2
"""What is asked for cannot be done, or the strategy itself failed: the same again would end the same."""

DATA_MISSING = 3
"""The store has not got the data; the same again may succeed once it has."""

DISRUPTED = 143
"""The worker was told to stop (SIGTERM) before it was done: nobody's fault, and no result."""

EXIT_CODES = {
    "Complete": DONE,
    "Failed": FAILED,
    "Refused": REFUSED,
    "StrategyFailed": REFUSED,
    "DataMissing": DATA_MISSING,
    "Disrupted": DISRUPTED,
}
"""The exit code by the reason in the worker's record (`tidewright.specs.work_record`)."""
