"""What is wrong with a rule, and where in its text."""

from collections.abc import Iterable
from difflib import get_close_matches


class RuleError(ValueError):
    """A rule cannot be understood or used: `message` says what and the remedy, `position` where in `text`, from 0."""

    def __init__(self, message: str, text: str, position: int) -> None:
        super().__init__(message, text, position)
        self.message = message
        self.text = text
        self.position = position

    def __str__(self) -> str:
        return f"{self.message} (character {self.position + 1})"

    def pointed(self) -> str:
        """The message over the line in question, with a caret under the character."""
        first = self.text.rfind("\n", 0, self.position) + 1
        line = self.text[first:].split("\n", 1)[0]
        indent = "".join("\t" if character == "\t" else " " for character in line[: self.position - first])
        return f"{self.message}\n  {line}\n  {indent}^"


class OutOfRange(RuleError):
    """A window, lag or width has a value that its function does not take; `names` are the parameters it is computed from."""

    def __init__(self, message: str, text: str, position: int, names: frozenset[str]) -> None:
        super().__init__(message, text, position)
        self.args = (message, text, position, names)
        self.names = names


def suggestion(name: str, known: Iterable[str]) -> str:
    """`` (did you mean 'sma'?)`` where a known name resembles `name`, else nothing."""
    nearest = get_close_matches(name, known, n=1, cutoff=0.6) or get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return f" (did you mean {nearest[0]!r}?)" if nearest else ""
