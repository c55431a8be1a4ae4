"""Predictions for a part of the snapshot, and the figures that choose the epoch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from leastpack.model.features import hide
from leastpack.model.fused import FusedModel
from leastpack.training.reader import PartReader
from leastpack.training.rows import Batch
from leastpack.training.step import predict
from leastpack.training.workers import Workers

Columns = dict[str, npt.NDArray[Any]]
GATHERED = ("risk_logit", "target", "weight", "unsafe", "eligible")


def predict_part(model: FusedModel, reader: PartReader, *, hide_photos: bool = False) -> Columns:
    """What is known of the pairs of a part, in order, and their logits of both heads.

    Args:
        model: The model; it is left in evaluation mode.
        reader: The part; only scalars are kept of its pairs.
        hide_photos: Predict as if no product had a photo.

    Returns:
        The fields of the pairs, `photos` (the product has one), `risk_logit` and `rate_logit`.
    """
    model.eval()
    parts = [_predicted(model, batch, hide_photos=hide_photos) for batch in reader.in_order()]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def validate(model: FusedModel, reader: PartReader, workers: Workers) -> dict[str, float]:
    """Figures of the validation split; every process computes its share and gets the same answer.

    Returns:
        validation_loss (weighted cross-entropy of the risk, nats a pair), validation_pairs, and where the eligible
        pairs have both classes: validation_pr_auc of UNSAFE at natural prevalence, and validation_prevalence.
    """
    model.eval()
    own = np.zeros((0, len(GATHERED)))
    for batch in reader.in_order(workers.rank, workers.size):
        part = _predicted(model, batch, hide_photos=False)
        own = np.concatenate([own, np.stack([part[name].astype(np.float64) for name in GATHERED], axis=1)])
    rows = dict(zip(GATHERED, workers.gather("validation", own).T, strict=True))
    figures = {"validation_loss": cross_entropy(rows), "validation_pairs": float((rows["weight"] > 0).sum())}
    eligible = rows["eligible"] > 0
    area = pr_auc(rows["unsafe"][eligible] > 0, rows["risk_logit"][eligible])
    if area is not None:
        figures |= {"validation_pr_auc": area, "validation_prevalence": float(rows["unsafe"][eligible].mean())}
    return figures


def validation_score(figures: Mapping[str, float]) -> float | None:
    """What chooses the epoch, higher is better: PR-AUC of UNSAFE, else minus the loss, else nothing.

    What matters later is how pairs are ranked, for calibrators mend the scale. The plain loss punishes a scale that is
    too steep and stops too early: on the demo's kind of data it cost 0.04 of PR-AUC against the truth.

    Args:
        figures: What `validate` returned; empty where there is nothing to validate on.
    """
    if "validation_pr_auc" in figures:
        return figures["validation_pr_auc"]
    return -figures["validation_loss"] if "validation_loss" in figures else None


def cross_entropy(rows: Columns) -> float:
    """Weighted cross-entropy of the risk logits against the targets, in nats a pair."""
    logit, target, weight = (rows[name].astype(np.float64) for name in ("risk_logit", "target", "weight"))
    losses = np.logaddexp(0.0, logit) - target * logit
    return float((weight * losses).sum() / max(float(weight.sum()), 1e-12))


def pr_auc(
    unsafe: npt.NDArray[np.bool_], score: npt.NDArray[Any], weight: npt.NDArray[Any] | None = None
) -> float | None:
    """Area under precision-recall (average precision) of UNSAFE; None unless both classes are there."""
    counted = unsafe if weight is None else unsafe[weight > 0]
    if not counted.any() or counted.all():
        return None
    return float(average_precision_score(unsafe, score, sample_weight=weight))


def _predicted(model: FusedModel, batch: Batch, *, hide_photos: bool) -> Columns:
    photos = batch.features.image_mask.any(axis=1)[batch.product]
    shown = _without_photos(batch) if hide_photos else batch
    risk, rate = predict(model, shown)
    return {**batch.pairs, "photos": photos, "risk_logit": risk, "rate_logit": rate}


def _without_photos(batch: Batch) -> Batch:
    nobody, everybody = np.zeros(len(batch), dtype=bool), np.ones(len(batch), dtype=bool)
    return dataclasses.replace(batch, features=hide(batch.features, nobody, everybody))
