"""The place of a risk on the grid of levels, as Spark finds it."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from leastpack.policy.levels import risk_grid
from leastpack.releases.drift import grid_index


@pytest.mark.parametrize(("size", "kind"), [(2, "double"), (200, "double"), (200, "float")])
def test_the_place_on_the_grid_says_what_comparing_says(spark: SparkSession, size: int, kind: str) -> None:
    grid = risk_grid(size)
    rng = np.random.default_rng(1)
    near = np.concatenate([grid, np.nextafter(grid, 0), np.nextafter(grid, 1)])
    risks = np.concatenate([near, rng.random(500), rng.random(500) ** 8, [0.0, 1.0, 1e-300]])
    values = [(float(risk),) for risk in risks] + [(None,)]
    rows = spark.createDataFrame(values, f"risk {kind}").select("risk", grid_index(F.col("risk"), grid).alias("place"))
    for row in rows.collect():
        assert row.place == (None if row.risk is None else int((grid < row.risk).sum()))
