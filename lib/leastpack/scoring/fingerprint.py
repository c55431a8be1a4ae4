"""What a bucket's scores follow from, as one digest: a bucket whose rows carry it is up to date."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.scoring.packages import PackageSet

# Raise it when the code of the stage changes results for the same inputs.
STAGE_VERSION = 1


def settings_digest(model_version: str, packages: Mapping[str, PackageSet], padding_cm: float) -> str:
    """Digest of everything but the products: the model, the package types, the rules."""
    types = {marketplace: repr(package_set) for marketplace, package_set in packages.items()}
    content = json.dumps([STAGE_VERSION, model_version, types, padding_cm], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def bucket_fingerprints(products: DataFrame, columns: list[Column], settings: str) -> dict[int, tuple[str, int]]:
    """Fingerprint and number of products of every bucket.

    Order of rows and partitions does not matter: row hashes are combined by count, exclusive or, and sum.

    Args:
        products: One row a product, with `bucket`.
        columns: Everything of a product that changes its scores.
        settings: `settings_digest`.

    Returns:
        Bucket to (fingerprint, products).
    """
    row_hash = F.xxhash64(*columns)
    grouped = products.select("bucket", row_hash.alias("row_hash")).groupBy("bucket")
    low_bits = F.pmod("row_hash", F.lit(2**31))
    combined = grouped.agg(F.count("*").alias("n"), F.bit_xor("row_hash").alias("xor"), F.sum(low_bits).alias("sum"))
    answer = {}
    for row in combined.collect():  # one row a bucket
        content = f"{settings}/{row['n']}/{row['xor']}/{row['sum']}"
        answer[row["bucket"]] = (hashlib.sha256(content.encode()).hexdigest()[:24], row["n"])
    return answer
