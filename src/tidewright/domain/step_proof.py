"""The look-ahead proof of strategies that are asked bar by bar.

Their columns are proved causal like those of any other strategy. Of the bar, ``on_bar`` sees one row alone, so what it asks for can depend on later bars only through
what it has kept of them outside its state: on its object, in its class or in its module. An object and what is kept on it are new for each prefix, so that shows.
What was compiled keeps the values that its module had then, so the first prefixes are asked as plain Python as well, which also shows that the compiler has changed nothing.
A strategy that brings the future with it, from a file or a network, says the same whatever the bars, and no comparison can show that.
"""

from collections.abc import Callable
from functools import partial

from tidewright.domain.asking import asked_of_step, watch_function
from tidewright.domain.bars import Bars
from tidewright.domain.costs import Broker, Filters, Risk
from tidewright.domain.lookahead import Ask, LookAheadProof, prove_causal
from tidewright.domain.strategies.evaluation import Evaluation, evaluate
from tidewright.domain.strategies.strategy import Parameters, Strategy

_EACH, _EACH_PLAIN = 32, 4


def prove_step_causal(
    strategy: Strategy,
    bars: Bars,
    parameters: Parameters,
    seed: int,
    unasked: Callable[[], Strategy],
    *,
    broker: Broker,
    risk: Risk,
    filters: Filters,
    progress: Callable[[float], None] = lambda done: None,
) -> LookAheadProof:
    """Compare columns and decisions over all of `bars` with those over prefixes, as `prove_causal` does, up to the first difference.

    As plain Python a strategy takes some hundred times longer to ask, so its decisions are compared on the first 64 prefixes and 4 of each other kind, its columns on all.
    """
    ask = partial(asked_of_step, broker=broker, risk=risk, filters=filters)
    columns = evaluate(unasked(), bars, parameters)
    decisions = ask(unasked(), bars, parameters)
    passes: list[tuple[Evaluation, Ask, int]]
    if watch_function(strategy, columns.columns, parameters).compiled is None:
        passes = [(columns, evaluate, _EACH), (decisions, ask, _EACH_PLAIN)]
    else:
        passes = [(decisions, ask, _EACH), (decisions, partial(ask, plain=True), 0)]
    tried = 0
    for number, (whole, how, each) in enumerate(passes):

        def told(done: float, before: int = number) -> None:
            progress((before + done) / len(passes))

        proof = prove_causal(strategy, bars, parameters, whole, seed, unasked, how, each, told)
        tried += proof.prefixes
        if not proof.passed:
            return LookAheadProof(tried, proof.violation)
    return LookAheadProof(tried)
