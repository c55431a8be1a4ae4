"""The lines of docs/readers.md, run as they stand there against a release that the tables have moved on from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.quick import as_in_production
from tests.spark.market import config_for, whole, write
from tests.spark.rows import add_rows

from leastpack.releases.publish import publish_release
from leastpack.tables import Tables

NAMED = ("package_type", "recommended")
DOC = Path(__file__).parents[3] / "docs" / "readers.md"


@pytest.fixture
def names(spark: SparkSession, tables: Tables) -> dict[str, Any]:
    """What the lines of the page leave behind."""
    rows = whole()
    # In the page's own words: a bag is a paper_bag.
    for content in rows.values():
        for row in content:
            row.update({key: "paper_bag" for key, value in row.items() if value == "bag" and key in NAMED})
    write(spark, tables, rows)
    config = config_for(tables)
    with as_in_production(spark):
        other = F.transform("void_share", lambda share: share + 0.0)
        changed = {"void_share": other, "_change": F.lit("update")}
        tables.replace_rows("scores", tables.read("scores").where("product_id = 'A'").withColumns(changed).persist())
        publish_release(spark, config)
    for name in ("scores", "recommendations"):
        add_rows(tables, name, rows[name])

    blocks = re.findall(r"```python\n(.*?)```", DOC.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 5
    found: dict[str, Any] = {"spark": spark, "config": config}
    for block in blocks:
        lines = block.replace('"out/demo/tables"', repr(tables.config.root))
        exec(compile(lines, str(DOC), "exec"), found)
    return found


def test_p12_readers_other_than_spark_see_the_release(names: dict[str, Any]) -> None:
    assert names["release"]["status"] == "published"
    assert names["released"]("scores").version() == names["versions"]["scores"]

    assert sorted(names["recommendations"]["product_id"]) == ["A", "B"]
    assert set(names["recommendations"]["package_type"]) == {"paper_bag"}
    assert names["bags"]["risk"].to_list() == pytest.approx([0.09, 0.09])

    by_type = {row["package_type"]: (row["pairs"], row["risk"]) for row in names["risk_by_type"].to_dicts()}
    assert {name: pairs for name, (pairs, _) in by_type.items()} == {"box": 2, "mailer": 2, "paper_bag": 2}
    risks = {name: risk for name, (_, risk) in by_type.items()}
    assert risks == pytest.approx({"box": 0.01, "mailer": 0.05, "paper_bag": 0.09})
    assert names["lightest"] == [("paper_bag", 2, 0.09)]
    assert names["decisions"].count() == names["scored"].count() == 6
    assert names["scored"].where("package_type = 'paper_bag' AND abs(risk - 0.09) < 1e-6").count() == 2
