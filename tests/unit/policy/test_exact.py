"""Exact tests hold their level: checked by enumeration, not by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leastpack.errors import InputError
from leastpack.policy.exact import (
    binomial_p_values,
    binomial_upper_bound,
    clean_points,
    list_p_values,
    list_upper_bound,
    most_bad,
)


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
            passes = list_p_values(found, drawn, length, alpha, found if taken_out else 0) <= delta
            left = (bad - found) / np.maximum(1, length - found) if taken_out else np.full(len(found), bad / length)
            wrong = passes & (left > alpha + 1e-12)
            assert stats.hypergeom.pmf(found[wrong], length, bad, drawn).sum() <= delta + 1e-12, (drawn, bad)


@pytest.mark.parametrize("alpha", [0.05, 0.3])
def test_it_holds_whichever_of_the_bad_ones_found_leave_the_list(alpha: float) -> None:
    """Missing results count as bad and stay: how many, an opponent may choose who sees what was found."""
    delta, length = 0.1, 15
    for drawn in range(1, length + 1):
        for bad in range(length + 1):
            wrong = 0.0
            for found in range(min(bad, drawn) + 1):
                out = np.arange(found + 1)
                passes = list_p_values(found, drawn, length, alpha, out) <= delta
                broken = (bad - out) / np.maximum(1, length - out) > alpha + 1e-12
                wrong += float(stats.hypergeom.pmf(found, length, bad, drawn)) * bool((passes & broken).any())
            assert wrong <= delta + 1e-12, (drawn, bad)


@given(st.integers(1, 60), st.data())
def test_the_bound_of_a_list_and_its_test_agree(length: int, data: st.DataObject) -> None:
    drawn = data.draw(st.integers(1, length))
    found = data.draw(st.integers(0, drawn))
    out = data.draw(st.integers(0, min(found, length - 1)))
    alpha, delta = data.draw(st.floats(0.02, 0.6)), 0.1
    passes = list_p_values(found, drawn, length, alpha, out) <= delta
    assert passes == (list_upper_bound(found, drawn, length, delta, out) <= alpha + 1e-9)


def test_a_list_tested_whole_passes_where_it_keeps_its_promise() -> None:
    assert list_p_values([1, 2], 100, 100, 0.01).tolist() == [0.0, 1.0]
    # Taken out, the bad ones found do not count any more.
    assert list_p_values(5, 100, 100, 0.01, 5) == 0.0


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
