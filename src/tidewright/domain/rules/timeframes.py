"""The longer bars that an expression looks at, and which of them the strategy's own bars can make."""

from collections.abc import Container

from tidewright.domain.rules.errors import RuleError
from tidewright.domain.rules.expression import Expression, Name, Node, On, walk
from tidewright.domain.timeframe import TIMEFRAMES, duration, milliseconds


def check_timeframes(expression: Expression, own: str | None, longer: Container[str] = ()) -> None:
    """Refuse longer bars that those of `own`, the strategy's timeframe, cannot make, and longer bars of longer bars.

    `longer` are the names of the columns that look at longer bars. Raises RuleError.
    """
    for node in walk(expression.root):
        if not isinstance(node, On):
            continue
        wanted, position = node.timeframe, node.end - len(node.timeframe)
        if own is None:
            message = f"{wanted} bars are made of the strategy's own; say of which timeframe these are"
            raise RuleError(message, expression.text, position)
        if wanted not in _made_of(own):
            raise RuleError(_not_made(wanted, own), expression.text, position)
        if is_on_longer(node.operand, longer):
            source = expression.source(node.operand)
            message = f"`{source}` is on longer bars already and cannot be `on {wanted}` too; keep one of them"
            raise RuleError(message, expression.text, node.operand.start)


def is_on_longer(node: Node, longer: Container[str]) -> bool:
    """Whether anything in `node` is on longer bars, or is one of the columns `longer`."""
    return any(isinstance(part, On) or (isinstance(part, Name) and part.name in longer) for part in walk(node))


def unknown_timeframe(text: str) -> str:
    """What to tell whoever wrote `text` for a timeframe."""
    try:
        meant = duration(milliseconds(text.lower()))
    except ValueError:
        meant = ""
    hint = f" (did you mean {meant!r}?)" if meant in TIMEFRAMES else ""
    return f"unknown timeframe {text!r}{hint}; write one of {', '.join(TIMEFRAMES)}"


def _made_of(own: str) -> list[str]:
    step = milliseconds(own)
    return [other for other in TIMEFRAMES if milliseconds(other) > step and milliseconds(other) % step == 0]


def _not_made(wanted: str, own: str) -> str:
    longer = _made_of(own)
    remedy = f"write one of {', '.join(longer)}" if longer else "there are no longer ones that they make"
    return f"the strategy's own {own} bars make no {wanted} bars; {remedy}"
