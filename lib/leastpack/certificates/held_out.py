"""Products a model never saw: the only ones that may certify or test it.

Splits are a hash of a product's group, and a group takes another name, and with it perhaps another split, when a new
variant joins it. A model trained before that has seen products that stand in the certify or test split today.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.log import log
from leastpack.tables import Tables
from leastpack.tables.keys import PRODUCT
from leastpack.tables.schemas import EXAMPLES_VERSION

SEEN = ("train", "validation", "calibrate")


def held_out(tables: Tables, examples: DataFrame, model_version: str, split: str) -> DataFrame:
    """Rows of today's split whose whole group was held out when the model was made.

    Args:
        tables: For `training_metrics`, and for `training_examples` as it was then.
        examples: training_examples of today.
        model_version: The model. One that these tables have no training of cannot have seen their products, unless it
            was trained from a copy of them: that is warned of.
        split: `certify` or `test`.

    Returns:
        The rows of `examples` that are left.
    """
    rows = examples.where(F.col("split") == split)
    version = _examples_version(tables, model_version)
    if version is None:
        log.warning(
            "no training of the model is on record here: its splits are taken from today's", model=model_version
        )
        return rows
    then = tables.read("training_examples", version).where(F.col("split").isin(*SEEN)).select(*PRODUCT).distinct()
    met = examples.join(then, on=PRODUCT, how="left_semi").select("group_id").distinct()
    return rows.join(met, on="group_id", how="left_anti")


def is_on_record(tables: Tables, model_version: str) -> bool:
    """Whether these tables know what a model was trained on."""
    return _examples_version(tables, model_version) is not None


def _examples_version(tables: Tables, model_version: str) -> int | None:
    if not tables.exists("training_metrics"):
        return None
    recorded = tables.read("training_metrics").where(
        (F.col("model_version") == model_version) & (F.col("name") == EXAMPLES_VERSION)
    )
    found = recorded.select("value").limit(1).collect()
    return int(found[0][0]) if found else None
