"""What each field of a grid accounts for."""

from itertools import product

import numpy as np
import pytest

from tidewright.domain.main_effects import main_effects

GRID = [{"fast": fast, "slow": slow, "kind": kind} for fast, slow, kind in product(range(4), range(5), ("sma", "ema"))]


def test_of_a_sum_the_shares_are_the_variances_of_its_parts():
    values = np.array(
        [3.0 * point["fast"] + point["slow"] + (1.0 if point["kind"] == "ema" else 0.0) for point in GRID]
    )
    parts = {"fast": 9 * np.var(range(4)), "slow": np.var(range(5)), "kind": 0.25}
    found = main_effects(["slow", "fast", "kind"], GRID, values)
    assert [name for name, _ in found] == ["fast", "slow", "kind"]
    assert [share for _, share in found] == pytest.approx([parts[name] / sum(parts.values()) for name, _ in found])


def test_what_only_two_fields_together_do_belongs_to_neither():
    values = np.array([1.0 if (point["fast"] >= 2) == (point["kind"] == "ema") else -1.0 for point in GRID])
    assert main_effects(["fast", "slow", "kind"], GRID, values) == []


def test_undefined_values_are_left_out():
    values = np.array([np.nan if point["fast"] == 3 else float(point["slow"]) for point in GRID])
    assert main_effects(["fast", "slow"], GRID, values) == [("slow", 1.0), ("fast", 0.0)]


@pytest.mark.parametrize("values", [np.ones(len(GRID)), np.full(len(GRID), np.nan)])
def test_nothing_is_told_where_nothing_varies(values):
    assert main_effects(["fast"], GRID, values) == []
