"""The two scalar-iterator pandas UDFs of the stage; each Python worker opens the model once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from leastpack.model.directory import DESCRIPTION, WEIGHTS
from leastpack.model.features import build_features
from leastpack.model.scorer import Scorer
from leastpack.scoring.cross import Crossed, cross
from leastpack.scoring.packages import PackageSet

# Columns of product_inputs that enter the product's vector.
VECTOR_INPUTS = (
    "text", "text_vector", "image_vectors",
    "length_bucket", "width_bucket", "height_bucket", "weight_bucket", "price_bucket", "marketplace",
)  # fmt: skip
CROSS_INPUTS = ("marketplace", "vector", "length_cm", "width_cm", "height_cm", "weight_g")
CROSS_TYPE = (
    "fits array<double>, void_share array<double>, risk array<double>, damage_rate array<double>, error array<string>"
)
# Rows a forward pass takes, whatever Arrow's batch size: bounds memory when products have many photos.
CHUNK = 512

_opened: dict[str, Scorer] = {}


class WorkerModel:
    """A model that travels as bytes, so that no executor needs to see its directory.

    Args:
        model_version: Names the model in the worker's cache.
        directory: The model directory; its files are a few megabytes.

    Raises:
        ModelError: The directory is missing, broken, or of another version.
    """

    def __init__(self, directory: str) -> None:
        scorer = Scorer.load(directory)
        self.model_version, self.spec = scorer.model_version, scorer.spec
        self.files = {name: (Path(directory) / name).read_bytes() for name in (WEIGHTS, DESCRIPTION)}

    def open(self) -> Scorer:
        """The scorer of this Python worker."""
        if self.model_version not in _opened:
            _opened.clear()
            with tempfile.TemporaryDirectory() as folder:
                for name, content in self.files.items():
                    (Path(folder) / name).write_bytes(content)
                _opened[self.model_version] = Scorer.load(folder)
        return _opened[self.model_version]


def vector_column(model: WorkerModel) -> Column:
    """The product's small vector from the columns VECTOR_INPUTS; null where the model failed on the row."""

    def vectors(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.Series]:
        scorer = model.open()
        for batch in batches:
            columns = dict(zip(VECTOR_INPUTS, batch, strict=True))
            parts = [
                _vectors(scorer, {name: series.iloc[start : start + CHUNK] for name, series in columns.items()})
                for start in range(0, len(batch[0]), CHUNK)
            ]
            yield pd.Series([vector for part in parts for vector in part], dtype=object)

    return pandas_udf(vectors, "array<float>")(*[F.col(name) for name in VECTOR_INPUTS])  # type: ignore[call-overload,no-any-return]


def _vectors(scorer: Scorer, columns: dict[str, pd.Series]) -> list[npt.NDArray[np.float32] | None]:
    try:
        return list(
            scorer.product_vectors(build_features({name: s.to_numpy() for name, s in columns.items()}, scorer.spec))
        )
    except Exception:
        if len(columns["marketplace"]) == 1:
            return [None]
    # One bad row must not take its batch along.
    rows = range(len(columns["marketplace"]))
    return [_vectors(scorer, {name: series.iloc[i : i + 1] for name, series in columns.items()})[0] for i in rows]


def cross_column(model: WorkerModel, packages: Mapping[str, PackageSet], padding_cm: float) -> Column:
    """Scores in every package type of the product's marketplace, one array element a type, in order of name."""

    def crossed(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        scorer = model.open()
        for batch in batches:
            columns = dict(zip(CROSS_INPUTS, batch, strict=True))
            answer = pd.DataFrame(index=range(len(batch[0])), columns=CROSS_TYPE.split()[::2], dtype=object)
            markets = columns["marketplace"].to_numpy()
            for marketplace in np.unique(markets):
                if marketplace not in packages:
                    continue  # no package types, no pairs
                rows = np.flatnonzero(markets == marketplace)
                part = _crossed(scorer, columns, rows, packages[marketplace], padding_cm)
                _fill(answer, rows, part)
            yield answer

    return pandas_udf(crossed, CROSS_TYPE)(*[F.col(name) for name in CROSS_INPUTS])  # type: ignore[call-overload,no-any-return]


def _crossed(
    scorer: Scorer, columns: dict[str, pd.Series], rows: npt.NDArray[np.int64], packages: PackageSet, padding_cm: float
) -> Crossed:
    width = scorer.spec.vector
    missing = np.full(width, np.nan, dtype=np.float32)
    found = [columns["vector"].iloc[row] for row in rows]
    vectors = np.stack([missing if vector is None else np.asarray(vector, dtype=np.float32) for vector in found])
    sides = np.stack(
        [columns[side].to_numpy(dtype=np.float64)[rows] for side in ("length_cm", "width_cm", "height_cm")], axis=1
    )
    return cross(scorer, vectors, sides, columns["weight_g"].to_numpy(dtype=np.float64)[rows], packages, padding_cm)


def _fill(answer: pd.DataFrame, rows: npt.NDArray[np.int64], part: Crossed) -> None:
    arrays = {
        "fits": part.fits,
        "void_share": part.void,
        "risk": part.risk,
        "damage_rate": part.damage_rate,
        "error": part.error,
    }
    for name, array in arrays.items():
        column = answer[name].to_numpy()
        for place, row in enumerate(rows):
            column[row] = array[place]
        answer[name] = column
