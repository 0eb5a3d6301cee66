"""What is reconciled and how, and what kinds of children there are to watch."""

from tidewright_operator.cluster import (
    BACKTEST_RUN,
    DEPLOYMENT,
    JOB,
    NETWORK_POLICY,
    OPTIMIZATION_STUDY,
    POD_DISRUPTION_BUDGET,
    RL_TRAINING,
    SERVICE,
    SERVICE_ACCOUNT,
    TRADING_STRATEGY,
    Kind,
)
from tidewright_operator.kinds import backtest_run, optimization_study, trading_strategy
from tidewright_operator.kinds.awaiting import awaiting
from tidewright_operator.reconcile import Reconcile

RECONCILIATIONS: dict[Kind, Reconcile] = {
    TRADING_STRATEGY: trading_strategy.reconcile,
    BACKTEST_RUN: backtest_run.reconcile,
    OPTIMIZATION_STUDY: optimization_study.reconcile,
    RL_TRAINING: awaiting(RL_TRAINING, "rl-agent"),
}
KINDS = {kind.name: kind for kind in RECONCILIATIONS}
CHILDREN = {
    kind.name: kind for kind in (JOB, DEPLOYMENT, SERVICE, SERVICE_ACCOUNT, NETWORK_POLICY, POD_DISRUPTION_BUDGET)
}
