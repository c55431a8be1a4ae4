from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from leastpack.reporting.curves import paired_difference, precision_recall, reliability


def draw(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.random(n)
    return truth, random.random(n) < truth**3, np.array([f"g{i // 2}" for i in range(n)], dtype=object)


def test_the_curve_comes_with_prevalence_and_an_interval_around_it() -> None:
    risk, unsafe, group = draw(400, 1)
    curve = precision_recall(risk, unsafe, group)
    assert curve.n == 400
    assert curve.prevalence == unsafe.mean()
    assert curve.auc == pytest.approx(average_precision_score(unsafe, risk))
    assert curve.low < curve.auc < curve.high


def test_an_interval_by_group_is_wider_than_by_pair_when_groups_repeat() -> None:
    risk, unsafe, _ = draw(100, 2)
    many = [np.repeat(x, 5) for x in (risk, unsafe, np.arange(100).astype(str))]
    by_group = precision_recall(many[0], many[1], many[2].astype(object))
    by_pair = precision_recall(many[0], many[1], np.arange(500).astype(str).astype(object))
    assert by_group.high - by_group.low > 1.5 * (by_pair.high - by_pair.low)


@pytest.mark.parametrize("unsafe", [np.zeros(5, bool), np.ones(5, bool), np.zeros(0, bool)])
def test_one_class_only_has_no_average_precision(unsafe: np.ndarray) -> None:
    group = np.arange(len(unsafe)).astype(str).astype(object)
    assert precision_recall(np.linspace(0, 1, len(unsafe)), unsafe, group).auc is None


def test_a_better_risk_differs_and_the_same_does_not() -> None:
    risk, unsafe, group = draw(400, 3)
    noise = np.random.default_rng(4).random(400)
    difference, low, _ = paired_difference(risk, noise, unsafe, group)
    assert difference > 0
    assert low > 0
    assert paired_difference(risk, risk, unsafe, group) == (0.0, 0.0, 0.0)


def test_bins_hold_every_trial_and_their_exact_interval() -> None:
    predicted = np.linspace(0.01, 0.2, 50)
    trials = np.full(50, 20.0)
    bad = np.round(predicted * trials)
    bins = reliability(predicted, bad, trials, bins=5)
    assert sum(b.n for b in bins) == trials.sum()
    assert all(b.low <= b.observed <= b.high for b in bins)
    assert [b.predicted for b in bins] == sorted(b.predicted for b in bins)
    assert reliability(np.array([]), np.array([]), np.array([])) == []
