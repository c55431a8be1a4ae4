from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from leastpack.errors import ModelError
from leastpack.model.calibration import MAX_SLOPE, MIN_SLOPE, Calibrator, fit_calibrator


def test_slope_and_intercept_are_recovered():
    rng = np.random.default_rng(0)
    logit = rng.normal(-2, 2, size=40_000)
    target = rng.random(40_000) < expit(0.6 * logit - 1.0)
    fitted = fit_calibrator(logit, target, np.ones(40_000))
    assert fitted.slope == pytest.approx(0.6, abs=0.05)
    assert fitted.intercept == pytest.approx(-1.0, abs=0.1)


def test_counts_and_single_shipments_give_the_same_fit():
    rng = np.random.default_rng(1)
    logit, n = rng.normal(-2, 1, size=200), rng.integers(1, 60, size=200)
    k = rng.binomial(n, expit(1.5 * logit))
    by_pair = fit_calibrator(logit, k / n, n)
    outcomes = np.concatenate([np.arange(total) < bad for total, bad in zip(n, k, strict=True)])
    by_shipment = fit_calibrator(np.repeat(logit, n), outcomes, np.ones(n.sum()))
    assert by_pair.slope == pytest.approx(by_shipment.slope, abs=1e-3)
    assert by_pair.intercept == pytest.approx(by_shipment.intercept, abs=1e-3)


def test_mean_of_the_calibrated_is_the_mean_of_the_outcomes():
    rng = np.random.default_rng(2)
    logit = rng.normal(1, 1, size=5000)
    target = rng.random(5000) < 0.03 + 0.05 * (logit > 1)
    fitted = fit_calibrator(logit, target, np.ones(5000))
    assert fitted.apply(logit).mean() == pytest.approx(target.mean(), abs=2e-3)


def test_no_points_give_the_identity():
    empty = np.zeros(0)
    assert fit_calibrator(empty, empty, empty) == Calibrator(1.0, 0.0)
    assert fit_calibrator(np.array([np.nan]), np.array([2.0]), np.zeros(1)) == Calibrator(1.0, 0.0)


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_one_class_moves_the_intercept_toward_it_and_keeps_the_slope(outcome):
    logit = np.linspace(-3, 3, 500)
    fitted = fit_calibrator(logit, np.full(500, outcome), np.ones(500))
    assert fitted.slope == 1.0
    assert np.sign(fitted.intercept) == (1 if outcome else -1)
    assert abs(fitted.intercept) < 10


def test_few_points_hardly_move_the_identity():
    fitted = fit_calibrator(np.array([-1.0, 2.0]), np.array([0.0, 1.0]), np.ones(2))
    assert fitted.slope == 1.0
    assert abs(fitted.intercept) < 0.3


def test_a_head_that_ranks_backwards_still_gets_a_rising_map():
    logit = np.linspace(-3, 3, 1000)
    fitted = fit_calibrator(logit, logit < 0, np.ones(1000))
    assert fitted.slope == pytest.approx(MIN_SLOPE)


def test_separable_points_stay_within_bounds():
    logit = np.concatenate([np.full(500, -0.01), np.full(500, 0.01)])
    fitted = fit_calibrator(logit, logit > 0, np.ones(1000))
    assert 1 < fitted.slope <= MAX_SLOPE


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(0, 1), st.floats(0, 1e4)), max_size=60))
def test_p5_any_points_give_a_strictly_rising_map_of_finite_numbers(points):
    logit, target, weight = np.array(points).reshape(-1, 3).T
    fitted = fit_calibrator(logit, target, weight)
    # The widest range over which float64 can still tell neighbours apart at every slope allowed.
    probability = fitted.apply((np.linspace(-25, 5, 1000) - fitted.intercept) / fitted.slope)
    assert (np.diff(probability) > 0).all()
    assert ((probability >= 0) & (probability <= 1)).all()


def test_wrong_points_are_refused():
    fine = np.array([0.5])
    for logit, target, weight in ((np.array([np.nan]), fine, fine), (fine, np.array([1.5]), fine), (fine, fine, -fine)):
        with pytest.raises(ModelError, match="calibration"):
            fit_calibrator(logit, target, weight)


@pytest.mark.parametrize("slope", [0.0, -1.0, float("nan"), float("inf")])
def test_a_calibrator_that_does_not_rise_cannot_exist(slope):
    with pytest.raises(ModelError, match="calibrator"):
        Calibrator(slope, 0.0)
