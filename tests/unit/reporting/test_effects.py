"""Effects of words and photos on a scorer whose answer is known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from leastpack.model.features import NUMERIC, ProductFeatures
from leastpack.model.spec import ModelSpec
from leastpack.reporting.effects import view_effects, word_effects

SPEC = ModelSpec(
    text_dim=2, image_dim=3, marketplaces=("NA",), attributes=("rigidity",), knots=(0.0, 1.0), hash_buckets=8,
    hash_dim=2, hidden=4, vector=1, dropout=0.0, text_encoder="t", image_encoder="i", tau=0.01,
)  # fmt: skip


def scorer() -> Any:
    """Log-odds = first number of the text vector + mean of the visible photos' first numbers."""

    def product_vectors(features: ProductFeatures) -> np.ndarray:
        seen = features.image_mask.sum(axis=1)
        photos = (features.images[:, :, 0] * features.image_mask).sum(axis=1) / np.maximum(seen, 1)
        return (features.text[:, 0] * features.text_present + photos)[:, None]

    def risks(vectors: np.ndarray, profiles: np.ndarray, void: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        risk = 1 / (1 + np.exp(-vectors.astype(float))) * np.ones((1, len(profiles)))
        return risk, risk

    return SimpleNamespace(spec=SPEC, product_vectors=product_vectors, risks=risks)


def encode(texts: list[str]) -> np.ndarray:
    """Glass adds 2 to the log-odds and towel takes 1 away."""
    value = [2.0 * ("glass" in text.lower()) - ("towel" in text.lower()) for text in texts]
    return np.array([[v, 0.0] for v in value], dtype=np.float32)


def products(photos: list[list[list[float]]]) -> pd.DataFrame:
    texts = ["Glass jar", "big glass vase", "soft towel", "blue towel set", "steel spoon"] * 8
    frame = pd.DataFrame({"text": texts, "marketplace": "NA", **dict.fromkeys(NUMERIC, 5)})
    frame["text_vector"] = list(encode(texts))
    frame["image_vectors"] = [photos[i % len(photos)] for i in range(len(frame))]
    return frame


def test_words_get_the_effect_they_have_and_only_that() -> None:
    found = {effect.name: effect for effect in word_effects(products([[]]), scorer(), encode, [0.5], 50, ["spoon"])}
    assert found["glass"].mean == pytest.approx(2.0, abs=1e-5)
    assert found["towel"].mean == pytest.approx(-1.0, abs=1e-5)
    assert found["spoon"].mean == pytest.approx(0.0, abs=1e-6)
    assert found["glass"].n == 12


def test_no_words_have_no_effects() -> None:
    assert word_effects(products([[]]).head(3), scorer(), encode, [0.5], 50, ["spoon", "soft"]) == []


def test_a_watched_word_is_measured_on_two_products_and_on_all_there_are() -> None:
    few = word_effects(products([[]]).head(3), scorer(), encode, [0.5], 50, ["glass"])
    assert [(effect.name, effect.n) for effect in few] == [("glass", 2)]
    many = {e.name: e for e in word_effects(products([[]]), scorer(), encode, [0.5], 50, ["glass"])}
    assert many["glass"].n == 16
    assert many["towel"].n == 12


def test_views_get_the_effect_they_have() -> None:
    effects, by_photos = view_effects(products([[[3.0, 0, 0], [1.0, 0, 0]], []]), scorer(), [0.5])
    named = {effect.name: effect for effect in effects}
    assert len(by_photos) == 20
    np.testing.assert_allclose(by_photos, 2.0, atol=1e-5)
    assert named["all photos"].mean == pytest.approx(2.0, abs=1e-5)
    assert named["photo 1 alone"].mean == pytest.approx(1.0, abs=1e-5)
    assert view_effects(products([[]]), scorer(), [0.5])[0] == []


def test_an_effect_has_the_95_percent_interval_of_its_mean() -> None:
    firsts = [3.0, 1.0, 2.0, 0.5, 4.0, 0.1, 2.5, 1.5]
    (effect,) = view_effects(products([[[first, 0, 0]] for first in firsts]), scorer(), [0.5])[0]
    expected = stats.ttest_1samp(firsts * 5, 0.0).confidence_interval(0.95)
    assert effect.n == 40
    assert effect.mean == pytest.approx(np.mean(firsts), abs=1e-4)
    assert (effect.low, effect.high) == pytest.approx((expected.low, expected.high), abs=1e-4)
