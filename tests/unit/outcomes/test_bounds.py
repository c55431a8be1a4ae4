import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from leastpack.outcomes.bounds import SAFE, UNKNOWN, UNSAFE, labels, lower_bounds, upper_bounds

counts = st.integers(0, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def label(k: int, n: int, tau: float = 0.01) -> str:
    return str(labels(lower_bounds([k], [n], 0.95), upper_bounds([k], [n], 0.95), tau)[0])


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 5), (3, 40), (7, 7), (12, 1000), (0, 299)])
def test_bounds_agree_with_the_exact_test(k, n):
    lower = binomtest(k, n, alternative="greater").proportion_ci(0.95, method="exact").low
    upper = binomtest(k, n, alternative="less").proportion_ci(0.95, method="exact").high
    assert lower_bounds([k], [n], 0.95)[0] == pytest.approx(lower, abs=1e-12)
    assert upper_bounds([k], [n], 0.95)[0] == pytest.approx(upper, abs=1e-12)


def test_labels_of_known_counts():
    assert label(1, 5) == UNSAFE
    assert label(1, 6) == UNKNOWN
    assert label(0, 299) == SAFE
    assert label(0, 298) == UNKNOWN
    assert label(0, 0) == UNKNOWN


@given(counts)
def test_bounds_enclose_the_rate(pair):
    k, n = pair
    lower, upper = lower_bounds([k], [n], 0.95)[0], upper_bounds([k], [n], 0.95)[0]
    assert 0 <= lower <= upper <= 1
    if n:
        assert lower <= k / n <= upper


@given(counts, st.floats(0.6, 0.999))
def test_bounds_rise_with_damage_and_widen_with_confidence(pair, confidence):
    k, n = pair
    for bounds in (lower_bounds, upper_bounds):
        steps = np.diff(bounds(np.arange(n + 1), np.full(n + 1, n), confidence))
        assert (steps > 0).all()
    assert lower_bounds([k], [n], confidence)[0] >= lower_bounds([k], [n], 0.9995)[0]
    assert upper_bounds([k], [n], confidence)[0] <= upper_bounds([k], [n], 0.9995)[0]


@pytest.mark.parametrize("rate", [0.002, 0.01, 0.0105, 0.08, 0.5])
@pytest.mark.parametrize("n", [5, 60, 700])
def test_each_side_covers_the_true_rate_with_the_stated_confidence(rate, n):
    k = np.arange(n + 1)
    weight = binom.pmf(k, n, rate)
    assert weight[lower_bounds(k, np.full(n + 1, n), 0.95) <= rate].sum() >= 0.95
    assert weight[upper_bounds(k, np.full(n + 1, n), 0.95) >= rate].sum() >= 0.95


@pytest.mark.parametrize(("k", "n"), [(3, 2), (-1, 4)])
def test_impossible_counts_are_refused(k, n):
    with pytest.raises(ValueError, match="0 <= k <= n"):
        lower_bounds([k], [n], 0.95)
