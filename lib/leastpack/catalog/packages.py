"""Package files as rows of `package_types`."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession

from leastpack.config.packages import PackageFile
from leastpack.tables.schemas import PACKAGE_TYPES


def package_rows(spark: SparkSession, files: Sequence[PackageFile]) -> DataFrame:
    """One row a package type and marketplace, inner sides longest first."""
    rows = []
    for file in files:
        for package in file.types:
            inner = sorted(package.inner_cm, reverse=True) if package.inner_cm is not None else [None, None, None]
            values = {
                "marketplace": file.marketplace,
                "package_type": package.name,
                "kind": package.kind,
                "profile_hash": package.profile_hash,
                "profile": [float(value) for value in package.profile],
                "attributes": list(file.attributes),
                "inner_length_cm": inner[0],
                "inner_width_cm": inner[1],
                "inner_height_cm": inner[2],
                "void_filled": package.void_filled,
                "max_weight_g": package.max_weight_g,
                "tare_g": package.tare_g,
                "cost": package.cost,
                "currency": file.currency,
                "safe_default": package.safe_default,
                "valid_from": package.valid_from,
            }
            rows.append(tuple(values[name] for name in PACKAGE_TYPES.names))
    return spark.createDataFrame(rows, PACKAGE_TYPES.schema)
