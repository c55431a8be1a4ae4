"""Calibrators and test figures on made-up predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import average_precision_score

from leastpack.training.evaluation import calibrators, ranking_figures
from leastpack.training.validation import cross_entropy, pr_auc

PACKAGES = ("EU/bag", "NA/bag", "NA/box")


def rows(n: int = 3000, seed: int = 0) -> dict[str, Any]:
    """Predictions whose logits are twice too steep and one too high; the last tenth counts for nothing."""
    r = np.random.default_rng(seed)
    true = r.normal(-1.5, 1.5, n)
    unsafe = r.random(n) < expit(true)
    real = np.arange(n) < 0.9 * n
    shipped = np.where(real, r.integers(0, 200, n), 0)
    return {
        "risk_logit": 2 * true + 1,
        "rate_logit": true - 2,
        "target": np.clip(unsafe + 0.0, 0.02, 0.98),
        "weight": real * 1.0,
        "n": shipped,
        "k": r.binomial(shipped, expit(true - 2)),
        "unsafe": unsafe & real,
        "eligible": real & (r.random(n) < 0.8),
        "less_protective": r.random(n) < 0.2,
        "photos": r.random(n) < 0.7,
        "audit_weight": np.where(real & (r.random(n) < 0.3), 4.0, 0.0),
        "package": np.arange(n) % 3,
        "group_key": np.arange(n) // 3,
    }


def test_calibrators_undo_a_steep_and_shifted_logit_and_leave_a_right_one() -> None:
    fitted, figures = calibrators(rows(20_000))
    assert fitted["risk"].slope == pytest.approx(0.5, abs=0.05)
    assert fitted["risk"].intercept == pytest.approx(-0.5, abs=0.1)
    assert fitted["damage_rate"].slope == pytest.approx(1.0, abs=0.05)
    assert fitted["damage_rate"].intercept == pytest.approx(0.0, abs=0.1)
    assert figures["calibrate.by_audit"] == 1


def test_the_risk_is_calibrated_on_the_audit_where_shipped_pairs_were_chosen() -> None:
    given = rows(20_000)
    audited = given["audit_weight"] > 0
    # Someone shipped only what was safe: targets outside the audit say nothing of the rest.
    biased = {**given, "target": np.where(audited, given["target"], 0.0)}
    by_audit, _ = calibrators(biased)
    without, figures = calibrators({**biased, "audit_weight": np.zeros(20_000)})
    assert by_audit["risk"].intercept == pytest.approx(-0.5, abs=0.15)
    assert without["risk"].intercept < -1
    assert figures["calibrate.by_audit"] == 0
    assert figures["calibrate.risk_rows"] == 18_000


def test_every_audited_pair_counts_by_how_seldom_its_like_was_drawn() -> None:
    given = rows(20_000)
    # A draw that was four times as likely to find an unsafe pair, and told so.
    probability = np.where(given["unsafe"], 0.8, 0.2)
    drawn = (given["weight"] > 0) & (np.random.default_rng(1).random(20_000) < probability)
    fitted, figures = calibrators({**given, "audit_weight": np.where(drawn, 1 / probability, 0.0)})
    assert figures["calibrate.by_audit"] == 1
    assert fitted["risk"].slope == pytest.approx(0.5, abs=0.05)
    assert fitted["risk"].intercept == pytest.approx(-0.5, abs=0.15)  # log 4 more where all drawn pairs count alike


def test_too_small_an_audit_is_not_relied_on() -> None:
    given = rows()
    few = np.flatnonzero((given["audit_weight"] > 0) & given["unsafe"])[:5]
    audit = np.zeros(3000)
    audit[few] = 4.0
    assert calibrators({**given, "audit_weight": audit})[1]["calibrate.by_audit"] == 0


def test_pairs_that_are_not_eligible_change_no_ranking_figure() -> None:
    given = rows()
    hidden = {**given, "risk_logit": given["risk_logit"] * 0.0}
    fitted, _ = calibrators(given)
    figures = ranking_figures(given, hidden, PACKAGES, fitted)
    outside = ~given["eligible"]
    changed = {**given, "risk_logit": np.where(outside, 99.0, given["risk_logit"])}
    again = ranking_figures(changed, hidden, PACKAGES, fitted)
    assert {k: v for k, v in figures.items() if k != "test.loss"} == {
        k: v for k, v in again.items() if k != "test.loss"
    }
    eligible = given["eligible"]
    assert figures["test.n"] == eligible.sum()
    assert figures["test.prevalence"] == pytest.approx(given["unsafe"][eligible].mean())
    expected = average_precision_score(given["unsafe"][eligible], given["risk_logit"][eligible])
    assert figures["test.pr_auc"] == pytest.approx(expected)
    bags = eligible & (given["package"] != 2)
    assert figures["test.bag.n"] == bags.sum()
    assert figures["test.less_protective.n"] == (eligible & given["less_protective"]).sum()


def test_the_gain_of_photos_has_an_interval_that_knows_of_groups() -> None:
    given = rows()
    fitted, _ = calibrators(given)
    noise = np.random.default_rng(1).normal(size=3000) * 2
    weaker = {**given, "risk_logit": given["risk_logit"] + noise}
    gain = ranking_figures(given, weaker, PACKAGES, fitted)
    assert 0 < gain["test.photo_gain_low"] < gain["test.photo_gain"] < gain["test.photo_gain_high"]  # type: ignore[operator]
    none = ranking_figures(given, given, PACKAGES, fitted)
    assert none["test.photo_gain"] == none["test.photo_gain_low"] == none["test.photo_gain_high"] == 0
    wide = ranking_figures({**given, "group_key": np.arange(3000) % 20}, weaker, PACKAGES, fitted)
    assert wide["test.photo_gain"] == gain["test.photo_gain"]
    assert wide["test.photo_gain_low"] != gain["test.photo_gain_low"]


def test_the_damage_rate_is_compared_with_what_was_observed_a_shipment() -> None:
    given = rows(20_000)
    fitted, _ = calibrators(given)
    figures = ranking_figures(given, given, PACKAGES, fitted)
    assert figures["test.damage_rate_observed"] == pytest.approx(given["k"].sum() / given["n"].sum())
    assert figures["test.damage_rate_predicted"] == pytest.approx(figures["test.damage_rate_observed"], rel=0.05)


def test_one_class_has_no_pr_auc() -> None:
    score = np.arange(4.0)
    assert pr_auc(np.ones(4, dtype=bool), score) is None
    assert pr_auc(np.zeros(4, dtype=bool), score) is None
    assert pr_auc(np.zeros(0, dtype=bool), score[:0]) is None
    assert pr_auc(np.array([True, False, False, False]), score, np.array([0.0, 1, 1, 1])) is None
    assert pr_auc(np.array([False, False, False, True]), score) == 1.0


def test_cross_entropy_is_the_weighted_mean_in_nats() -> None:
    given = {
        "risk_logit": np.array([0.0, 2.0, 50.0]),
        "target": np.array([0.5, 1.0, 0.0]),
        "weight": np.array([1.0, 3.0, 0.0]),
    }
    assert cross_entropy(given) == pytest.approx((np.log(2) + 3 * np.log1p(np.exp(-2))) / 4)
