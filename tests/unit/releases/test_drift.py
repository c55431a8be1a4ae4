from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from leastpack.policy.levels import risk_grid
from leastpack.releases.drift import FINE, count_risks, stability_index
from leastpack.tables.by_pair import TYPES


def counts(risks: np.ndarray) -> np.ndarray:
    return np.histogram(risks, bins=201, range=(-6.0, 6.0))[0].astype(float)


def drawn(n: int, shift: float = 0.0, seed: int = 1) -> np.ndarray:
    return counts(np.random.default_rng(seed).normal(shift, 1.0, n))


def test_the_same_risks_have_not_moved() -> None:
    assert stability_index(drawn(5000), drawn(5000))[0] == 0.0


def test_the_index_is_the_textbook_sum_over_tenths() -> None:
    before, now = np.full(10, 1e6), np.array([2e6, *np.full(8, 1e6), 0.0])
    last = 0.5 / 1e7
    expected = (0.2 - 0.1) * np.log(2) + (last - 0.1) * np.log(last / 0.1)
    assert stability_index(before, now)[0] == pytest.approx(expected, rel=1e-4)


def test_a_shift_by_half_a_deviation_is_a_quarter() -> None:
    # For two normals a shift of s deviations gives about s squared.
    assert stability_index(drawn(200_000), drawn(200_000, 0.5, 2))[0] == pytest.approx(0.25, abs=0.03)


def test_what_chance_does_stays_under_its_bound() -> None:
    over = [stability_index(drawn(300, seed=s), drawn(200, seed=s + 10_000)) for s in range(400)]
    assert np.mean([index > chance for index, chance in over]) <= 0.01
    assert max(index for index, _ in over) > 0.1


def test_risks_all_in_one_bin_are_one_group() -> None:
    one = np.zeros(201)
    one[7] = 50
    assert stability_index(one, one)[0] == 0.0
    assert np.isfinite(stability_index(one, drawn(50))[0])


def test_a_risk_counts_at_the_first_level_that_it_is_at_or_under() -> None:
    grid = risk_grid(FINE)
    risks = [*grid, *np.nextafter(grid, 0), *np.nextafter(grid, 1), 0.0, 1.0, None]
    types = [f"t{i}" for i in range(len(risks))]
    columns = {"marketplace": ["NA"], TYPES: [types], "risk": [risks]}
    found = {row["package_type"]: row for row in count_risks(pa.RecordBatch.from_pydict(columns)).to_pylist()}
    for name, risk in zip(types, risks, strict=True):
        expected = None if risk is None else int((grid < risk).sum())
        assert (found[name]["marketplace"], found[name]["place"], found[name]["pairs"]) == ("NA", expected, 1)
