"""How much history a bound expression needs."""

from tidewright.domain.rules.expression import Apply, Constant, Node, On
from tidewright.domain.rules.vocabulary import WORDS
from tidewright.domain.timeframe import milliseconds


def warmup(node: Node, step: int = 0) -> int:
    """How many bars must pass before the value of a bound expression may be believed.

    That of a function is its own and the longest of its arguments' together; a crossing needs one bar more than its sides. What is on
    longer bars needs as many of these and one more, and may have to wait for the first of them to begin. `step` is the
    length of the strategy's own bars in milliseconds; an expression without ``on`` needs none.
    """
    if isinstance(node, On):
        length = milliseconds(node.timeframe)
        return (warmup(node.operand, length) + 2) * (length // step) - 2
    if not isinstance(node, Apply):
        return 0
    function = WORDS[node.function]
    constants = [
        argument.value
        for index, argument in enumerate(node.arguments)
        if isinstance(argument, Constant) and function.argument(index)[1].constant
    ]
    return function.history(*constants) + max((warmup(argument, step) for argument in node.arguments), default=0)
