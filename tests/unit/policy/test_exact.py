"""Exact tests hold their level: checked by enumeration, not by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leastpack.errors import InputError
from leastpack.policy.exact import binomial_p_values, binomial_upper_bound, clean_points, list_p_values, most_bad


@pytest.mark.parametrize("taken_out", [False, True])
@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("length", [7, 20, 41])
def test_a_list_with_too_many_bad_ones_passes_with_probability_delta_at_most(
    length: int, alpha: float, taken_out: bool
) -> None:
    delta = 0.1
    for drawn in range(1, length + 1):
        for bad in range(length + 1):
            found = np.arange(min(bad, drawn) + 1)
            passes = list_p_values(found, drawn, length, alpha, taken_out=taken_out) <= delta
            left = (bad - found) / np.maximum(1, length - found) if taken_out else np.full(len(found), bad / length)
            wrong = passes & (left > alpha + 1e-12)
            assert stats.hypergeom.pmf(found[wrong], length, bad, drawn).sum() <= delta + 1e-12, (drawn, bad)


def test_a_list_tested_whole_passes_where_it_keeps_its_promise() -> None:
    assert list_p_values([1, 2], 100, 100, 0.01).tolist() == [0.0, 1.0]
    # Taken out, the bad ones found do not count any more.
    assert list_p_values(5, 100, 100, 0.01, taken_out=True) == 0.0


def test_without_replacement_the_same_counts_say_more() -> None:
    assert list_p_values(1, 200, 300, 0.02) < binomial_p_values(1, 200, 0.02)
    assert list_p_values(1, 200, 10**7, 0.02) == pytest.approx(binomial_p_values(1, 200, 0.02), rel=1e-3)


@given(st.integers(0, 400), st.floats(0.005, 0.5), st.floats(0.01, 0.3))
def test_most_bad_is_the_last_count_that_passes(n: int, alpha: float, delta: float) -> None:
    most = int(most_bad(n, alpha, delta))
    counts = np.arange(n + 1)
    passing = counts[binomial_p_values(counts, n, alpha) <= delta]
    assert most == (passing.max() if len(passing) else -1)


def test_the_bound_and_the_test_agree() -> None:
    for k, n in ((0, 229), (0, 230), (3, 500), (10, 10)):
        assert (binomial_upper_bound(k, n, 0.1) <= 0.01) == (binomial_p_values(k, n, 0.01) <= 0.1)
    assert binomial_upper_bound(0, 0, 0.1) == 1.0
    assert clean_points(0.01, 0.1) == 230


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: binomial_upper_bound(1, 10, 0.0), "delta"),
        (lambda: binomial_upper_bound(11, 10, 0.1), "counts"),
        (lambda: binomial_p_values(1, 10, 1.0), "alpha"),
        (lambda: binomial_p_values(-1, 10, 0.1), "counts"),
        (lambda: list_p_values(1, 11, 10, 0.1), "n cannot"),
        (lambda: list_p_values(0, 0, 0, 0.1), "population"),
        (lambda: binomial_p_values(2.9, 10, 0.1), "counts"),
        (lambda: clean_points(0.1, 2.0), "delta"),
    ],
)
def test_what_cannot_be_used_is_named(ask, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ask()
