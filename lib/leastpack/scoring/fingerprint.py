"""What a product's scores follow from, as one digest: a row that carries it is up to date."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from pyspark.sql import Column
from pyspark.sql import functions as F

from leastpack.scoring.packages import PackageSet
from leastpack.tables.reading import Commit

# Raise it when the code of the stage changes results for the same inputs.
STAGE_VERSION = 3


def settings_digest(model_version: str, packages: Mapping[str, PackageSet], padding_cm: float) -> str:
    """Digest of everything but the products: the model, the package types, the rules."""
    types = {marketplace: repr(package_set) for marketplace, package_set in packages.items()}
    content = json.dumps([STAGE_VERSION, model_version, types, padding_cm], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def table_note(settings: str, currency_units: Mapping[str, float], inputs: Mapping[str, Commit]) -> str:
    """Left on `scores` when it is up to date, as a whole, with these inputs.

    Args:
        settings: `settings_digest`.
        currency_units: What prices are made comparable with.
        inputs: Every table read.
    """
    states = {name: [one.version, one.made_at] for name, one in inputs.items()}
    content = json.dumps([settings, dict(currency_units), states], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def product_fingerprint(settings: str) -> Column:
    """Fingerprint of a product's row of scores, from its `row_hash`.

    Args:
        settings: `settings_digest`.
    """
    return F.lower(F.hex(F.xxhash64(F.lit(settings), F.col("row_hash"))))
