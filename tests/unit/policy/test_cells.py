"""Cells share one delta, and package types are judged beside the promise."""

from __future__ import annotations

import numpy as np
import pytest

from leastpack.errors import InputError
from leastpack.policy.cells import certify_cells, divide_delta, judge_types
from leastpack.policy.certify import PolicyTest
from leastpack.policy.exact import binomial_p_values


def cell(*p_values: float) -> PolicyTest:
    zeros = np.zeros(len(p_values), dtype=np.int64)
    return PolicyTest(zeros, zeros, np.array(p_values), None)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"a": [0.04], "b": [0.06]}, {"a": (0, 0.05), "b": (0, 0.1)}),  # handed on
        ({"a": [0.06], "b": [0.06]}, {"a": (None, 0.05), "b": (None, 0.05)}),
        ({"a": [0.01, 0.06], "b": [0.01, 0.04]}, {"a": (1, 0.1), "b": (1, 0.05)}),
        ({"a": [0.04, 0.2], "b": [0.06]}, {"a": (0, 0.05), "b": (None, 0.05)}),  # not whole: keeps its own
        ({"a": [0.03], "b": [0.04], "c": [0.06]}, {"a": (0, 0.1 / 3), "b": (0, 0.05), "c": (0, 0.1)}),
        ({"a": [], "b": [0.06]}, {"a": (None, 0.05), "b": (None, 0.05)}),
    ],
)
def test_a_cell_that_passes_whole_hands_its_delta_on(
    cells: dict[str, list[float]], expected: dict[str, tuple[int | None, float]]
) -> None:
    found = certify_cells({name: cell(*p) for name, p in cells.items()}, 0.1)
    assert {name: one.test.last for name, one in found.items()} == {name: last for name, (last, _) in expected.items()}
    for name, (_, delta) in expected.items():
        assert found[name].delta == pytest.approx(delta)


def test_at_the_bound_itself_some_cell_is_wrong_with_probability_delta_at_most() -> None:
    rng, alpha, wrong = np.random.default_rng(2), 0.05, 0
    for _ in range(600):
        cells = {}
        for name in "abc":
            k = rng.binomial([200, 400], [alpha, 0.0])
            # One bad level, and before it a good one that lets delta be handed on by the others.
            p_values = binomial_p_values(k, [200, 400], alpha)
            cells[name] = PolicyTest(np.array([200, 400]), k, p_values if name != "c" else p_values[::-1], None)
        found = certify_cells(cells, 0.1)
        wrong += any(
            found[name].test.last is not None and found[name].test.last >= (1 if name == "c" else 0) for name in "abc"
        )
    assert wrong / 600 <= 0.1 + 3 * (0.09 / 600) ** 0.5


def test_types_are_shown_contradicted_or_neither() -> None:
    found = judge_types([600, 20, 60, 0], [0, 0, 12, 0], alpha=0.02, delta=0.1, tail=0.0003)
    assert found.shown.tolist() == [True, False, False, False]
    assert found.contradicted.tolist() == [False, False, True, False]
    assert found.upper[3] == 1.0
    assert found.upper[0] < 0.02 < found.upper[1]


@pytest.mark.parametrize(("alpha", "delta", "message"), [(0.0, 0.1, "alpha"), (0.1, 0.0, "delta")])
def test_rates_out_of_range_are_named(alpha: float, delta: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        judge_types([1], [0], alpha, delta, 0.01)


def test_no_cells_and_no_delta_are_named() -> None:
    with pytest.raises(InputError, match="one cell"):
        certify_cells({}, 0.1)
    with pytest.raises(InputError, match="delta"):
        certify_cells({"a": cell(0.1)}, 0.0)


def test_delta_is_spent_once() -> None:
    shares = divide_delta(0.1, cells=2, types=8, levels=5, rates=2)
    assert shares.test + 2 * 8 * 5 * shares.contradiction + 2 * shares.measured == pytest.approx(0.1)
    with pytest.raises(InputError, match="cells, types"):
        divide_delta(0.1, cells=0, types=8, levels=5)
