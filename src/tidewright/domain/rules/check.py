"""Names and types of an expression, before any value is known."""

from collections.abc import Mapping

from tidewright.domain.rules.errors import RuleError, suggestion
from tidewright.domain.rules.expression import Apply, Constant, Expression, Name, Node, On, Series
from tidewright.domain.rules.function import CONDITION, Function, Type
from tidewright.domain.rules.operators import PREFIXES
from tidewright.domain.rules.vocabulary import FUNCTIONS, RESERVED, WORDS


def check(expression: Expression, names: Mapping[str, Type]) -> Type:
    """What `expression` gives, where `names` says what each parameter and column gives.

    Raises RuleError for a name that is unknown and for an argument that is not what its function needs.
    """
    return _check(expression, expression.root, names)


def _check(expression: Expression, node: Node, names: Mapping[str, Type]) -> Type:
    match node:
        case Constant(value):
            return Type.CONDITION if isinstance(value, bool) else Type.WHOLE if isinstance(value, int) else Type.NUMBER
        case Series():
            return Type.SERIES
        case Name(name):
            if name not in names:
                raise RuleError(_unknown(name, names), expression.text, node.start)
            return names[name]
        case Apply(name, arguments):
            function = WORDS[name]
            given = [_check(expression, argument, names) for argument in arguments]
            for index, (argument, type_) in enumerate(zip(arguments, given, strict=True)):
                need = function.argument(index)[1]
                if type_ not in need.types:
                    is_ = "a number" if need is CONDITION and type_ is Type.SERIES else type_.phrase
                    message = f"{_requirement(function, index)}; `{expression.source(argument)}` is {is_}"
                    raise RuleError(message, expression.text, argument.start)
            return function.result if function.result >= Type.SERIES else max(function.result, *given)
        case On(operand):
            type_ = _check(expression, operand, names)
            if type_ not in (Type.SERIES, Type.CONDITION):
                message = (
                    f"`on` needs a series or a condition before it; `{expression.source(operand)}` is {type_.phrase}"
                )
                raise RuleError(message, expression.text, operand.start)
            return type_


def _requirement(function: Function, index: int) -> str:
    name, need = function.argument(index)
    if function.name in FUNCTIONS:
        return f"`{name}` of `{function.signature}` must be {need.phrase}"
    for symbol, prefix in PREFIXES.items():
        if function is prefix:
            return f"`{symbol}` needs {need.phrase} after it"
    return f"`{function.name}` needs {need.plural} on both sides"


def _unknown(name: str, names: Mapping[str, Type]) -> str:
    if name in FUNCTIONS:
        return f"`{name}` is a function; write `{FUNCTIONS[name].signature}`"
    return f"unknown name {name!r}{suggestion(name, sorted({*names, *FUNCTIONS, *RESERVED}))}"
