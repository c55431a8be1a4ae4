"""More products in a round that waits, as long as nobody has seen a result of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import Row, SparkSession
from structlog.testing import capture_logs
from tests.spark.market import config_for, human_test, market_rows, with_photos, write
from tests.spark.rows import add_rows

from leastpack.certificates.certify import certify_policy
from leastpack.certificates.rounds import asked_pairs
from leastpack.config.storage import TablesConfig
from leastpack.tables import Tables
from leastpack.tables.keys import PAIR


def choices(tables: Tables) -> dict[str, Row]:
    return {row.product_id: row for row in tables.read("round_choices").collect()}


@pytest.mark.slow
@pytest.mark.parametrize("population", ["panel", "list"])
def test_a_round_grows_until_the_first_result(spark: SparkSession, tmp_path: Path, population: str) -> None:
    tables = Tables(spark, TablesConfig(root=str(tmp_path / "tables"), buckets=4))
    # A test of a drawn pair that is known already would forbid it.
    write(spark, tables, {**with_photos(market_rows()), "pair_tests": []})

    def certify(products: int) -> Row:
        terms = {"population": population, "draw_products": products, "draw_share": 0.9, "levels": 2}
        certify_policy(spark, config_for(tables, terms))
        (round_,) = tables.read("policy_rounds").collect()
        return round_

    first, before = certify(100), choices(tables)
    second, after = certify(160), choices(tables)
    assert second.round_id == first.round_id
    assert (second.levels, second.hash_from) == (first.levels, first.hash_from)
    assert second.hash_to - second.hash_from == pytest.approx(160 / second.products)
    assert second.drawn > first.drawn
    assert second.tests > first.tests
    # Nested, and as it was chosen.
    assert all(after[name].choices == row.choices for name, row in before.items())
    drawn = {name for name, row in after.items() if row.drawn}
    assert {name for name, row in before.items() if row.drawn} < drawn
    assert second.listed == first.listed
    assert (set(after) == set(before)) == (population == "list")

    pair = asked_pairs(tables, second.round_id).first()
    add_rows(tables, "pair_tests", [human_test({name: pair[name] for name in PAIR}, unsafe=False)])
    with capture_logs() as logs:
        third = certify(220)
    assert third == second
    assert any("results of pairs of the round are known" in one["event"] for one in logs)
