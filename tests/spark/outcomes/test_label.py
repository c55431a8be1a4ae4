"""The outcomes step on a hand-made shop, end to end."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.spark.outcomes.shop import (
    account,
    by_key,
    config,
    human_test,
    returned,
    review,
    shipment,
    write_catalog,
    write_export,
)

from leastpack.config.root import Config
from leastpack.errors import ConfigError, InputError
from leastpack.outcomes.label import label_outcomes
from leastpack.tables import Tables

PRODUCTS = ["mug", "book", "vase"]
EXPORTS: dict[str, list[Any]] = {
    "shipments": [
        *[shipment(i, "mug", "bag", "2024-03-01") for i in range(10)],
        *[shipment(i, "mug", "bag", "2024-04-02", propensity=0.25) for i in range(10, 15)],
        *[shipment(i, "book", "mailer", "2024-03-01") for i in range(20, 45)],
        shipment(50, "vase", "box"),
        shipment(50, "vase", "box"),
        shipment(51, "vase", "box", "2024-06-01"),
        shipment(52, "vase", "box", "2024-05-03"),
        shipment(53, "vase", "envelope"),
        shipment(54, "lamp", "box"),
        shipment(55, "vase", "box", "not a day"),
        shipment(56, "vase", "box", propensity=1.5),
        shipment(57, "vase", "box", marketplace="XX"),
        {"product_id": "vase", "package_type": "box", "shipped_at": "2024-03-01"},
    ],
    "returns": [
        returned(0, "mug"),
        returned(0, "mug"),
        returned(0, "mug", "leaked"),
        returned(1, "mug", "UNWANTED"),
        returned(2, "mug", day="2024-03-31"),
        returned(3, "mug", day="2024-04-01"),
        returned(4, "mug", day="2024-02-28"),
        returned(12, "mug", day="2024-04-05"),
        returned(20, "mug"),
        returned(999, "mug", day="2024-05-09"),
        returned(2, "mug", "ODD_SMELL"),
        returned(51, "vase", day="2024-06-02"),
        {"shipment_id": "s5", "product_id": "mug", "returned_at": "2024-03-09"},
    ],
    "reviews": [
        review(1, "mug", 5, "It arrived BROKEN"),
        review(2, "mug", 6, "broken, yet fine by me", stars=4),
        review(3, "mug", 7, "ugly"),
        review(4, "vase", None, "shattered"),
        review(5, "mug", None, "shattered"),
        review(6, "mug", 8, "smashed", reviewed_at="2024-04-15 00:00:00"),
        review(7, "mug", 9, "leaked", stars="many"),
        review(8, "mug", 9, "leaked", stars=9),
        {"review_id": "r9", "product_id": "mug", "text": "broken", "reviewed_at": "2024-03-12", "shipment_id": "s9"},
        review(1, "mug", 5, "It arrived BROKEN"),
    ],
    "human_tests": [
        human_test(1, "book", "bag", "safe", drawn=0.3),
        human_test(2, "vase", "bag", "UNSAFE"),
        human_test(3, "vase", "mailer", "SAFE", drawn=0.2, day=4),
        human_test(4, "vase", "mailer", "UNSAFE", drawn=0.5, day=9),
        human_test(5, "mug", "bag", "SAFE"),
        human_test(5, "mug", "bag", "SAFE"),
        human_test(6, "mug", "box", "PERHAPS"),
        human_test(7, "mug", "box", "SAFE", drawn=0.0),
    ],
}


@pytest.fixture(scope="module")
def labelled(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Tables]:
    shop = config(tmp_path_factory.mktemp("shop"), EXPORTS, as_of="2024-06-02", tau=0.02)
    tables = write_catalog(spark, shop, PRODUCTS)
    label_outcomes(spark, shop)
    return shop, tables


def test_p1_every_row_of_every_source_is_accounted_for(labelled):
    _, tables = labelled
    assert account(tables, "shipments") == {
        "rows_in": len(EXPORTS["shipments"]),
        "used": 42,
        "set_aside": {"duplicate": 1, "too_young": 1},
        "quarantined": 6,
    }
    assert account(tables, "returns") == {
        "rows_in": 13,
        "used": 5,  # one of a shipment that is too young: it is kept, and counts when the shipment does
        "set_aside": {
            "before_history": 1,
            "before_shipment": 1,
            "duplicate": 1,
            "late": 1,
            "no_shipment": 1,
            "not_damage": 1,
            "unmapped_reason": 1,
        },
        "quarantined": 1,
    }
    assert account(tables, "reviews") == {
        "rows_in": 10,
        "used": 3,
        "set_aside": {"duplicate": 1, "late": 1, "no_stars": 1, "not_damage": 2},
        "quarantined": 2,
    }
    assert account(tables, "human_tests") == {"rows_in": 8, "used": 5, "set_aside": {"duplicate": 1}, "quarantined": 2}


def test_p8_bad_rows_are_in_quarantine_with_a_code(labelled):
    _, tables = labelled
    rows = tables.read("quarantine").where("step = 'outcomes'").collect()
    assert sorted((row["source"], row["code"]) for row in rows) == [
        ("human_tests", "IMPOSSIBLE_DRAW_PROBABILITY"),
        ("human_tests", "IMPOSSIBLE_RESULT"),
        ("returns", "MISSING_REASON_CODE"),
        ("reviews", "IMPOSSIBLE_STARS"),
        ("reviews", "UNREADABLE_STARS"),
        ("shipments", "IMPOSSIBLE_PROPENSITY"),
        ("shipments", "MISSING_SHIPMENT_ID"),
        ("shipments", "UNKNOWN_MARKETPLACE"),
        ("shipments", "UNKNOWN_PACKAGE_TYPE"),
        ("shipments", "UNKNOWN_PRODUCT"),
        ("shipments", "UNREADABLE_SHIPPED_AT"),
    ]
    assert all(row["why"].endswith(".") and row["raw"].startswith("{") for row in rows)


def test_outcomes_are_counted_by_month(labelled):
    _, tables = labelled
    rows = by_key(tables.read("pair_outcomes"), "product_id", "package_type", "period")
    counts = {key: (row["n"], row["k"], row["n_random"], row["k_random"]) for key, row in rows.items()}
    assert counts == {
        # Two returns and a review; a shipment returned twice counts once, and a review without one means one of these.
        ("mug", "bag", "2024-03"): (10, 3, 0, 0),
        ("mug", "bag", "2024-04"): (5, 1, 5, 1),
        ("book", "mailer", "2024-03"): (25, 0, 0, 0),
        ("vase", "box", "2024-03"): (1, 1, 0, 0),  # a review that names no shipment, and only one can be meant
        ("vase", "box", "2024-05"): (1, 0, 0, 0),
    }
    assert rows["mug", "bag", "2024-03"]["random_draw_damaged"] is None
    assert rows["vase", "box", "2024-03"]["draw_damaged"] is True
    assert rows["book", "mailer", "2024-03"]["draw_damaged"] is False


def test_pair_tests_hold_bounds_eligibility_and_draws(labelled):
    _, tables = labelled
    rows = by_key(tables.read("pair_tests"), "source", "product_id", "package_type")
    mug = rows["shipments", "mug", "bag"]
    assert (mug["label"], mug["n"], mug["k"], mug["eligible"], mug["propensity"]) == ("UNSAFE", 15, 4, False, 0.25)
    assert 0.02 < mug["lower"] < 4 / 15 < mug["upper"]
    book = rows["shipments", "book", "mailer"]
    assert (book["label"], book["eligible"], book["propensity"]) == ("UNKNOWN", True, None)
    tested = {key[1:]: row for key, row in rows.items() if key[0] == "human_test"}
    found = {
        key: (row["label"], row["n"], row["k"], row["eligible"], row["draw_probability"]) for key, row in tested.items()
    }
    assert found == {
        ("book", "bag"): ("SAFE", 1, 0, True, 0.3),
        ("vase", "bag"): ("UNSAFE", 1, 1, False, None),
        ("vase", "mailer"): ("UNSAFE", 2, 1, True, 0.2),
        ("mug", "bag"): ("SAFE", 1, 0, False, None),
    }


def test_training_examples_take_the_human_test_first_and_else_the_posterior(labelled):
    _, tables = labelled
    rows = by_key(tables.read("training_examples"), "product_id", "package_type")
    assert len(rows) == 6
    mug = rows["mug", "bag"]
    assert (mug["label"], mug["target"], mug["weight"], mug["by_human_test"], mug["n"]) == ("SAFE", 0.0, 1.0, True, 15)
    book = rows["book", "mailer"]
    assert (book["label"], book["eligible"], book["by_human_test"]) == ("UNKNOWN", True, False)
    assert 0 < book["target"] < 0.5
    vase = rows["vase", "box"]
    assert (vase["label"], vase["n"], vase["k"]) == ("UNSAFE", 2, 1)
    assert 0.5 < vase["target"] < 1, "one damage in two shipments is no proof"
    assert 0 < vase["weight"] < book["weight"] < 1
    assert (rows["book", "bag"]["target"], rows["vase", "bag"]["target"]) == (0.0, 1.0)


def test_less_protective_is_below_everything_shipped_by_policy(labelled):
    _, tables = labelled
    rows = by_key(tables.read("training_examples"), "product_id", "package_type")
    assert {key for key, row in rows.items() if row["less_protective"]} == {
        ("book", "bag"),
        ("vase", "bag"),
        ("vase", "mailer"),
    }


def test_figures_tell_pairs_by_kind_and_label(labelled):
    _, tables = labelled
    figures = tables.read("runs").where("status = 'done'").collect()[-1]["figures"]
    assert figures["pairs"] == 6
    assert (figures["pairs.bag.SAFE"], figures["pairs.bag.UNSAFE"], figures["pairs.mailer.UNKNOWN"]) == (2, 1, 1)
    assert figures["groups"] == 3
    assert figures["labelled_share"] == pytest.approx(5 / 6)


def test_p2_a_second_run_changes_nothing_but_runs(spark, labelled):
    shop, tables = labelled
    history = ["shipment_items", "damage_reports", "human_tests", "outcome_buckets"]
    names = [*history, "pair_outcomes", "pair_tests", "training_examples", "quarantine"]
    before = [tables.version(name) for name in names]
    label_outcomes(spark, shop)
    assert [tables.version(name) for name in names] == before


@pytest.mark.proof
def test_p4_labels_do_not_depend_on_partitions(spark, labelled, tmp_path):
    """Two and seven files a source, in another order of rows, give what one file gave."""
    _, tables = labelled
    other = config(tmp_path, EXPORTS, as_of="2024-06-02", tau=0.02)
    for kind, parts in [("shipments", 7), ("returns", 2), ("reviews", 7), ("human_tests", 2)]:
        lines = (tmp_path / kind / "part.json").read_text(encoding="utf-8").splitlines(keepends=True)[::-1]
        (tmp_path / kind / "part.json").unlink()
        for part in range(parts):
            (tmp_path / kind / f"{part}.json").write_text("".join(lines[part::parts]), encoding="utf-8")
    again = write_catalog(spark, other, PRODUCTS)
    partitions = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", "3")
    try:
        label_outcomes(spark, other)
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", partitions)
    for name in ("pair_outcomes", "pair_tests", "training_examples"):
        assert again.read(name).count() > 0
        assert sorted(map(str, again.read(name).collect())) == sorted(map(str, tables.read(name).collect()))


@pytest.mark.slow
def test_human_tests_alone_are_enough_and_shipments_add_to_them(spark, tmp_path):
    alone = config(tmp_path, {"human_tests": EXPORTS["human_tests"]})
    tables = write_catalog(spark, alone, PRODUCTS)
    label_outcomes(spark, alone)
    tested = {("book", "bag"), ("vase", "bag"), ("vase", "mailer"), ("mug", "bag")}
    assert tables.read("pair_outcomes").count() == 0
    assert set(by_key(tables.read("training_examples"), "product_id", "package_type")) == tested
    # A later delivery: it holds no test, and what was tested stays; shipments have come.
    later = {
        "human_tests": [],
        "shipments": [shipment(1, "mug", "bag"), shipment(2, "mug", "box")],
        "returns": [returned(2, "mug")],
    }
    label_outcomes(spark, config(tmp_path, later, as_of="2024-06-02"))
    outcomes = by_key(tables.read("pair_outcomes"), "package_type")
    assert {package: row["k"] for package, row in outcomes.items()} == {"bag": 0, "box": 1}
    found = by_key(tables.read("training_examples"), "product_id", "package_type")
    assert set(found) == tested | {("mug", "box")}
    assert (found["mug", "bag"]["n"], found["mug", "bag"]["by_human_test"]) == (1, True)


@pytest.mark.parametrize(
    ("exports", "message"),
    [
        ({"returns": [returned(0, "mug")]}, "zero labels: no source tells"),
        ({"shipments": EXPORTS["shipments"]}, "shipments alone tell of no damage"),
        pytest.param(
            {"shipments": [], "returns": []}, "(?s)no shipment and no human test.*no rows", marks=pytest.mark.slow
        ),
        ({"shipments": [shipment(1, "lamp", "bag")], "returns": []}, "(?s)zero labels.*1 quarantined"),
    ],
)
def test_without_labels_nothing_is_written(spark, tmp_path, exports, message):
    shop = config(tmp_path, exports)
    tables = write_catalog(spark, shop, PRODUCTS)
    with pytest.raises(InputError, match=message):
        label_outcomes(spark, shop)
    assert not any(tables.exists(name) for name in ("pair_outcomes", "pair_tests", "training_examples"))


def test_shipments_wait_for_their_returns_and_are_kept_until_they_count(spark, tmp_path):
    """No source says how far returns have come: nothing counts, and nothing is lost."""
    young = {"shipments": [shipment(1, "mug", "bag"), shipment(2, "mug", "bag", "2024-03-29")], "returns": []}
    tables = write_catalog(spark, config(tmp_path, young), PRODUCTS)
    with pytest.raises(InputError, match=r"(?s)younger than the return window.*unknown.*2 too_young"):
        label_outcomes(spark, config(tmp_path, young))
    assert tables.read("shipment_items").count() == 2
    later = {"shipments": [], "returns": [returned(1, "mug"), returned(9, "mug", "UNWANTED", "2024-04-20")]}
    label_outcomes(spark, config(tmp_path, later))
    (row,) = tables.read("pair_outcomes").collect()
    assert (row["period"], row["n"], row["k"]) == ("2024-03", 1, 1)


def test_sources_that_a_run_leaves_alone_are_not_read_and_keep_what_they_told(spark, tmp_path):
    young = shipment(3, "mug", "bag", "2024-05-30")
    first = {
        "shipments": [shipment(1, "mug", "bag"), shipment(2, "mug", "bag"), young],
        "returns": [returned(1, "mug")],
    }
    shop = config(tmp_path, {**first, "human_tests": []}, as_of="2024-06-02")
    tables = write_catalog(spark, shop, PRODUCTS)
    with pytest.raises(ConfigError, match=r"(?s)names no source: photos.*shipments, returns, human_tests"):
        label_outcomes(spark, shop.with_chosen(["photos"]))
    label_outcomes(spark, shop)
    counted = tables.version("pair_outcomes")
    write_export(tmp_path / "human_tests", "human_tests", [human_test(1, "mug", "box", "UNSAFE")])
    shutil.rmtree(tmp_path / "shipments")
    # Returns are not read: whatever the config says of them, nothing more is known of a young shipment.
    later = shop.model_copy(update={"outcomes": shop.outcomes.model_copy(update={"as_of": date(2024, 9, 1)})})
    label_outcomes(spark, later.with_chosen(["human_tests"]))
    assert tables.version("pair_outcomes") == counted
    assert set(by_key(tables.read("pair_tests"), "package_type")) == {"bag", "box"}
    assert account(tables, "human_tests")["used"] == 1
    with pytest.raises(InputError, match="shipments"):
        label_outcomes(spark, shop)


def test_a_missing_export_is_named(spark, tmp_path: Path):
    shop = config(tmp_path, {"shipments": [], "returns": []})
    write_catalog(spark, shop, PRODUCTS)
    for file in (tmp_path / "returns").iterdir():
        file.unlink()
    (tmp_path / "returns").rmdir()
    with pytest.raises(InputError, match=r"returns.*nothing to read"):
        label_outcomes(spark, shop)
