"""Which certificates products move by where several speak of a pool."""

from __future__ import annotations

from datetime import date
from typing import Any

from pyspark.sql import Row, SparkSession
from tests.spark.market import config_for, package_rows, write

from leastpack.certificates.in_force import standing
from leastpack.certificates.terms import make_terms
from leastpack.tables import Tables


def test_strata_alone_and_together_do_not_stand_side_by_side_and_a_pilot_has_an_alpha_of_its_own(
    spark: SparkSession, tables: Tables
) -> None:
    types = [Row(**row) for row in package_rows()]
    terms = make_terms(config_for(tables, {"least_propensity": 0.1}), types, "model-1")

    def given(number: int, cell: str, labels: str = "audit", alpha: float = 0.01) -> dict[str, Any]:
        certificate = {"certificate_id": f"c{number}", "round_id": "r", "cell": cell, "labels": labels, "alpha": alpha}
        told = {"status": "certified", "level": 0.1, "issued_on": date(2024, 1, number)}
        return {**certificate, **told, "choice_digest": terms.choice_digest, "policy_digest": "p"}

    def in_force(*rows: dict[str, Any]) -> dict[str, str]:
        write(spark, tables, {"certificates": list(rows), "certificate_types": []})
        return {cell: one.certificate_id for cell, one in standing(tables, terms).in_force.items()}

    # Of the products without photos alone the pilot says nothing.
    assert in_force(given(1, "*/photos"), given(2, "*/either", "pilot")) == {"*/either": "c2"}
    both = (given(1, "*/either", "pilot"), given(2, "*/photos"), given(3, "*/no_photos"))
    assert in_force(*both) == {"*/photos": "c2", "*/no_photos": "c3"}
    # The config promises 20 % unsafe, and a mean damage rate of 1 %.
    assert in_force(given(1, "*/photos", "audit", 0.2), given(2, "*/no_photos", "pilot", 0.02)) == {"*/photos": "c1"}
    # Of two of one day the one that moves more, whatever their names.
    same_day = [{**given(number, "*/photos"), "issued_on": date(2024, 1, 9)} for number in (1, 2)]
    same_day[0]["level"] = 0.2
    assert in_force(*same_day) == {"*/photos": "c1"}
    # One by past shipments speaks of a few products: it stands back where its pool has another.
    past = [given(3, "*/either", "random"), given(4, "NA/photos", "random")]
    assert in_force(given(1, "*/photos"), *past) == {"*/photos": "c1", "NA/photos": "c4"}
    assert in_force(*past) == {"*/either": "c3", "NA/photos": "c4"}
    assert in_force(given(3, "*/either", "random", 0.02)) == {}
    assert standing(tables, terms).supported == frozenset()
    # Who does not trust the lottery any more sets least_propensity to null: that sends its moves back.
    assert in_force(*past) != {}
    assert standing(tables, make_terms(config_for(tables), types, "model-1")).in_force == {}
