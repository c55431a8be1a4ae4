"""The one place that turns a product's fields into the arrays the model reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leastpack.errors import ModelError
from leastpack.model.spec import ModelSpec
from leastpack.ngrams import hashed_bags, hashed_ids

__all__ = ["NUMERIC", "ProductFeatures", "build_features", "hashed_ids", "hide"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Values = Sequence[Any] | npt.NDArray[Any]

NUMERIC = ("length_bucket", "width_bucket", "height_bucket", "weight_bucket", "price_bucket")
"""Columns of `numeric`, in order; 0 means unknown."""


@dataclass(frozen=True)
class ProductFeatures:
    """n products as arrays. What a mask or flag hides is never read.

    Attributes:
        text: float32 (n, T) text vectors.
        text_present: bool (n,) a text vector is there.
        images: float32 (n, V, I) photo vectors, V >= 1 the most views of any product here.
        image_mask: bool (n, V) a photo vector is there.
        ngram_ids: int64 (total,) hashed words and n-grams of all products.
        ngram_offsets: int64 (n,) where each product's ids start.
        numeric: int64 (n, 5) buckets in the order of `NUMERIC`, 0 unknown.
        marketplace: int64 (n,) 1 + place in the spec's marketplaces, 0 unknown.
    """

    text: Floats
    text_present: Bools
    images: Floats
    image_mask: Bools
    ngram_ids: Ints
    ngram_offsets: Ints
    numeric: Ints
    marketplace: Ints

    def __len__(self) -> int:
        return len(self.marketplace)

    def rows(self, start: int, stop: int) -> ProductFeatures:
        """The products from `start` up to, not including, `stop`; views on the same memory where possible."""
        ends = np.append(self.ngram_offsets, len(self.ngram_ids))
        stop = min(stop, len(self))
        return ProductFeatures(
            text=self.text[start:stop],
            text_present=self.text_present[start:stop],
            images=self.images[start:stop],
            image_mask=self.image_mask[start:stop],
            ngram_ids=self.ngram_ids[ends[start] : ends[stop]],
            ngram_offsets=self.ngram_offsets[start:stop] - ends[start],
            numeric=self.numeric[start:stop],
            marketplace=self.marketplace[start:stop],
        )


def build_features(columns: Mapping[str, Values], spec: ModelSpec) -> ProductFeatures:
    """Arrays from the columns of `product_inputs`.

    Args:
        columns: `text`, `text_vector`, `image_vectors`, the columns of `NUMERIC` and `marketplace`, n values each;
            others are ignored. A text vector is a list or array of T numbers or None; image vectors are None, a list
            of vectors, an array (views, I), or one flat array of views x I numbers; float16 is fine. A vector with a
            number that is not finite counts as absent. None and NaN buckets are unknown.
        spec: The model the features are for.

    Returns:
        The features of the n products, in order.

    Raises:
        ModelError: A column is missing, columns differ in length, or a vector is not of the encoder's length.
    """
    needed = ("text", "text_vector", "image_vectors", *NUMERIC, "marketplace")
    missing = [name for name in needed if name not in columns]
    if missing:
        raise ModelError("model inputs lack columns", expected=", ".join(needed), found=f"no {', '.join(missing)}")
    lengths = {name: len(columns[name]) for name in needed}
    if len(set(lengths.values())) != 1:
        raise ModelError("columns of model inputs differ in length", expected="one value a product", found=str(lengths))
    text, text_present = _text_vectors(columns["text_vector"], spec)
    images, image_mask = _image_vectors(columns["image_vectors"], spec)
    texts = [value if isinstance(value, str) else None for value in columns["text"]]  # pandas has NaN for none
    ids, offsets = hashed_bags(texts, spec.hash_buckets)
    places = {name: place for place, name in enumerate(spec.marketplaces, start=1)}
    return ProductFeatures(
        text=text,
        text_present=text_present,
        images=images,
        image_mask=image_mask,
        ngram_ids=ids,
        ngram_offsets=offsets,
        numeric=np.stack([_buckets(columns[name]) for name in NUMERIC], axis=1),
        marketplace=np.array([places.get(name, 0) for name in columns["marketplace"]], dtype=np.int64),
    )


def hide(features: ProductFeatures, hide_text: Bools, hide_images: Bools) -> ProductFeatures:
    """Hide whole modalities of some products, as training does to get the model used to missing ones.

    Args:
        features: n products.
        hide_text: bool (n,) hide the text vector and the n-grams together.
        hide_images: bool (n,) hide all photos.

    Returns:
        The features of the same products; the vectors stay in memory and are masked.
    """
    counts = np.diff(np.append(features.ngram_offsets, len(features.ngram_ids)))
    kept = np.where(hide_text, 0, counts)
    return dataclasses.replace(
        features,
        text_present=features.text_present & ~hide_text,
        image_mask=features.image_mask & ~hide_images[:, None],
        ngram_ids=features.ngram_ids[np.repeat(~hide_text, counts)],
        ngram_offsets=np.cumsum(kept) - kept,
    )


def _text_vectors(values: Values, spec: ModelSpec) -> tuple[Floats, Bools]:
    vectors = np.zeros((len(values), spec.text_dim), dtype=np.float32)
    present = np.zeros(len(values), dtype=bool)
    for row, value in enumerate(values):
        if value is None or len(value) == 0:
            continue
        vector = np.asarray(value, dtype=np.float32)
        if vector.shape != (spec.text_dim,):
            raise _wrong_length("text", spec.text_dim, spec.text_encoder, vector.shape)
        present[row] = np.isfinite(vector).all()
        vectors[row] = vector if present[row] else 0.0
    return vectors, present


def _image_vectors(values: Values, spec: ModelSpec) -> tuple[Floats, Bools]:
    views = [_views(value, spec) for value in values]
    most = max((len(view) for view in views), default=1)
    images = np.zeros((len(views), max(1, most), spec.image_dim), dtype=np.float32)
    mask = np.zeros(images.shape[:2], dtype=bool)
    for row, view in enumerate(views):
        images[row, : len(view)] = view
        mask[row, : len(view)] = True
    return images, mask


def _views(value: Any, spec: ModelSpec) -> Floats:
    if value is None or len(value) == 0:
        return np.zeros((0, spec.image_dim), dtype=np.float32)
    if isinstance(value, np.ndarray) and value.dtype != object:
        flat = value.ndim == 1 and value.size % spec.image_dim == 0
        vectors = np.asarray(value.reshape(-1, spec.image_dim) if flat else value, dtype=np.float32)
    else:
        parts = [np.asarray(view, dtype=np.float32) for view in value]
        wrong = next((part for part in parts if part.shape != (spec.image_dim,)), None)
        if wrong is not None:
            raise _wrong_length("photo", spec.image_dim, spec.image_encoder, wrong.shape)
        vectors = np.stack(parts)
    if vectors.ndim != 2 or vectors.shape[1] != spec.image_dim:
        raise _wrong_length("photo", spec.image_dim, spec.image_encoder, vectors.shape)
    finite: Floats = vectors[np.isfinite(vectors).all(axis=1)]
    return finite


def _buckets(values: Values) -> Ints:
    numbers = np.array([0.0 if value is None else value for value in values], dtype=np.float64)
    return np.maximum(np.nan_to_num(numbers, nan=0.0), 0.0).astype(np.int64)


def _wrong_length(what: str, length: int, encoder: str, found: tuple[int, ...]) -> ModelError:
    return ModelError(
        f"a {what} vector does not fit the model",
        expected=f"{length} numbers, as encoder {encoder!r} gives",
        found=f"an array of shape {found}",
        todo="encode with the model's own encoder, or train a model for this one",
    )
