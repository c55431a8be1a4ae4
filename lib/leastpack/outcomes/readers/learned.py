"""A reader of damage learned from what came back: logistic regression over hashed words and character n-grams.

Comments of returns come with reason codes, and reviews name shipments that came back or did not, so that nobody has to
label texts. What the reader is worth is told by texts that it has not seen: those of each month by a regression that
was fitted on other months.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from leastpack.errors import InputError
from leastpack.ngrams import hashed_bags
from leastpack.outcomes.readers.labelled import Labelled
from leastpack.outcomes.readers.reader import ANY_LANGUAGE, Flags, Texts

Floats = npt.NDArray[np.float64]
Calibration = tuple[float, float]

BUCKETS = 2**17
MOST_FOLDS = 5
# Texts of each kind that a calibration of a language's own asks for.
LEAST_OF_A_KIND = 50
# Inverse strength of the penalty: texts are unit vectors, so that weights have to be large.
_SOFTNESS = 10.0
_WEAK_PENALTY = 1e3


@dataclass(frozen=True)
class Learned:
    """A fitted reader.

    Attributes:
        weights: (1 + f, BUCKETS) weight of each hashed word or n-gram: by the regression on all texts, then by those on
            all but the texts of a fold.
        folds: Month to the row of weights that was fitted without it.
        calibrations: Language to slope and intercept of P(came back for damage) in the sum of weights; always has
            ANY_LANGUAGE.
    """

    weights: npt.NDArray[np.float32]
    folds: Mapping[str, int]
    calibrations: Mapping[str, Calibration]

    @property
    def digest(self) -> str:
        """Names what it reads; equal of equal readers."""
        told = json.dumps([sorted(self.folds.items()), sorted(self.calibrations.items())]).encode()
        return hashlib.sha256(self.weights.astype("<f4").tobytes() + told).hexdigest()[:16]

    def probabilities(self, texts: Texts, languages: Sequence[str], months: Texts) -> Floats:
        """P(came back for damage) of what each review speaks of.

        A text of a month that was learned from is read by the regression that does not know the month. One that does
        has learned by heart that damage which nobody sent back is none.

        Args:
            texts: (m,) texts; of none the probability is 0.
            languages: (m,) names of languages; of one without a calibration of its own that of all is taken.
            months: (m,) month told, yyyy-MM.

        Returns:
            (m,) probabilities.
        """
        rows = [self.folds.get(month or "", 0) for month in months]
        sums = (_features(texts) @ self.weights.T.astype(np.float64))[np.arange(len(texts)), rows]
        told = np.array([bool(text and text.strip()) for text in texts], dtype=bool)
        return np.where(told, _calibrated(sums, languages, self.calibrations), 0.0)


@dataclass(frozen=True)
class Fitted:
    """A reader, and what it says of texts that it has not seen.

    Attributes:
        learned: The reader.
        held_out: (m,) the probability of each text, by a regression that was fitted without the text's month.
        last_month: (m,) that of each text since the last month of reviews, by a reader of the months before; NaN
            elsewhere. Without reviews it is the last month of all texts.
    """

    learned: Learned
    held_out: Floats
    last_month: Floats


def fit_learned(labelled: Labelled) -> Fitted:
    """Fit a reader, cross-fitted by month.

    Months are dealt to at most MOST_FOLDS folds in turn. Each fold's sums of weights come from a regression on the
    others; the calibrations are fitted on the sums of reviews (Platt 1999), by language where there are LEAST_OF_A_KIND
    of each kind, or on all texts where there are not as many reviews.

    Raises:
        InputError: There are fewer than three months, or a kind of text is in too few of them.
    """
    damage, is_review = labelled.damage, labelled.is_review
    distinct, place = np.unique(labelled.months, return_inverse=True)
    last = place >= place[is_review if is_review.any() else ...].max()
    dealt = np.arange(len(distinct)) % min(MOST_FOLDS, len(distinct))
    folds = dealt[place]
    before = place % min(MOST_FOLDS, max(len(distinct) - 1, 1))
    _require_both_kinds(damage, len(distinct), [folds != one for one in np.unique(folds)])
    _require_both_kinds(damage, len(distinct), [~last & (before != one) for one in np.unique(before[~last])] or [~last])
    features = _features(labelled.texts)
    named = np.array(labelled.languages, dtype=object)
    weights, sums, calibrations = _cross_fit(features, damage, named, is_review, folds)
    rows = np.stack([_regression(features, damage), *weights]).astype(np.float32)
    own = {str(month): 1 + int(fold) for month, fold in zip(distinct, dealt, strict=True)}
    learned = Learned(rows, own, calibrations)
    # What is told of the last month knows nothing of it, calibrations included.
    _, _, earlier = _cross_fit(features[~last], damage[~last], named[~last], is_review[~last], before[~last])
    last_sums = features[last] @ _regression(features[~last], damage[~last])
    last_month = np.full(len(damage), np.nan)
    last_month[last] = _calibrated(last_sums, list(named[last]), earlier)
    return Fitted(learned, _calibrated(sums, list(named), calibrations), last_month)


def _require_both_kinds(damage: Flags, months: int, parts: Sequence[Flags]) -> None:
    if all(damage[part].any() and not damage[part].all() for part in parts):
        return
    raise InputError(
        "texts of damage, or texts of anything else, are of too few months to learn from",
        expected="both kinds in three months or more",
        found=f"{months} months, {np.count_nonzero(damage):,} of {len(damage):,} texts of damage",
    )


def _cross_fit(
    features: csr_matrix,
    damage: Flags,
    languages: npt.NDArray[np.object_],
    is_review: Flags,
    folds: npt.NDArray[np.intp],
) -> tuple[list[Floats], Floats, dict[str, Calibration]]:
    """By fold the weights without it; (m,) sums of these weights; and the calibrations of these sums."""
    weights, sums = [], np.empty(len(damage))
    for one in np.unique(folds):
        held = folds == one
        weights.append(_regression(features[~held], damage[~held]))
        sums[held] = features[held] @ weights[-1]
    told = is_review if _has_enough(damage[is_review]) else np.ones(len(damage), dtype=bool)
    found = {ANY_LANGUAGE: _calibration(sums[told], damage[told])}
    for language in sorted(set(languages) - {ANY_LANGUAGE}):
        own = told & (languages == language)
        if _has_enough(damage[own]):
            found[language] = _calibration(sums[own], damage[own])
    return weights, sums, found


def _has_enough(damage: Flags) -> bool:
    return min(np.count_nonzero(damage), np.count_nonzero(~damage)) >= LEAST_OF_A_KIND


def _features(texts: Texts) -> csr_matrix:
    """(m, BUCKETS) a unit vector a text, as high in each of its words and n-grams."""
    ids, starts = hashed_bags(texts, BUCKETS)
    ends = np.append(starts, len(ids))
    counts = np.diff(ends)
    values = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts)
    return csr_matrix((values, ids, ends), shape=(len(texts), BUCKETS))


def _regression(features: csr_matrix, damage: Flags) -> Floats:
    """(BUCKETS,) weights; the intercept is left to the calibration."""
    used = np.unique(features.indices)
    model = LogisticRegression(C=_SOFTNESS, solver="liblinear", max_iter=1000, random_state=0)
    weights = np.zeros(BUCKETS)
    weights[used] = model.fit(features[:, used], damage).coef_[0]
    return weights


def _calibration(sums: Floats, damage: Flags) -> Calibration:
    model = LogisticRegression(C=_WEAK_PENALTY, solver="lbfgs", max_iter=1000).fit(sums[:, None], damage)
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def _calibrated(sums: Floats, languages: Sequence[str], calibrations: Mapping[str, Calibration]) -> Floats:
    every = calibrations[ANY_LANGUAGE]
    lines = np.array([calibrations.get(language, every) for language in languages]).reshape(-1, 2)
    found: Floats = expit(lines[:, 0] * sums + lines[:, 1])
    return found
