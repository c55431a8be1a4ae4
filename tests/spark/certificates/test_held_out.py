from __future__ import annotations

from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.spark.rows import table_rows

from leastpack.certificates.held_out import held_out
from leastpack.config.storage import TablesConfig
from leastpack.tables import Tables
from leastpack.tables.schemas import EXAMPLES_VERSION

THEN = {"a": ("g1", "train"), "b": ("g2", "certify"), "c": ("g3", "calibrate"), "d": ("g4", "test")}
# g1 got another name and split when e joined it; c moved too; f is new.
NOW = {**dict.fromkeys("ae", ("g0", "certify")), "b": ("g2", "certify"), "c": ("g5", "test"), "f": ("g6", "certify")}


def examples(spark: SparkSession, products: dict[str, tuple[str, str]]) -> Any:
    rows = [
        {"marketplace": "NA", "product_id": name, "package_type": "box", "group_id": group, "split": split}
        for name, (group, split) in products.items()
    ]
    return table_rows(spark, "training_examples", rows)


@pytest.fixture(scope="module")
def market(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    tables = Tables(spark, TablesConfig(root=str(tmp_path_factory.mktemp("market")), buckets=4))
    tables.merge("training_examples", examples(spark, THEN))
    figure = {"model_version": "m", "name": EXAMPLES_VERSION, "value": float(tables.version("training_examples"))}
    tables.append("training_metrics", table_rows(spark, "training_metrics", [figure]))
    tables.replace("training_examples", examples(spark, NOW))
    return tables


def names(tables: Tables, model: str, split: str) -> set[str]:
    left = held_out(tables, tables.read("training_examples"), model, split)
    return {row["product_id"] for row in left.collect()}


def test_p7_groups_with_a_product_the_model_saw_neither_certify_nor_test_it(market: Tables) -> None:
    assert names(market, "m", "certify") == {"b", "f"}
    assert names(market, "m", "test") == set()


def test_a_model_without_a_record_takes_todays_splits(market: Tables) -> None:
    assert names(market, "another", "certify") == {"a", "b", "e", "f"}
