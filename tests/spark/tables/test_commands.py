"""`leastpack unlock` and `leastpack repair`, as they are typed."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession
from tests.spark.rows import table_rows
from typer.testing import CliRunner

from leastpack.cli import app
from leastpack.errors import ConfigError, WriterError
from leastpack.tables import Tables
from leastpack.tables.places import place_of
from leastpack.tables.writer import Writer

CHANGES = "recommendation_changes"
ROW = {"release_id": "r1", "marketplace": "NA"}


def typed(tables: Tables, *arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments, "--set", f"tables.root={tables.root}"])
    if done.exception is not None:
        raise done.exception
    return done.output


def test_unlock_takes_the_lease_and_says_whose_it_was(tables: Tables) -> None:
    assert "nobody holds the lease" in typed(tables, "unlock")
    writer = Writer.take(place_of(tables), "encode", "gone", 3600)
    told = typed(tables, "unlock")
    assert "the lease was held by" in told
    assert "gone" in told
    with pytest.raises(WriterError):
        writer.require_lease()
    assert "nobody holds the lease" in typed(tables, "unlock")
    Writer.take(place_of(tables), "encode", "next", 3600)


def test_repair_counts_first_and_removes_when_told_to(spark: SparkSession, tables: Tables) -> None:
    rows = [{**ROW, "product_id": key, "new": new} for key, new in (("a", "box"), ("a", "bag"), ("b", "box"))]
    tables.ensure(CHANGES)
    table_rows(spark, CHANGES, rows).write.format("delta").mode("append").save(tables.location(CHANGES))
    version = tables.version(CHANGES)
    told = typed(tables, "repair", CHANGES)
    assert "1 keys have more than one row, 1 rows are too many" in told
    assert "nothing was removed" in told
    assert tables.version(CHANGES) == version

    assert "1 rows were removed in one commit" in typed(tables, "repair", CHANGES, "--apply")
    assert sorted(row["product_id"] for row in tables.read(CHANGES).collect()) == ["a", "b"]
    run = tables.read("runs").where("step = 'repair'").collect()
    assert len(run) == 1
    mended = tables.version(CHANGES)
    assert "0 keys have more than one row" in typed(tables, "repair", CHANGES, "--apply")
    assert tables.version(CHANGES) == mended
    with pytest.raises(ConfigError):
        typed(tables, "repair", "nothing")
