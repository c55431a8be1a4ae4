"""A reader learned from what came back, from exports to verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.spark.outcomes.shop import config, returned, review, shipment, write_catalog

from leastpack.config.root import Config
from leastpack.errors import ConfigError, InputError
from leastpack.outcomes.label import label_outcomes
from leastpack.outcomes.readers.fit import fit_reader
from leastpack.outcomes.readers.kept import reader_in_force
from leastpack.outcomes.readers.show import reader_lines
from leastpack.tables import Tables

MONTHS = 6
EACH = 60  # shipments of each kind a month
DAMAGED, UGLY, FINE = "Kam in Scherben an.", "Gar nicht kaputt, nur zu teuer.", "Schön."


def exports() -> dict[str, list[Any]]:
    """Of three damaged shipments two come back; reviews tell of all, in words that the list does not know."""
    shipped, back, told = [], [], []
    for month in range(1, MONTHS + 1):
        for place in range(3 * EACH):
            number = month * 1000 + place
            shipped.append(shipment(number, "mug", "bag", f"2024-{month:02d}-03"))
            kind = (DAMAGED, UGLY, FINE)[place % 3]
            at = {"reviewed_at": f"2024-{month:02d}-12 09:00:00"}
            stars = 5 if kind == FINE else 1
            told.append(review(number, "mug", number, kind, stars=stars, language="de-DE", **at))
            if kind == DAMAGED and place % 9:
                comment = {"comment": "In Scherben angekommen"}
                back.append({**returned(number, "mug", day=f"2024-{month:02d}-10"), **comment})
            if kind == UGLY and place % 2:
                comment = {"comment": "Doch zu teuer"}
                back.append({**returned(number, "mug", "UNWANTED", day=f"2024-{month:02d}-11"), **comment})
    return {"shipments": shipped, "returns": back, "reviews": told}


def shop(spark: SparkSession, root: Path, **rules: Any) -> tuple[Config, Tables]:
    words = ["kaputt*", "zerbroch*"]
    told = config(root, exports(), as_of="2024-08-01", reporting_rate=0.7, review_words=words, **rules)
    return told, write_catalog(spark, told, [{"product_id": "mug", "family_id": "mug", "language": "de"}])


def damaged(tables: Tables) -> int:
    found: int = tables.read("pair_outcomes").selectExpr("sum(k)").collect()[0][0]
    return found


def versions(tables: Tables, *names: str) -> list[int]:
    return [tables.version(name) for name in names]


def test_a_reader_is_learned_speaks_from_the_next_run_on_and_can_be_taken_back(spark: SparkSession, tmp_path: Path):
    told, tables = shop(spark, tmp_path)
    label_outcomes(spark, told)
    came_back = sum(row["reason_code"] == "BROKEN" for row in exports()["returns"])
    not_broken = MONTHS * EACH
    assert damaged(tables) == came_back + not_broken, "the list of words reads `not kaputt` as damage"
    assert reader_lines(spark, told) == [
        "no reader was ever learned: the list of words speaks; leastpack reader fit learns one"
    ]

    lines = fit_reader(spark, told)
    assert any("de: the learned reader from" in line for line in lines)
    assert damaged(tables) == came_back + not_broken, "until outcomes runs"
    label_outcomes(spark, told)
    assert damaged(tables) == MONTHS * EACH, "all that reviews tell of, and nothing else"

    # P2: again nothing changes.
    before = versions(tables, "pair_outcomes", "damage_reports", "damage_readers", "damage_reader_rates")
    label_outcomes(spark, told)
    fit_reader(spark, told)
    assert versions(tables, "pair_outcomes", "damage_reports", "damage_readers", "damage_reader_rates") == before

    rates = tables.read("damage_reader_rates").where("language = 'de' AND source = '*'")
    words = rates.where("population = 'reviews' AND speaker = 'words'").collect()[0]
    # What reviews of the last months speak of may still come back.
    months = MONTHS - 2
    assert (words["found"], words["false_alarms"]) == (0, months * EACH)
    assert words["damage"] == came_back * months / MONTHS
    assert {row[0] for row in rates.select("population").distinct().collect()} == {
        "reviews", "comments", "last_month_reviews", "last_month_comments",
    }  # fmt: skip

    words_alone = told.outcomes.model_copy(update={"damage_reader": "words"})
    label_outcomes(spark, told.model_copy(update={"outcomes": words_alone}))
    assert damaged(tables) == came_back + not_broken
    # A list that was not measured speaks alone, whatever was learned beside another.
    other = reader_in_force(tables, told.outcomes.model_copy(update={"review_words": ["zerbroch*"]}))
    assert (other.reader_id, other.reader.tells_of_damage([DAMAGED], ["de"], ["2024-01"]).tolist()) == (None, [False])
    with pytest.raises(ConfigError, match="there is no reader nobody"):
        reader_in_force(tables, told.outcomes.model_copy(update={"damage_reader": "nobody"}))


def test_too_few_texts_are_refused_by_name_and_nothing_is_kept(spark: SparkSession, tmp_path: Path):
    few = {name: rows[:60] for name, rows in exports().items()}
    told = config(tmp_path / "few", few, as_of="2024-08-01")
    tables = write_catalog(spark, told, ["mug"])
    label_outcomes(spark, told)
    with pytest.raises(InputError, match="too few comments of returns and reviews"):
        fit_reader(spark, told)
    assert not tables.exists("damage_readers")
