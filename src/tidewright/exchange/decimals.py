"""Decimal numbers as Binance writes them: text with eight places outside, whole numbers of a symbol's last place inside, so that no sum is rounded."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tidewright.domain.bars import Floats, Integers

PLACES = 8
_LARGEST = 2.0**62


class Units(NamedTuple):
    """Decimal numbers as whole multiples of ``10**-places``."""

    units: Integers
    places: int


def written(units: int, places: int) -> str:
    """``61837.63000000``; what is beyond eight places is cut off."""
    if units < 0:
        return f"-{written(-units, places)}"
    if places > PLACES:
        units, places = units // 10 ** (places - PLACES), PLACES
    whole, part = divmod(units, 10**places)
    return f"{whole}.{part * 10 ** (PLACES - places):08d}"


def read(texts: Sequence[str]) -> Units:
    """The numbers of texts that all have eight places, with no more places than they need. Raises ValueError for anything else."""
    for text in texts:
        if text[-9:-8] != ".":
            raise ValueError(f"{text!r} is no number with eight decimal places, which is how Binance writes them")
    return _shortest(np.array([int(text.replace(".", "", 1)) for text in texts], np.int64), PLACES)


def of_floats(*columns: Floats) -> tuple[list[Integers], int]:
    """Columns in the fewest places that hold all their values; beyond eight places, or where the numbers would be too large, they are rounded."""
    values = np.concatenate(columns)
    largest = float(np.abs(values).max(initial=0.0))
    places = 0
    while places < PLACES and largest * 10 ** (places + 1) < _LARGEST and not _exact(values, places):
        places += 1
    return [np.rint(column * 10.0**places).astype(np.int64) for column in columns], places


def floats(units: Integers, places: int) -> Floats:
    """The floats nearest to the decimals: a quotient of two numbers that floats hold exactly is rounded once."""
    quotients: Floats = units / 10.0**places
    return quotients


def product(units: Integers, others: Integers) -> Integers:
    """Products whose sum fits too: as Python's own whole numbers where 64 bits would not do."""
    if float(np.dot(units.astype(np.float64), others.astype(np.float64))) < _LARGEST:
        exact: Integers = units * others
    else:
        exact = units.astype(object) * others.astype(object)
    return exact


def summable(units: Integers) -> Integers:
    """The numbers themselves, as Python's own whole numbers where their sum is beyond 64 bits."""
    return units if float(units.astype(np.float64).sum()) < _LARGEST else units.astype(object)


def _exact(values: Floats, places: int) -> bool:
    scaled = np.rint(values * 10.0**places)
    return bool(np.all(scaled / 10.0**places == values))


def _shortest(units: Integers, places: int) -> Units:
    while places and len(units) and not np.any(units % 10):
        units, places = units // 10, places - 1
    return Units(units, places)
