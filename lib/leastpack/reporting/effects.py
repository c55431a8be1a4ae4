"""What moves the risk: words and photos, each taken away while all else stays."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student

from leastpack.model.features import ProductFeatures, build_features, hide
from leastpack.model.scorer import Scorer

WORD = re.compile(r"[^\W\d_]{3,}")
Floats = npt.NDArray[np.float64]
Encode = Callable[[list[str]], npt.NDArray[np.float32]]
PER_WORD = 12
LEAST_PRODUCTS = 8
# A watched word is shown with as few products as have an interval, and measured on as many as there are, up to this.
LEAST_WATCHED, PER_WATCHED = 2, 100


@dataclass(frozen=True)
class Effect:
    """Mean change of the risk's log-odds that something brings, with its 95 % interval over n products."""

    name: str
    n: int
    mean: float
    low: float
    high: float


def risk_logit(scorer: Scorer, features: ProductFeatures, profile: Sequence[float]) -> Floats:
    """(n,) log-odds of the calibrated risk in one package, with no void."""
    vectors = scorer.product_vectors(features)
    profiles = np.array([profile], dtype=np.float32)
    risk, _ = scorer.risks(vectors, profiles, np.zeros((len(vectors), 1), dtype=np.float32))
    clipped: Floats = np.clip(risk[:, 0], 1e-9, 1 - 1e-9)
    odds: Floats = np.log(clipped / (1 - clipped))
    return odds


def word_effects(
    products: pd.DataFrame, scorer: Scorer, encode: Encode, profile: Sequence[float], most: int, watch: Sequence[str]
) -> list[Effect]:
    """Effect of frequent words: log-odds with the word minus log-odds of the same product without it.

    Args:
        products: Rows of product_inputs.
        scorer: The model.
        encode: Texts to text vectors.
        profile: Protection profile of the package the risk is for.
        most: Words measured, the most frequent first.
        watch: Words measured in any case, where two products or more have them.

    Returns:
        Effects, the strongest rise first.
    """
    texts = products["text"].fillna("").tolist()
    holders: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        for word in set(WORD.findall(text.lower())):
            holders.setdefault(word, []).append(row)
    counts = Counter({word: len(rows) for word, rows in holders.items()})
    # A word in most products is grammar: taking it away from a few tells nothing that helps a reader.
    telling = [word for word, n in counts.most_common() if LEAST_PRODUCTS <= n <= 0.5 * len(texts)][:most]
    watched = [word for word in watch if counts[word] >= LEAST_WATCHED]
    words = list(dict.fromkeys([*watched, *telling]))
    plan = [
        (word, holders[word][i])
        for word in words
        for i in _spread(counts[word], PER_WATCHED if word in watched else PER_WORD)
    ]
    if not plan:
        return []
    chosen = products.iloc[[row for _, row in plan]]
    with_word = risk_logit(scorer, build_features(_columns(chosen), scorer.spec), profile)
    without = chosen.copy()
    without["text"] = [re.sub(rf"(?i)\b{re.escape(word)}\b", " ", texts[row]) for word, row in plan]
    without["text_vector"] = list(encode(without["text"].tolist()))
    change = with_word - risk_logit(scorer, build_features(_columns(without), scorer.spec), profile)
    names = np.array([word for word, _ in plan])
    return sorted((_effect(word, change[names == word]) for word in words), key=lambda effect: -effect.mean)


def view_effects(products: pd.DataFrame, scorer: Scorer, profile: Sequence[float]) -> tuple[list[Effect], Floats]:
    """Effect of the photos.

    Args:
        products: Rows of product_inputs; those without photos are left out.
        scorer: The model.
        profile: Protection profile of the package the risk is for.

    Returns:
        Mean absolute change of the log-odds that each view, and all photos together, bring; and (n,) signed changes
        by all photos.
    """
    seen = products[products["image_vectors"].map(len) > 0]
    if seen.empty:
        return [], np.array([])
    features = build_features(_columns(seen), scorer.spec)
    full = risk_logit(scorer, features, profile)
    never, always = np.zeros(len(seen), dtype=bool), np.ones(len(seen), dtype=bool)
    by_photos = full - risk_logit(scorer, hide(features, never, always), profile)
    effects = [_effect("all photos", np.abs(by_photos))]
    for view in range(features.image_mask.shape[1]):
        mask = features.image_mask.copy()
        mask[:, view] = False
        has = features.image_mask[:, view] & mask.any(axis=1)
        if has.sum() >= LEAST_PRODUCTS:
            less = ProductFeatures(**{**vars(features), "image_mask": mask})
            effects.append(_effect(f"photo {view + 1} alone", np.abs(full - risk_logit(scorer, less, profile))[has]))
    return effects, by_photos


def _spread(holders: int, most: int) -> npt.NDArray[np.int64]:
    """Places of at most `most` holders, spread over all of them: the first ones may be one family."""
    return np.unique(np.linspace(0, holders - 1, most).astype(np.int64))


def _columns(products: pd.DataFrame) -> dict[str, list[object]]:
    return {str(name): products[name].tolist() for name in products.columns}


def _effect(name: str, values: Floats) -> Effect:
    n, mean = len(values), float(values.mean())
    half = float(student.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n)) if n > 1 else float("inf")
    return Effect(name, n, mean, mean - half, mean + half)
