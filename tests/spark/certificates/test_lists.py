"""A frozen list of moves: drawn from and tested without replacement, and nothing else moves by its certificate."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession
from tests.spark.market import TODAY, config_for, human_test, market_rows, results, with_photos, write
from tests.spark.rows import add_rows

from leastpack.certificates.certify import certify_policy
from leastpack.config.root import Config
from leastpack.config.storage import TablesConfig
from leastpack.decisions.decide import decide_packaging
from leastpack.policy.exact import list_p_values, list_upper_bound
from leastpack.tables import Tables
from leastpack.tables.keys import PAIR

pytestmark = pytest.mark.slow
LATER = "P9999"
# The day on which the round's results must be in.
LATE = TODAY + timedelta(days=60)


def of_list(tables: Tables, day: date = TODAY) -> Config:
    return config_for(tables, {"population": "list", "levels": 1, "draw_products": 120}, as_of=day)


def later_product(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """A product like one that moves, which came to the catalog after the draw."""
    like = "P0012"
    names = ("products", "scores", "pair_outcomes")
    return {name: [{**row, "product_id": LATER} for row in rows[name] if row["product_id"] == like] for name in names}


@pytest.fixture(scope="module")
def tested(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """A list is drawn from and read, of its moves one is unsafe, one has no result, and a product has come since."""
    tables = Tables(spark, TablesConfig(root=str(tmp_path_factory.mktemp("list")), buckets=4))
    rows = with_photos(market_rows())
    write(spark, tables, rows)
    certify_policy(spark, of_list(tables))
    decide_packaging(spark, of_list(tables))
    found = results(tables)
    broken = human_test({name: found[0][name] for name in PAIR}, unsafe=True)
    # Of a panel, too, in which its results must not act while a round waits.
    panel = {"round_id": "panel", "cell": "*/either", "seed": 3, "hash_from": 0.0, "hash_to": 1.0}
    waits = {"drawn_on": TODAY, "test_until": LATE + timedelta(days=1), "model_version": "another"}
    add_rows(tables, "policy_rounds", [{**panel, **waits, "population": "panel"}])
    add_rows(tables, "pair_tests", [broken, *found[2:]])
    certify_policy(spark, of_list(tables, LATE))
    for name, content in later_product(rows).items():
        add_rows(tables, name, content)
    decide_packaging(spark, of_list(tables, LATE))
    return tables


def moves_of(tables: Tables) -> dict[str, Row]:
    return {row.product_id: row for row in tables.read("round_choices").collect() if row.choices[0] is not None}


def test_all_moves_are_listed_and_those_of_drawn_products_are_tested(tested: Tables) -> None:
    (round_,) = tested.read("policy_rounds").where("population = 'list'").collect()
    assert (round_.population, len(round_.levels)) == ("list", 1)
    moves = moves_of(tested)
    assert round_.listed == [len(moves)]
    drawn = {name for name, row in moves.items() if row.drawn}
    assert round_.tests == len(drawn)
    assert 0.2 * len(moves) < len(drawn) < 0.6 * len(moves)


def test_a_list_is_certified_without_replacement_less_what_was_found_unsafe(tested: Tables) -> None:
    """A move without a result counts as unsafe and stays on the list."""
    (one,) = tested.read("certificates").where("status = 'certified'").collect()
    tests = {tuple(row[name] for name in PAIR): row.k for row in tested.read("pair_tests").collect()}
    drawn = [row for row in moves_of(tested).values() if row.drawn]
    results_of = [tests.get((row.marketplace, row.product_id, row.choices[0])) for row in drawn]
    unsafe = sum(result or 0 for result in results_of)
    assert (unsafe > 0, results_of.count(None)) == (True, 1)
    assert (one.n, one.k, one.missing, one.taken_out) == (len(drawn), unsafe + 1, 1, unsafe)
    assert one.listed == len(moves_of(tested))
    assert list_p_values(one.k, one.n, one.listed, 0.2, unsafe) <= one.delta
    assert one.upper_bound == pytest.approx(list_upper_bound(one.k, one.n, one.listed, one.delta, unsafe))
    assert one.upper_bound <= 0.2


def test_only_listed_moves_go_out_by_its_certificate(tested: Tables) -> None:
    moves, rows = moves_of(tested), {row.product_id: row for row in tested.read("recommendations").collect()}
    moved = {name: row.package_type for name, row in rows.items() if row.certificate_id is not None}
    assert len(moved) > 30
    assert all(moves[name].choices[0] == package for name, package in moved.items())
    later = rows[LATER]
    assert (later.package_type, later.reason, later.why_not_moved) == ("mailer", "kept", "unsupported")
    assert rows["P0012"].reason == "moved"
    tests = {(row.product_id, row.package_type): row.k for row in tested.read("pair_tests").collect()}
    unsafe = {name for name, row in moves.items() if row.drawn and tests.get((name, row.choices[0]))}
    assert unsafe
    assert not unsafe & set(moved)


def test_tests_of_a_list_are_no_part_of_a_panel(tested: Tables, spark: SparkSession, tmp_path: Path) -> None:
    """They prove what they prove at once: the next list is drawn by another hash, whatever trained its model."""
    drawn = next(row for row in moves_of(tested).values() if row.drawn)
    waiting = Tables(spark, TablesConfig(root=str(tmp_path / "waiting"), buckets=4))
    write(spark, waiting, with_photos(market_rows()))
    certify_policy(spark, of_list(waiting))
    found = human_test({name: drawn[name] for name in PAIR[:2]} | {"package_type": drawn.choices[0]}, unsafe=False)
    add_rows(waiting, "pair_tests", [found])
    decide_packaging(spark, of_list(waiting))
    row = waiting.read("recommendations").where(f"product_id = '{drawn.product_id}'").first()
    assert (row.package_type, row.reason) == (drawn.choices[0], "proven_safe")
