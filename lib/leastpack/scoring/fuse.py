"""The product's small vector: a scalar-iterator pandas UDF over what the model sees of each product."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from leastpack.meter import LOADS, Meter
from leastpack.model.features import build_features
from leastpack.model.scorer import Scorer
from leastpack.scoring.worker_model import WorkerModel
from leastpack.worker_log import warn

# Columns of product_inputs that enter the product's vector.
VECTOR_INPUTS = (
    "text", "text_vector", "image_vectors",
    "length_bucket", "width_bucket", "height_bucket", "weight_bucket", "price_bucket", "marketplace",
)  # fmt: skip
# Rows a forward pass takes, whatever Arrow's batch size: bounds memory when products have many photos.
CHUNK = 512

METER = ("features_s", "fuse_s", *LOADS)
VECTOR = f"struct<vector: array<float>, {', '.join(f'{name}: double' for name in METER)}>"


def vector_column(model: WorkerModel) -> Column:
    """A struct from the columns VECTOR_INPUTS: the product's small vector, null where the model failed; and METER."""

    def vectors(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        told = Meter(METER)
        for batch in batches:
            scorer = model.open(told)  # by the first batch: a part without rows needs none
            columns = dict(zip(VECTOR_INPUTS, batch, strict=True))
            parts = [
                _vectors(scorer, {name: series.iloc[start : start + CHUNK] for name, series in columns.items()}, told)
                for start in range(0, len(batch[0]), CHUNK)
            ]
            found = pd.Series([vector for part in parts for vector in part], dtype=object)
            metered = {name: array.to_numpy(zero_copy_only=False) for name, array in told.columns(len(found)).items()}
            yield pd.DataFrame({"vector": found, **metered})

    return pandas_udf(vectors, VECTOR)(*[F.col(name) for name in VECTOR_INPUTS])  # type: ignore[call-overload,no-any-return]


def _vectors(scorer: Scorer, columns: dict[str, pd.Series], told: Meter) -> list[npt.NDArray[np.float32] | None]:
    try:
        with told.seconds("features_s"):
            features = build_features({name: s.to_numpy() for name, s in columns.items()}, scorer.spec)
        with told.seconds("fuse_s"):
            return list(scorer.product_vectors(features))
    except Exception as error:
        if len(columns["marketplace"]) == 1:
            warn("the model failed on a product", "its pairs get error INTERNAL", error)
            return [None]
    # One bad row must not take its batch along.
    rows = range(len(columns["marketplace"]))
    return [_vectors(scorer, {n: series.iloc[i : i + 1] for n, series in columns.items()}, told)[0] for i in rows]
