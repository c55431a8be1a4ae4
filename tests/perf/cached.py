"""Workload c: product vectors are there, pairs are not.

random   Spark alone writes products x package types to Delta, with random numbers for risk and damage rate
stage    leastpack's scoring stage, in one write
score    the whole step: what is up to date, the stage bucket by bucket, and the check of every row
decide   the whole step, where nothing is decided yet and some of the pairs were tested
publish  the whole step: the audit of every row, and the first release
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from tests.perf.catalog import make_catalog, make_config
from tests.perf.human_tests import make_tests
from tests.perf.timing import Contender

from leastpack.config import Config
from leastpack.decisions.decide import decide_packaging
from leastpack.encoders.inputs import product_keys
from leastpack.releases.publish import publish_release
from leastpack.scoring.content import with_content
from leastpack.scoring.fingerprint import product_fingerprint
from leastpack.scoring.lists import cross_products
from leastpack.scoring.packages import package_sets
from leastpack.scoring.score import score_pairs
from leastpack.scoring.worker_model import send_model
from leastpack.tables import Tables
from leastpack.tables.schemas import PAIR_SCORES, SCORES, Table

TYPES, BUCKETS, SEED, TESTED = 20, 4, 3, 20_000


def prepare(spark: SparkSession, root: Path, products: int) -> Config:
    """Make the catalog anew under `root`."""
    shutil.rmtree(root, ignore_errors=True)
    config = make_config(root, BUCKETS)
    make_catalog(spark, config, products, TYPES, SEED)
    score_pairs(spark, config)
    make_tests(spark, config, TESTED)
    return config


def contenders(spark: SparkSession, config: Config) -> dict[str, Contender]:
    """Name to what is timed."""
    return {
        "random": lambda: _write(_random_pairs(spark, config), PAIR_SCORES, config, "random"),
        "stage": lambda: _write(_scored(spark, config), SCORES, config, "stage"),
        "score": lambda: _anew(score_pairs, spark, config, "scores"),
        "decide": lambda: _anew(decide_packaging, spark, config, "decisions", "recommendations", "test_queue"),
        "publish": lambda: _anew(publish_release, spark, config, "releases", "recommendation_changes", "trials"),
    }


def _scored(spark: SparkSession, config: Config) -> DataFrame:
    tables, model = Tables(spark, config.tables), send_model(spark, config.model.directory)
    keyed = with_content(product_keys(tables, config), model.spec.marketplaces)
    products = keyed.withColumn("fingerprint", product_fingerprint("settings"))
    vectors = tables.read("product_vectors").select("content_key", "vector")
    rows = [row.asDict() for row in tables.read("package_types").collect()]
    packages = package_sets(rows, model.spec.attributes)
    joined = products.join(vectors, on="content_key", how="left")
    return cross_products(joined, model, packages, config.scoring.padding_cm)


def _random_pairs(spark: SparkSession, config: Config) -> DataFrame:
    tables = Tables(spark, config.tables)
    names = [row[0] for row in tables.read("package_types").select("package_type").collect()]
    products = tables.read("products").select("marketplace", "product_id", "bucket")
    pairs = products.select("*", F.explode(F.array(*map(F.lit, names))).alias("package_type"))
    numbers = {
        "risk": F.rand(1).cast("float"),
        "damage_rate": F.rand(2).cast("float"),
        "void_share": F.round(F.rand(3), 4),
        "fits": F.rand(4) < 0.5,
    }
    same = {"views_used": F.lit(0), "warnings": F.array(F.lit("NO_PHOTO")), "error": F.lit(None).cast("string")}
    return pairs.withColumns({**numbers, **same})


def _write(rows: DataFrame, table: Table, config: Config, name: str) -> None:
    constants = {"fingerprint": F.lit("f" * 16), "model_version": F.lit("m" * 16), "run_id": F.lit("r" * 12)}
    whole = rows.withColumns({**constants, "scored_at": F.current_timestamp()}).select(table.names)
    path = Path(str(config.tables.root)).parent / name
    # As the table itself is made: without each column's least and largest value in every file.
    plain = {"delta.dataSkippingNumIndexedCols": "0"}
    whole.write.format("delta").mode("overwrite").options(**plain).partitionBy(*table.partition_by).save(str(path))


def _anew(step: Callable[[SparkSession, Config], None], spark: SparkSession, config: Config, *outputs: str) -> None:
    """A step as if it had never run."""
    for name in outputs:
        shutil.rmtree(Path(str(config.tables.root)) / name, ignore_errors=True)
    step(spark, config)
