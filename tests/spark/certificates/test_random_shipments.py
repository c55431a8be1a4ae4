"""Past shipments whose package was drawn at random certify what moves, of products that the model does not know."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F
from tests.spark.market import TYPES, config_for, market_rows, own_shipments, write
from tests.spark.rows import put_rows

from leastpack.certificates.certify import certify_policy
from leastpack.certificates.random_shipments import first_draws, thinned
from leastpack.config.decisions import PilotConfig
from leastpack.config.root import Config
from leastpack.config.storage import TablesConfig
from leastpack.decisions.decide import decide_packaging
from leastpack.tables import Tables

PRODUCTS = 400


def at(spark: SparkSession, folder: Path) -> Tables:
    return Tables(spark, TablesConfig(root=str(folder), buckets=4))


def config(tables: Tables, **certify: Any) -> Config:
    made = config_for(tables, {"random_shipments": True, "audit": False, **certify})
    return made.model_copy(update={"pilot": PilotConfig(alpha=0.2)})


def draw_of(product: dict[str, str], name: str, propensity: float, damaged: bool, hashed: int) -> dict[str, Any]:
    return {
        **product, "package_type": name, "period": "2024-04", "n": 1, "k": int(damaged), "k_upper": int(damaged),
        "n_random": 1, "k_random": int(damaged), "random_draw_damaged": damaged, "random_draw_hash": hashed,
        "propensity_sum": Decimal(f"{propensity:.10f}"),
    }  # fmt: skip


def write_market(spark: SparkSession, tables: Tables, rate: float) -> dict[str, dict[str, Any]]:
    """Every family has one random shipment a product; in families that the model knows all were damaged.

    Returns:
        Product to its draw.
    """
    rows, draws = market_rows(PRODUCTS), {}
    for i, product in enumerate(rows["products"]):
        key = {name: product[name] for name in ("marketplace", "product_id")}
        chance = random.Random(f"draw {i}")
        known = i // 2 % 4 == 0
        # Half of the products were drawn for one of three packages, the others for one of two.
        fits = [*TYPES] if i % 4 < 2 else ["bag", "box"]
        draw = draw_of(key, chance.choice(fits), 1 / len(fits), known or chance.random() < rate, i)
        draws[product["product_id"]] = {**draw, "known": known, "group": i // 2}
        rows["pair_outcomes"].append(draw)
    for one in rows["training_examples"]:
        one["split"] = "train" if draws[one["product_id"]]["known"] else "certify"
    write(spark, tables, rows)
    return draws


def certificate(tables: Tables) -> Row:
    (row,) = tables.read("certificates").where("labels = 'random'").collect()
    return row


@pytest.fixture(scope="module")
def certified(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Tables, dict[str, dict[str, Any]]]:
    tables = at(spark, tmp_path_factory.mktemp("certified"))
    draws = write_market(spark, tables, rate=0.05)
    # What its own random shipment seems to prove does not take a product out of the test.
    bad = next(one for one in draws.values() if one["k"] and not one["known"] and one["package_type"] == "bag")
    pair = {name: bad[name] for name in ("marketplace", "product_id", "package_type")}
    known = [row.asDict(recursive=True) for row in tables.read("pair_tests").collect()]
    put_rows(tables, "pair_tests", [*known, own_shipments(pair, 300, 90, "UNSAFE")])
    certify_policy(spark, config(tables))
    decide_packaging(spark, config(tables))
    return tables, draws


def test_it_counts_one_draw_of_each_unknown_family_in_the_package_that_the_policy_chooses(certified: Any) -> None:
    tables, draws = certified
    one = certificate(tables)
    assert one.status == "certified", one.why_none
    (round_,) = tables.read("policy_rounds").collect()
    assert (round_.labels, round_.to_test) == ("random", 0)
    level = round_.levels.index(one.level)
    chosen = {row.product_id: row.choices[level] for row in tables.read("round_choices").collect()}
    families = [draws[product]["group"] for product in chosen]
    assert len(families) == len(set(families))
    assert not any(draws[product]["known"] for product in chosen)
    left = thinned(
        first_draws(tables.read("pair_outcomes"), 0.05).where(F.col("product_id").isin(*chosen)), round_.seed
    )
    counted = [row for row in left.collect() if chosen[row.product_id] == row.package_type]
    assert one.n == len(counted) > 20
    assert one.k == sum(row.damaged for row in counted)
    assert one.shipments == one.n


def test_products_move_by_it_but_for_those_that_their_shipments_disprove(certified: Any) -> None:
    tables, _ = certified
    rows = tables.read("recommendations").collect()
    moved = [row for row in rows if row.certificate_id is not None]
    assert len(moved) > 100
    assert {row.certificate_id for row in moved} == {certificate(tables).certificate_id}
    unsafe = tables.read("pair_tests").where("label = 'UNSAFE'").collect()
    disproved = {(row.product_id, row.package_type) for row in unsafe}
    assert not {(row.product_id, row.package_type) for row in moved} & disproved
    # What is chosen for them stays a part of the test.
    (shipped,) = [row for row in unsafe if row.source == "shipments"]
    (chosen,) = tables.read("round_choices").where(F.col("product_id") == shipped.product_id).collect()
    assert shipped.package_type in chosen.choices
    assert tables.read("test_queue").where("why = 'audit'").count() == 0


def test_p2_it_is_read_once(spark: SparkSession, certified: Any) -> None:
    tables, _ = certified
    names = ("policy_rounds", "round_choices", "certificates", "certificate_attempts")
    before = [tables.version(name) for name in names]
    certify_policy(spark, config(tables))
    assert [tables.version(name) for name in names] == before


@pytest.mark.slow
def test_damaged_draws_fail_and_too_few_ask_for_more(spark: SparkSession, tmp_path: Path) -> None:
    tables = at(spark, tmp_path / "damaged")
    write_market(spark, tables, rate=0.5)
    certify_policy(spark, config(tables))
    one = certificate(tables)
    assert one.status == "failed"
    assert "shipments of" in one.why_none
    few = at(spark, tmp_path / "few")
    write_market(spark, few, rate=0.0)
    certify_policy(spark, config(few, least_propensity=0.6))
    told = few.read("certificates").where("labels = 'random'").collect()
    assert {row.status for row in told} == {"not_drawn"}
    assert all("drawn at random" in row.why_none for row in told)


def test_draws_are_thinned_to_the_lowest_probability(spark: SparkSession, tables: Tables) -> None:
    rows = [
        draw_of({"marketplace": "NA", "product_id": f"p{i}"}, "bag", (0.1, 0.2, 0.5)[i % 3], False, i)
        for i in range(3000)
    ]
    # The first shipment by hash counts, whatever it went out in; one of a low probability is passed over.
    rows += [
        draw_of({"marketplace": "NA", "product_id": "p0"}, "box", 0.1, True, -5),
        draw_of({"marketplace": "NA", "product_id": "p0"}, "mailer", 0.01, True, -9),
    ]
    put_rows(tables, "pair_outcomes", rows)
    draws = first_draws(tables.read("pair_outcomes"), 0.05)
    (first,) = draws.where("product_id = 'p0'").collect()
    assert (first.package_type, first.damaged) == ("box", True)
    left = {float(row.propensity): row["count"] for row in thinned(draws, 3).groupBy("propensity").count().collect()}
    assert left[0.1] == 1000
    assert left[0.2] == pytest.approx(500, abs=70)
    assert left[0.5] == pytest.approx(200, abs=50)
