"""Which products are in a panel, and that their test results do not train."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.spark.outcomes.shop import config, human_test, write_catalog
from tests.spark.rows import put_rows

from leastpack.config.decisions import DecisionsConfig
from leastpack.outcomes.label import label_outcomes
from leastpack.panel import panel_hash
from leastpack.tables import Tables

DAY = datetime.date(2024, 6, 1)
PRODUCTS = [f"p{number}" for number in range(20)]


def drawn(round_id: str, start: float, end: float, day: datetime.date) -> dict[str, object]:
    """A round whose panel lies in a range of the hash."""
    until = {"drawn_on": day, "test_until": day + datetime.timedelta(days=60)}
    return {"round_id": round_id, "cell": "*/photos", "seed": 3, "hash_from": start, "hash_to": end, **until}


def taught(tables: Tables) -> set[str]:
    rows = tables.read("training_examples").where("by_human_test").select("product_id").distinct().collect()
    return {row.product_id for row in rows}


def inside(tables: Tables, start: float, end: float) -> set[str]:
    rows = tables.read("products").where((panel_hash(3) >= start) & (panel_hash(3) < end)).collect()
    return {row.product_id for row in rows}


@pytest.mark.slow
def test_results_of_a_panel_do_not_train(spark: SparkSession, tmp_path: Path) -> None:
    """They do where it has ended, or was drawn after the test; pair_tests has all of them, for proofs."""
    tests = [human_test(number, product, "bag", "SAFE") for number, product in enumerate(PRODUCTS)]
    shop = config(tmp_path, {"human_tests": tests})
    shop = shop.model_copy(update={"decisions": DecisionsConfig(as_of=DAY)})
    tables = write_catalog(spark, shop, PRODUCTS)
    # Grown in a second round of the same panel.
    spring = datetime.date(2024, 4, 1)
    panel = [drawn("a", 0.0, 0.2, spring), drawn("b", 0.0, 0.4, DAY)]
    ended = drawn("c", 0.4, 0.6, DAY - datetime.timedelta(days=365))
    later = drawn("d", 0.6, 0.8, DAY)
    put_rows(tables, "policy_rounds", [*panel, ended, later])
    label_outcomes(spark, shop)
    withheld = inside(tables, 0.0, 0.4)
    assert withheld
    assert taught(tables) == set(PRODUCTS) - withheld
    assert tables.read("pair_tests").where("source = 'human_test'").count() == len(PRODUCTS)
    figures = tables.read("runs").orderBy(F.desc("started_at")).first().figures
    assert figures["tests_withheld"] == len(withheld)
