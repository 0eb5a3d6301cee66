"""How much history a bound expression needs."""

from tidewright.domain.rules.expression import Apply, Constant, Node
from tidewright.domain.rules.vocabulary import WORDS


def warmup(node: Node) -> int:
    """How many bars must pass before the value of a bound expression may be believed.

    That of a function is its own and the longest of its arguments' together; a crossing needs one bar more than its sides.
    """
    if not isinstance(node, Apply):
        return 0
    function = WORDS[node.function]
    constants = [
        argument.value
        for index, argument in enumerate(node.arguments)
        if isinstance(argument, Constant) and function.argument(index)[1].constant
    ]
    return function.history(*constants) + max((warmup(argument) for argument in node.arguments), default=0)
