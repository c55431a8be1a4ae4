"""Figures of the trained model: calibrators from the calibrate split, and how well it ranks the test split's pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from leastpack.model.calibration import MIN_CLASS_WEIGHT, Calibrator, fit_calibrator
from leastpack.model.losses import MAX_SHIPMENTS
from leastpack.training.validation import Columns, cross_entropy, pr_auc

Figures = dict[str, float | None]
RESAMPLES = 200
INTERVAL = (0.05, 0.95)


def calibrators(rows: Columns) -> tuple[dict[str, Calibrator], Figures]:
    """Fit both heads' calibrators.

    The risk is calibrated on the randomised audit where the calibrate split holds enough of it: human tests drawn with
    known probability, weighted by its inverse within their round, say what share of all pairs is unsafe, while shipped
    pairs were chosen by someone who avoided the fragile ones. Without an audit it is calibrated on the targets of all
    rows. The damage rate is calibrated on k of n, a pair's shipments capped as in its loss.

    Args:
        rows: Predictions for the calibrate split.

    Returns:
        A calibrator a head, and how many rows are behind each.
    """
    audit = rows["audit_weight"].astype(np.float64)
    unsafe = rows["unsafe"].astype(np.float64)
    drawn = audit > 0
    audited = bool(min(unsafe[drawn].sum(), (1.0 - unsafe[drawn]).sum()) >= MIN_CLASS_WEIGHT)
    if audited:
        weight = np.where(drawn, audit / audit[drawn].mean(), 0.0)
        risk = fit_calibrator(rows["risk_logit"], unsafe, weight)
    else:
        weight = rows["weight"].astype(np.float64)
        risk = fit_calibrator(rows["risk_logit"], rows["target"].astype(np.float64), weight)
    n, k = rows["n"].astype(np.float64), rows["k"].astype(np.float64)
    rate = fit_calibrator(rows["rate_logit"], k / np.maximum(n, 1.0), np.minimum(n, MAX_SHIPMENTS))
    figures: Figures = {
        "calibrate.risk_rows": float((weight > 0).sum()),
        "calibrate.by_audit": float(audited),
        "calibrate.damage_rate_rows": float((n > 0).sum()),
    }
    return {"risk": risk, "damage_rate": rate}, figures


def ranking_figures(
    seen: Columns, hidden: Columns, packages: Sequence[str], fitted: Mapping[str, Calibrator]
) -> Figures:
    """Figures of the test split: PR-AUC of UNSAFE with its prevalence, with photos and with photos hidden.

    Only eligible rows count, so that nothing is chosen by its outcome; an UNKNOWN label among them counts as UNSAFE.
    Nothing is re-sampled: the prevalence is natural.

    Args:
        seen: Predictions for the test split.
        hidden: The same rows predicted with all photos hidden.
        packages: `marketplace/package_type` by the number the rows carry.
        fitted: The calibrators.

    Returns:
        For each slice `test`, `test.photos` (products with a photo), `test.less_protective` and `test.<package_type>`:
        n, prevalence, pr_auc and pr_auc_photos_hidden (None where only one class is there); for `test` and
        `test.photos` also photo_gain, the difference, with its bootstrap interval over product groups (5 % to 95 %);
        and for the damage rate, its mean and what was observed a shipment.
    """
    rows = {**seen, "risk_logit_hidden": hidden["risk_logit"]}
    eligible = rows["eligible"]
    names = np.array([name.partition("/")[2] for name in packages])
    of_row = names[rows["package"]]
    slices: dict[str, npt.NDArray[np.bool_]] = {
        "test": eligible,
        "test.photos": eligible & rows["photos"],
        "test.less_protective": eligible & rows["less_protective"],
        **{f"test.{name}": eligible & (of_row == name) for name in sorted(set(names))},
    }
    figures: Figures = {"test.loss": cross_entropy(rows)}
    for name, mask in slices.items():
        figures |= {f"{name}.{key}": value for key, value in _slice(rows, mask).items()}
    for name in ("test", "test.photos"):
        figures |= {f"{name}.{key}": value for key, value in _photo_gain(rows, slices[name]).items()}
    n = rows["n"].astype(np.float64)
    if n.sum():
        predicted = fitted["damage_rate"].apply(rows["rate_logit"])
        figures["test.damage_rate_predicted"] = float((predicted * n).sum() / n.sum())
        figures["test.damage_rate_observed"] = float(rows["k"].sum() / n.sum())
    return figures


def _slice(rows: Columns, mask: npt.NDArray[np.bool_]) -> Figures:
    unsafe = rows["unsafe"][mask]
    return {
        "n": float(mask.sum()),
        "prevalence": float(unsafe.mean()) if len(unsafe) else None,
        "pr_auc": pr_auc(unsafe, rows["risk_logit"][mask]),
        "pr_auc_photos_hidden": pr_auc(unsafe, rows["risk_logit_hidden"][mask]),
    }


def _photo_gain(rows: Columns, mask: npt.NDArray[np.bool_]) -> Figures:
    """PR-AUC with photos minus PR-AUC with photos hidden, and its interval over resampled product groups."""
    unsafe, seen, hidden = (rows[name][mask] for name in ("unsafe", "risk_logit", "risk_logit_hidden"))
    whole = _difference(unsafe, seen, hidden, None)
    if whole is None:
        return {"photo_gain": None, "photo_gain_low": None, "photo_gain_high": None}
    _, group = np.unique(rows["group_key"][mask], return_inverse=True)
    groups = int(group.max()) + 1
    generator = np.random.default_rng(0)
    shares = np.full(groups, 1.0 / groups)
    # One draw at a time: all of them at once take RESAMPLES numbers a group.
    draws = (generator.multinomial(groups, shares)[group] for _ in range(RESAMPLES))
    resampled = [_difference(unsafe, seen, hidden, times.astype(np.float64)) for times in draws]
    differences = [value for value in resampled if value is not None]
    low, high = np.quantile(differences, INTERVAL) if differences else (None, None)
    return {"photo_gain": whole, "photo_gain_low": _number(low), "photo_gain_high": _number(high)}


def _difference(
    unsafe: npt.NDArray[np.bool_],
    seen: npt.NDArray[np.float64],
    hidden: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64] | None,
) -> float | None:
    with_photos, without = pr_auc(unsafe, seen, weight), pr_auc(unsafe, hidden, weight)
    return None if with_photos is None or without is None else with_photos - without


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
