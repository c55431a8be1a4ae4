from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leastpack.decisions.statistics import (
    hidden_selection,
    labels_needed,
    odds,
    start_points,
)
from leastpack.policy.exact import binomial_p_values, clean_points

SHARES = st.floats(0.001, 0.3)


@given(alpha=SHARES, delta=st.floats(0.01, 0.3))
def test_clean_points_are_the_fewest_that_reject(alpha: float, delta: float) -> None:
    n = clean_points(alpha, delta)
    assert (1 - alpha) ** n <= delta * (1 + 1e-9)
    assert (1 - alpha) ** (n - 1) > delta * (1 - 1e-9)
    assert start_points(alpha, delta) == 2 * n


def test_known_counts() -> None:
    assert clean_points(0.01, 0.05) == 299  # the 299 clean shipments that prove 1 % at 95 %
    assert clean_points(0.02, 0.1) == 114


@given(n=st.integers(0, 400), share=st.floats(0, 1), alpha=SHARES)
def test_p_values_add_up_the_binomial(n: int, share: float, alpha: float) -> None:
    k = round(n * share)
    expected = sum(stats.binom.pmf(i, n, alpha) for i in range(k + 1))
    assert binomial_p_values(k, n, alpha) == pytest.approx(expected, abs=1e-9)


def test_hidden_selection_of_one_threshold_is_the_odds_ratio_of_bound_and_promise() -> None:
    n, k, alpha, delta = 2000, 20, 0.05, 0.1
    upper = stats.beta.ppf(1 - delta, k + 1, n - k)
    gamma = hidden_selection(np.array([n]), np.array([k]), 0, alpha, delta)
    assert gamma <= odds(alpha) / odds(upper) < gamma * 1.011


def test_hidden_selection_runs_through_the_whole_sequence() -> None:
    # A bad stretch early in the sequence limits Gamma although the counts at the end are better.
    n, bad_early, bad_late = np.array([400, 4000]), np.array([10, 40]), np.array([0, 40])
    assert hidden_selection(n, bad_early, 1, 0.05, 0.1) < hidden_selection(n, bad_late, 1, 0.05, 0.1)


def test_a_bound_that_just_passes_survives_no_selection() -> None:
    alpha, delta = 0.05, 0.1
    n = clean_points(alpha, delta)
    assert hidden_selection(np.array([2 * n]), np.array([1]), 0, alpha, delta) < 1.3


def test_labels_needed_reach_a_pass_at_the_observed_rate() -> None:
    n, k, alpha, delta = np.array([100]), np.array([4]), 0.06, 0.1
    more = labels_needed(n, k, alpha, delta)
    assert more is not None
    total = 100 + more
    assert binomial_p_values(np.ceil(0.04 * total), total, alpha) <= delta
    fewer = int(total * 0.8)
    assert binomial_p_values(np.ceil(0.04 * fewer), fewer, alpha) > delta


def test_labels_needed_without_any_point_are_the_start() -> None:
    assert labels_needed(np.zeros(5, int), np.zeros(5, int), 0.1, 0.1) == start_points(0.1, 0.1)


def test_no_number_of_labels_helps_above_alpha() -> None:
    assert labels_needed(np.array([10, 50]), np.array([2, 10]), 0.1, 0.1) is None


def test_labels_needed_take_the_threshold_that_needs_fewest() -> None:
    loose_only = labels_needed(np.array([400]), np.array([36]), 0.1, 0.1)
    both = labels_needed(np.array([300, 400]), np.array([6, 36]), 0.1, 0.1)
    assert loose_only is not None
    assert both is not None
    assert both < loose_only


def test_labels_needed_count_all_points_of_which_a_part_is_under_the_threshold() -> None:
    # One label in four lies under the only threshold that can pass: four are needed for each that counts.
    alone = labels_needed(np.array([100]), np.array([4]), 0.06, 0.1)
    in_four = labels_needed(np.array([100, 400]), np.array([4, 80]), 0.06, 0.1)
    assert alone is not None
    assert in_four == 4 * alone
