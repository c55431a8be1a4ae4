"""What people found who tested some of a scored catalog's pairs, so that something is proven of them."""

from __future__ import annotations

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.perf.catalog import append

from leastpack.config import Config
from leastpack.panel import uniform
from leastpack.tables import Tables
from leastpack.tables.by_pair import pairs
from leastpack.tables.keys import PAIR

SEED = 11


def make_tests(spark: SparkSession, config: Config, wanted: int) -> None:
    """Draw about so many pairs with one known probability; a pair is unsafe with the probability that is its risk."""
    tables = Tables(spark, config.tables)
    scores = pairs(tables.read("scores"))
    probability = min(1.0, wanted / scores.count())
    drawn = scores.where((uniform(SEED, "drawn", *PAIR) < probability) & F.col("risk").isNotNull()).persist()
    unsafe = uniform(SEED, "label", *PAIR) < F.col("risk")
    label = F.when(unsafe, "UNSAFE").otherwise("SAFE")
    tested = {
        "source": F.lit("human_test"), "label": label, "n": F.lit(1), "k": unsafe.cast("int"), "eligible": F.lit(True),
        "draw_probability": F.lit(probability),
    }  # fmt: skip
    append(tables, "pair_tests", drawn.select(*PAIR, *[column.alias(name) for name, column in tested.items()]))
    held = {
        "group_id": F.col("product_id"), "split": F.lit("calibrate"), "label": label,
        "target": unsafe.cast("double"), "weight": F.lit(1.0),
    }  # fmt: skip
    append(tables, "training_examples", drawn.select(*PAIR, *[column.alias(name) for name, column in held.items()]))
    drawn.unpersist()
    for name in ("pair_outcomes", "packaging_rules", "certificates"):
        tables.ensure(name)
