"""Which symbols are collected, remembered across restarts."""

import json
from collections.abc import Sequence
from pathlib import Path

from tidewright.adapters.atomic import atomic_write


class SymbolFileDamaged(ValueError):
    """The file cannot be read; the message names it and the remedy."""


class SymbolFile:
    """A list in a file. Once something has been written, that is what is collected, and the settings' symbols no longer count."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[str] | None:
        """None where nothing has been written. Raises SymbolFileDamaged."""
        try:
            symbols = json.loads(self._path.read_text(encoding="utf-8"))["symbols"]
            if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
                raise TypeError(f"symbols: {symbols!r:.80} is no list of names")
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, LookupError) as error:
            raise SymbolFileDamaged(
                f"{self._path} cannot be read ({error!r}); mend it, or remove it to collect the symbols of the settings"
            ) from error
        return symbols

    def write(self, symbols: Sequence[str]) -> None:
        """Raises OSError."""
        text = json.dumps({"symbols": list(symbols)}, indent=1) + "\n"

        def write(path: Path) -> None:
            path.write_text(text, encoding="utf-8")

        atomic_write(self._path, write)
