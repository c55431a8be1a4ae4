"""A snapshot row: its Parquet columns, and the way from model inputs to them and back.

Vectors are stored as float32 bytes, without nulls: petastorm 0.12.1 hands binary columns over untouched, one join
makes a whole micro-batch of them, and nothing is rounded that scoring does not round. Measured on rows of 5,504
numbers with one reading thread: 38,000 rows a second, against 31,000 for list<float>; float16 halves the files and
reads no faster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from leastpack.model.features import NUMERIC, ProductFeatures
from leastpack.model.spec import ModelSpec

PACKED = {
    "numeric": pa.binary(),  # int16 a bucket, in the order of NUMERIC
    "market": pa.int32(),  # as in ProductFeatures.marketplace
    "text": pa.binary(),  # float32, empty where there is no text vector
    "ngrams": pa.binary(),  # int32 ids
    "images": pa.binary(),  # float32, one view after the other
}
"""A product's features as Parquet columns."""

PAIR = {
    "key": pa.int64(),  # hash of the pair's key; every draw in training follows from it
    "group_key": pa.int64(),  # hash of the product group, for intervals by group
    "package": pa.int32(),  # place in the manifest's packages
    "target": pa.float32(),
    "weight": pa.float32(),
    "n": pa.float32(),
    "k": pa.float32(),
    "unsafe": pa.bool_(),  # not proven SAFE: an UNKNOWN label of an eligible row counts as UNSAFE
    "eligible": pa.bool_(),
    "less_protective": pa.bool_(),
    "audit_weight": pa.float32(),  # 1 / probability of the test's draw, over its round's mean; 0 where nobody drew it
    "void": pa.float32(),
    "profile": pa.binary(),  # float32 a protection attribute
}
"""What is known of a pair."""

ROW = {"file": pa.int32(), "group": pa.int32(), "row": pa.int32(), **PAIR, **PACKED}
"""A whole row; `file`, `group` and `row` tell its place, so that a reader can prove the order."""

SCHEMA = pa.schema([pa.field(name, kind, nullable=False) for name, kind in ROW.items()])


@dataclass(frozen=True)
class Batch:
    """One micro-batch.

    Attributes:
        features: The n products.
        columns: The columns of `PAIR` but for `profile`, (n,) each; padding has weight 0, n 0 and eligible False.
        profile: float32 (n, M) protection profiles.
    """

    features: ProductFeatures
    columns: dict[str, npt.NDArray[Any]]
    profile: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.profile)


def pack(features: ProductFeatures) -> dict[str, pa.Array]:
    """The columns of `PACKED` for n products."""
    ends = np.append(features.ngram_offsets, len(features.ngram_ids))
    ids = features.ngram_ids.astype(np.int32)
    rows = range(len(features))
    values: dict[str, Sequence[Any] | npt.NDArray[Any]] = {
        "numeric": [row.tobytes() for row in features.numeric.astype(np.int16)],
        "market": features.marketplace.astype(np.int32),
        "text": [features.text[i].tobytes() if features.text_present[i] else b"" for i in rows],
        "ngrams": [ids[ends[i] : ends[i + 1]].tobytes() for i in rows],
        "images": [features.images[i][features.image_mask[i]].tobytes() for i in rows],
    }
    return {name: pa.array(values[name], kind) for name, kind in PACKED.items()}


def unpack(columns: Mapping[str, npt.NDArray[Any]], spec: ModelSpec) -> Batch:
    """A micro-batch from the columns of `ROW`, as the reader gives them."""
    text, text_counts = _joined(columns["text"], np.float32)
    images, image_counts = _joined(columns["images"], np.float32)
    ids, id_counts = _joined(columns["ngrams"], np.int32)
    n = len(columns["market"])
    present = text_counts > 0
    vectors = np.zeros((n, spec.text_dim), dtype=np.float32)
    vectors[present] = text.reshape(-1, spec.text_dim)
    views = image_counts // spec.image_dim
    mask = np.arange(max(1, int(views.max(initial=0)))) < views[:, None]
    photos = np.zeros((*mask.shape, spec.image_dim), dtype=np.float32)
    photos[mask] = images.reshape(-1, spec.image_dim)
    features = ProductFeatures(
        text=vectors,
        text_present=present,
        images=photos,
        image_mask=mask,
        ngram_ids=ids.astype(np.int64),
        ngram_offsets=np.cumsum(id_counts) - id_counts,
        numeric=_joined(columns["numeric"], np.int16)[0].reshape(n, len(NUMERIC)).astype(np.int64),
        marketplace=columns["market"].astype(np.int64),
    )
    profile = _joined(columns["profile"], np.float32)[0].reshape(n, len(spec.attributes))
    kept = {name: columns[name] for name in PAIR if name != "profile"}
    return Batch(features=features, columns=kept, profile=np.array(profile))


def padding(rows: int, attributes: int) -> dict[str, list[Any]]:
    """Rows that count for nothing, for the columns of `PAIR` and `PACKED`."""
    empty: dict[str, Any] = {name: b"" if kind == pa.binary() else 0 for name, kind in {**PAIR, **PACKED}.items()}
    empty |= {"unsafe": False, "eligible": False, "less_protective": False}
    empty |= {"profile": bytes(4 * attributes), "numeric": bytes(2 * len(NUMERIC)), "package": -1}
    return {name: [value] * rows for name, value in empty.items()}


def _joined(values: npt.NDArray[Any], kind: type[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """All numbers of a binary column, one row after the other, and how many each row has."""
    rows = values.tolist()
    size = np.dtype(kind).itemsize
    counts = np.fromiter((len(row) // size for row in rows), dtype=np.int64, count=len(rows))
    return np.frombuffer(b"".join(rows), dtype=kind), counts
