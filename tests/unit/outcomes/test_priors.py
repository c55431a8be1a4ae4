import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, betabinom

from leastpack.outcomes.priors import BetaPrior, credibility, fit_pool, fit_type, posterior_unsafe

POOL = BetaPrior(0.4, 19.6)


def histogram(k, n):
    cells, pairs = np.unique(np.stack([k, n]), axis=1, return_counts=True)
    return cells[0].astype(float), cells[1].astype(float), pairs.astype(float)


def draw(a, b, pairs, seed):
    random = np.random.default_rng(seed)
    n = random.geometric(1 / 40, pairs)
    return random.binomial(n, random.beta(a, b, pairs)), n


@pytest.mark.parametrize(("a", "b"), [(0.5, 30.0), (2.0, 60.0), (1.0, 9.0)])
def test_fit_recovers_the_distribution_of_rates(a, b):
    prior = fit_pool(*histogram(*draw(a, b, 40_000, seed=3)), 0.01)
    assert prior.mean == pytest.approx(a / (a + b), rel=0.05)
    assert prior.concentration == pytest.approx(a + b, rel=0.15)


def test_fit_is_the_highest_point_of_the_likelihood():
    k, n = draw(0.6, 25.0, 5_000, seed=5)
    prior = fit_pool(*histogram(k, n), 0.01)
    best = betabinom.logpmf(k, n, prior.a, prior.b).sum()
    for mean, concentration in [(1.1, 1.0), (0.9, 1.0), (1.0, 1.25), (1.0, 0.8)]:
        m, c = prior.mean * mean, prior.concentration * concentration
        assert betabinom.logpmf(k, n, m * c, (1 - m) * c).sum() < best


def test_a_type_without_pairs_takes_the_pool():
    nothing = np.empty(0)
    prior = fit_type(nothing, nothing, nothing, POOL)
    assert (prior.a, prior.b) == pytest.approx((POOL.a, POOL.b))


def test_a_type_leaves_the_pool_as_its_data_grow():
    def mean_after(pairs):
        return fit_type(*histogram(*draw(3.0, 27.0, pairs, seed=9)), POOL).mean

    assert POOL.mean < mean_after(2) < mean_after(2_000)
    assert mean_after(2_000) == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("damaged", [0.0, 1.0])
def test_fit_stays_finite_where_everything_or_nothing_breaks(damaged):
    n = np.array([1.0, 10.0, 200.0])
    prior = fit_pool(damaged * n, n, np.array([50.0, 20.0, 5.0]), 0.01)
    assert 0 < prior.mean < 1
    assert np.isfinite(prior.concentration)
    assert abs(prior.mean - damaged) < 0.05


def test_no_pairs_at_all_leans_to_neither_side_of_the_threshold():
    nothing = np.empty(0)
    assert fit_pool(nothing, nothing, nothing, 0.02).mean == pytest.approx(0.02)


def test_posterior_is_the_share_of_unsafe_pairs_among_those_with_the_same_counts():
    random = np.random.default_rng(1)
    rate = random.beta(POOL.a, POOL.b, 400_000)
    k = random.binomial(30, rate)
    for damaged in (0, 1, 2):
        share = (rate[k == damaged] > 0.01).mean()
        assert posterior_unsafe([damaged], [30], POOL.a, POOL.b, 0.01)[0] == pytest.approx(share, abs=0.01)


@given(st.integers(1, 500), st.floats(0.05, 5), st.floats(1, 200), st.floats(0.001, 0.2))
def test_posterior_rises_with_damage_and_starts_from_the_prior(n, a, b, threshold):
    k = np.arange(n + 1)
    assert (np.diff(posterior_unsafe(k, np.full(n + 1, n), a, b, threshold)) >= -1e-12).all()
    assert posterior_unsafe([0], [0], a, b, threshold)[0] == pytest.approx(beta.sf(threshold, a, b), abs=1e-9)


def test_credibility_is_half_where_shipments_match_the_prior():
    assert credibility([0, 20, 10**7], POOL.a, POOL.b) == pytest.approx([0, 0.5, 1], abs=1e-5)
