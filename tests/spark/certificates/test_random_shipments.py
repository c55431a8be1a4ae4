"""Past shipments assigned at random certify a list of moves, of products that the model was not trained on."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F
from tests.spark.market import TODAY, TYPES, config_for, market_rows, with_photos, write
from tests.spark.rows import put_rows, table_rows

from leastpack.certificates.certify import certify_policy
from leastpack.config.decisions import PilotConfig
from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.root import Config
from leastpack.config.storage import TablesConfig
from leastpack.decisions.decide import decide_packaging
from leastpack.errors import InputError
from leastpack.pilots.past import drawn_pairs, first_draws, require_draws, without_draws
from leastpack.policy.assigned import counts
from leastpack.policy.exact import binomial_p_values
from leastpack.tables import Tables
from leastpack.tables.schemas import EXAMPLES_VERSION

PRODUCTS, LEAST, MODEL = 600, 0.25, "model-1"


def at(spark: SparkSession, folder: Path) -> Tables:
    return Tables(spark, TablesConfig(root=str(folder), buckets=4))


def config(tables: Tables, least: float = LEAST, **decisions: Any) -> Config:
    made = config_for(tables, {"audit": False, "least_propensity": least}, **decisions)
    return made.model_copy(update={"pilot": PilotConfig(alpha=0.2)})


def drawn(product: dict[str, str], name: str, hashed: int, p: float = LEAST, damaged: bool = False) -> dict[str, Any]:
    """A month in which a random shipment went out in a package."""
    k = int(damaged)
    told = {"random_draw_damaged": damaged, "random_draw_hash": hashed, "random_draw_k": k, "random_draw_k_upper": k}
    chance = {"random_draw_propensity": p, "propensity_sum": Decimal(f"{p:.10f}"), "least_propensity": p}
    counted = {"n": 1, "k": k, "k_upper": k, "n_random": 1, "n_random_single": 1, "k_random": k}
    return {**product, "package_type": name, "period": f"2024-0{1 + hashed % 2}", **counted, **told, **chance}


def write_market(spark: SparkSession, tables: Tables, rate: float, lottery: str = "even") -> dict[str, dict[str, Any]]:
    """Products have a first random shipment, and all but every fifth another one in a bag.

    The model was trained on every fourth family. It stands in split certify today, and all of its bags broke.

    Returns:
        Product to its first random shipment.
    """
    rows, firsts = with_photos(market_rows(PRODUCTS)), {}
    for i, product in enumerate(rows["products"]):
        key = {name: product[name] for name in ("marketplace", "product_id")}
        chance, known = random.Random(f"draw {i}"), i // 2 % 4 == 0
        name = "bag" if lottery == "bags" else chance.choices([*TYPES], [2, 1, 1])[0]
        # The bag is drawn in half of the cases, and counted in half of these.
        p = 0.5 if name == "bag" else LEAST
        first = drawn(key, name, -i - 1, p, known or chance.random() < rate)
        firsts[product["product_id"]] = {**first, "known": known, "group": f"g{i // 2}", "other": i % 5 > 0}
        # Earlier ones in another month: a month of a pair is one row.
        other = drawn(key, "bag", i + 1, 0.5) | {"period": "2024-03"}
        rows["pair_outcomes"] += [first, other] if i % 5 else [first]
    calibrate = [row for row in rows["training_examples"] if row["split"] == "calibrate"]
    for one in calibrate:
        one["product_id"] = "C" + one["product_id"]
    held: list[dict[str, Any]] = [{**row, "product_id": row["product_id"].lstrip("C")} for row in calibrate]
    examples = [row for row in rows["training_examples"] if row not in calibrate] + held
    then = [{**row, "split": "train" if firsts[row["product_id"]]["known"] else "certify"} for row in examples]
    write(spark, tables, {**rows, "training_examples": then + calibrate})
    figure = {"model_version": MODEL, "name": EXAMPLES_VERSION, "value": float(tables.version("training_examples"))}
    put_rows(tables, "training_metrics", [figure])
    put_rows(tables, "training_examples", [{**row, "split": "certify"} for row in examples] + calibrate)
    return firsts


def certificate(tables: Tables) -> Row:
    (row,) = tables.read("certificates").where("labels = 'random'").collect()
    return row


@pytest.fixture(scope="module")
def certified(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Tables, Any]:
    tables = at(spark, tmp_path_factory.mktemp("certified"))
    firsts = write_market(spark, tables, rate=0.03)
    certify_policy(spark, config(tables))
    decide_packaging(spark, config(tables))
    return tables, firsts


def test_a_move_is_listed_where_the_model_knows_nothing_and_another_shipment_was_drawn(certified: Any) -> None:
    tables, firsts = certified
    listed = {row.product_id: row.choices for row in tables.read("round_choices").collect()}
    assert len(listed) > 200
    assert not any(firsts[product]["known"] for product in listed)
    assert all(firsts[product]["other"] for product in listed)
    assert {name for choices in listed.values() for name in choices} <= {"bag", None}
    # P0003 has never shipped in a package that somebody chose.
    assert "P0003" not in listed
    (round_,) = tables.read("policy_rounds").collect()
    assert (round_.labels, round_.tests, round_.to_test, round_.method) == ("random", 0, 0, "exact")


def test_the_first_random_shipment_counts_where_its_package_is_the_chosen_one(certified: Any) -> None:
    tables, firsts = certified
    one = certificate(tables)
    assert one.status == "certified", one.why_none
    (round_,) = tables.read("policy_rounds").collect()
    place = round_.levels.index(one.level)
    chosen = {
        row.product_id: row.choices[place] for row in tables.read("round_choices").collect() if row.choices[place]
    }
    asked = tables.read("products").selectExpr(
        "product_id", "shiftrightunsigned(xxhash64(0, 'thinned', marketplace, product_id), 11) / power(2, 53) AS place"
    )
    places = {row.product_id: row.place for row in asked.collect()}
    names = [name for name, package in chosen.items() if firsts[name]["package_type"] == package]
    own = [firsts[name] for name in names]
    kept = counts([row["random_draw_propensity"] for row in own], LEAST, [places[name] for name in names])
    damaged = sum(row["random_draw_k"] for row, counted in zip(own, kept, strict=True) if counted)
    assert 0.3 < kept.mean() < 0.7
    assert (one.n, one.k, one.shipments, one.listed) == (kept.sum(), damaged, kept.sum(), len(chosen))
    assert 0.15 < one.n / one.listed < 0.35
    assert float(binomial_p_values(one.k, one.n, 0.2)) <= one.delta
    assert "not trained on" in one.promise


def test_nothing_but_the_list_moves_by_it(certified: Any) -> None:
    tables, _ = certified
    one, (round_,) = certificate(tables), tables.read("policy_rounds").collect()
    place = round_.levels.index(one.level)
    listed = {row.product_id: row.choices[place] for row in tables.read("round_choices").collect()}
    rows = tables.read("recommendations").collect()
    moved = {row.product_id: row.package_type for row in rows if row.certificate_id is not None}
    assert len(moved) > 100
    assert all(listed.get(name) == package for name, package in moved.items())
    assert {row.why_not_moved for row in rows if row.product_id not in moved} >= {"unsupported"}
    assert tables.read("test_queue").where("why = 'audit'").isEmpty()


@pytest.mark.slow
def test_p2_it_is_read_once_and_no_other_policy_reads_its_families(spark: SparkSession, certified: Any) -> None:
    tables, _ = certified
    names = ("policy_rounds", "round_choices", "certificates", "certificate_attempts")
    before = [tables.version(name) for name in names]
    certify_policy(spark, config(tables))
    assert [tables.version(name) for name in names] == before
    year = TODAY + timedelta(days=400)
    certify_policy(spark, config(tables, as_of=year, weight_cost=0.01))
    others = tables.read("certificates").where(f"labels = 'random' AND certificate_id <> '{certificate_id(tables)}'")
    assert {row.status for row in others.collect()} <= {"not_drawn"}
    assert tables.read("certificate_attempts").count() == 1


def certificate_id(tables: Tables) -> str:
    return str(tables.read("certificates").where("status = 'certified'").first().certificate_id)


@pytest.mark.slow
def test_a_waiting_round_keeps_its_delta(spark: SparkSession, tmp_path: Path) -> None:
    tables = at(spark, tmp_path)
    write_market(spark, tables, rate=0.0)
    waits = {"round_id": "r", "cell": "*/photos", "labels": "audit", "population": "panel", "delta": 0.1, "seed": 9}
    days = {"drawn_on": TODAY, "test_until": TODAY + timedelta(days=60), "hash_from": 0.0, "hash_to": 0.1}
    put_rows(tables, "policy_rounds", [{**waits, **days, "policy_digest": "another", "model_version": MODEL}])
    certify_policy(spark, config(tables))
    one = certificate(tables)
    assert (one.status, one.delta) == ("not_drawn", None)
    assert "spent" in one.why_none
    assert not tables.exists("certificate_attempts")


@pytest.mark.slow
def test_draws_that_are_not_as_they_say_are_not_read(spark: SparkSession, tmp_path: Path) -> None:
    """All went out in bags, which are said to be drawn in every second case."""
    tables = at(spark, tmp_path)
    write_market(spark, tables, rate=0.0, lottery="bags")
    certify_policy(spark, config(tables))
    one = certificate(tables)
    assert one.status == "waiting"
    assert "move to bag" in one.why_none
    assert not tables.exists("certificate_attempts")


@pytest.mark.slow
def test_damage_fails_and_spends_its_part(spark: SparkSession, tmp_path: Path) -> None:
    tables = at(spark, tmp_path)
    write_market(spark, tables, rate=0.5)
    certify_policy(spark, config(tables))
    assert certificate(tables).status == "failed"
    (attempt,) = tables.read("certificate_attempts").collect()
    assert (attempt.passed, attempt.delta) == (False, pytest.approx(0.1))


@pytest.mark.slow
def test_a_model_that_nobody_knows_the_training_of_is_not_certified(spark: SparkSession, tmp_path: Path) -> None:
    tables = at(spark, tmp_path)
    write_market(spark, tables, rate=0.0)
    put_rows(tables, "training_metrics", [])
    certify_policy(spark, config(tables))
    assert not tables.exists("policy_rounds")
    assert tables.read("certificates").where("labels = 'random'").isEmpty()


def test_the_first_of_all_is_found_before_rare_ones_are_left_out(spark: SparkSession) -> None:
    key = {"marketplace": "NA", "product_id": "p"}
    rows = [drawn(key, "bag", 5), drawn(key, "box", -3, 0.001, damaged=True), drawn(key, "mailer", -2, 0.9)]
    rows.append({**key, "package_type": "bag", "period": "2024-05", "n": 9, "k": 0, "n_random": 0})
    (first,) = first_draws(table_rows(spark, "pair_outcomes", rows)).collect()
    assert (first.package_type, first.propensity, first.damaged) == ("box", 0.001, True)


def test_what_a_policy_knows_is_counted_without_the_first_draw(spark: SparkSession) -> None:
    """300 shipments prove a bag unsafe by one damage more than the others show; that one is the label."""
    key = {"marketplace": "NA", "product_id": "p"}
    rules = OutcomesConfig(tau=0.01, confidence=0.95, n_min=100)
    month = {
        **drawn(key, "bag", -1, 0.3, damaged=True),
        "n": 300,
        "k": 7,
        "k_upper": 8,
        "n_random": 2,
        "n_random_single": 2,
        "k_random": 1,
    }
    other = drawn({**key, "product_id": "q"}, "bag", 1, 0.01)
    outcomes = table_rows(spark, "pair_outcomes", [month, other])
    label = {"source": "shipments", "label": "UNSAFE", "n": 300, "k": 7, "eligible": True}
    tests = table_rows(spark, "pair_tests", [{**key, "package_type": "bag", **label}])
    draws = first_draws(outcomes)
    rulings = table_rows(spark, "packaging_rules", [])
    inputs = {"pair_outcomes": outcomes, "pair_tests": tests, "packaging_rules": rulings}
    left = without_draws(inputs, draws, rules)
    (row,) = left["pair_outcomes"].collect()
    assert (row.product_id, row.n, row.k, row.k_upper, row.n_random, row.k_random) == ("p", 299, 6, 7, 1, 0)
    assert {row.label for row in left["pair_tests"].collect()} == {"UNKNOWN"}
    # Listed is what another shipment was drawn for, and never more rarely than counts.
    assert [row.product_id for row in drawn_pairs(left["pair_outcomes"], 0.3).collect()] == ["p"]
    assert drawn_pairs(left["pair_outcomes"], 0.31).isEmpty()
    assert drawn_pairs(left["pair_outcomes"].withColumn("n_random_single", F.lit(0)), 0.3).isEmpty()


def test_what_people_found_or_ruled_after_a_damage_takes_nothing_off_the_list(spark: SparkSession) -> None:
    """A damage that has a pair tested or banned would leave the list with those that happened not to break."""
    p, q = ({"marketplace": "NA", "product_id": name} for name in "pq")
    bag = drawn({**p}, "bag", -1, 0.3, damaged=True) | {"period": "2024-03"}
    human = {"package_type": "bag", "source": "human_test", "label": "UNSAFE", "n": 1, "k": 1}
    ban = {"marketplace": "NA", "action": "ban", "package_type": "bag"}
    bans = [
        {**ban, "rule_id": "of the month", "product_id": "p", "valid_from": date(2024, 3, 1)},
        {**ban, "rule_id": "undated", "product_id": "p"},
        {**ban, "rule_id": "before", "product_id": "p", "valid_from": date(2024, 2, 29)},
        {**ban, "rule_id": "of a vendor", "vendor": "v", "valid_from": date(2024, 5, 1)},
    ]
    outcomes = table_rows(spark, "pair_outcomes", [bag, {**q, "package_type": "bag", "period": "2024-03", "n": 1}])
    tests = table_rows(spark, "pair_tests", [{**p, **human}, {**q, **human}])
    rulings = table_rows(spark, "packaging_rules", bans)
    inputs = {"pair_outcomes": outcomes, "pair_tests": tests, "packaging_rules": rulings}
    left = without_draws(inputs, first_draws(outcomes), OutcomesConfig())
    assert [(row.product_id, row.source) for row in left["pair_tests"].collect()] == [("q", "human_test")]
    assert {row.rule_id for row in left["packaging_rules"].collect()} == {"before", "of a vendor"}


def test_a_table_of_an_earlier_leastpack_is_refused_by_name(spark: SparkSession) -> None:
    old = table_rows(spark, "pair_outcomes", []).drop("random_draw_propensity")
    with pytest.raises(InputError, match="propensity of single shipments"):
        require_draws(old)
