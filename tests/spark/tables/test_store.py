from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from tests.spark.rows import put_rows

import leastpack
from leastpack.config.storage import TablesConfig
from leastpack.errors import ConfigError, InputError, PromiseError
from leastpack.tables import Tables
from leastpack.tables.clock import now
from leastpack.tables.differences import changed_rows
from leastpack.tables.schemas import OUTCOME_BUCKETS, RECOMMENDATION_CHANGES


def rows(spark: SparkSession, content: dict[str, str | None]) -> DataFrame:
    data = [("r1", "NA", key, None, value, "other") for key, value in content.items()]
    return spark.createDataFrame(data, RECOMMENDATION_CHANGES.schema)


def content(tables: Tables) -> dict[str, str | None]:
    return {row["product_id"]: row["new"] for row in tables.read("recommendation_changes").collect()}


def test_p2_merging_the_same_rows_makes_no_new_version(spark: SparkSession, tables: Tables) -> None:
    first = tables.merge("recommendation_changes", rows(spark, {"a": "box", "b": None}))
    version = tables.version("recommendation_changes")
    second = tables.merge("recommendation_changes", rows(spark, {"a": "box", "b": None}))
    assert (first.inserted, second.total) == (2, 0)
    assert tables.version("recommendation_changes") == version


def test_merge_inserts_updates_and_keeps_what_is_missing(spark: SparkSession, tables: Tables) -> None:
    tables.merge("recommendation_changes", rows(spark, {"a": "box", "b": None, "c": "bag"}))
    changes = tables.merge("recommendation_changes", rows(spark, {"b": "bag", "c": None, "d": "box"}))
    assert (changes.inserted, changes.updated, changes.deleted) == (1, 2, 0)
    assert content(tables) == {"a": "box", "b": "bag", "c": None, "d": "box"}


def test_replace_deletes_what_is_missing_within_its_scope(spark: SparkSession, tables: Tables) -> None:
    tables.merge("recommendation_changes", rows(spark, {"a": "box", "b": "box", "c": "bag"}))
    tables.merge("recommendation_changes", rows(spark, {"b": "bag"}), delete_missing=True, scope="product_id < 'c'")
    assert content(tables) == {"b": "bag", "c": "bag"}


def test_provenance_alone_is_no_difference(spark: SparkSession, tables: Tables) -> None:
    queue = "'NA' marketplace, 'p' product_id, 'bag' package_type, 't' test_id, 1 rank, 'random' why, 0.1D risk"
    sql = f"SELECT {queue}, 2.0D weight_saved_g, 0.5D draw_probability, 'r' draw_round, '{{}}' run_id"
    tables.merge("test_queue", spark.sql(sql.format("one")))
    assert tables.merge("test_queue", spark.sql(sql.format("two"))).total == 0
    assert tables.read("test_queue").first()["run_id"] == "one"


@pytest.mark.parametrize("there", [False, True])
def test_rows_with_a_time_are_worked_out_once(spark: SparkSession, tables: Tables, there: bool) -> None:
    """They may be the work of hours: photos tried again, the decisions of a whole catalog."""
    worked = spark.sparkContext.accumulator(0)

    def work(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            worked.add(batch.num_rows)
            yield batch

    if there:
        put_rows(tables, "quarantine", [{"step": "s", "source": "a", "row_hash": "other"}])
    else:
        tables.ensure("quarantine")
    keys = spark.sql("SELECT 's' step, 'a' source, string(id) row_hash, NULL code, NULL why, NULL raw FROM range(3)")
    rows = keys.mapInArrow(work, keys.schema).withColumn("seen_at", now())
    assert tables.merge("quarantine", rows).inserted == 3
    assert worked.value == 3


def test_nothing_that_is_written_asks_spark_for_the_time() -> None:
    folder = Path(leastpack.__file__).parent
    asking = [path.name for path in folder.rglob("*.py") if "F.current_timestamp" in path.read_text(encoding="utf-8")]
    assert asking == []


def test_arrays_are_compared(spark: SparkSession, tables: Tables) -> None:
    base = spark.sql("SELECT 'text' modality, 'k' content_key, 'e' encoder, NULL error, NULL error_permanent")
    others = ("warning", "attempts", "next_try", "encoded_at")
    base = base.selectExpr("*", "1 tokens", "0 unknown_tokens", *[f"NULL {name}" for name in others])
    base = base.selectExpr("*", "array(1.0F, 2.0F) vector")
    assert tables.merge("embeddings", base).inserted == 1
    assert tables.merge("embeddings", base).total == 0
    assert tables.merge("embeddings", base.withColumn("vector", F.expr("array(1.0F, 2.5F)"))).updated == 1


def test_maps_are_compared_whatever_the_order_of_their_entries(spark: SparkSession) -> None:
    eu, na = "'EU', DATE '2024-01-01'", "'NA', DATE '2024-02-01'"
    cases = {  # what a map was and what it is to be, and whether that is a change
        "same": (f"map({eu}, {na})", f"map({eu}, {na})", False),
        "other order": (f"map({eu}, {na})", f"map({na}, {eu})", False),
        "other value": (f"map({eu}, {na})", f"map({eu}, 'NA', DATE '2024-02-02')", True),
        "other key": (f"map({eu})", "map('JP', DATE '2024-01-01')", True),
        "one more": (f"map({eu})", f"map({eu}, {na})", True),
        "one less": (f"map({eu}, {na})", f"map({na})", True),
        "null": (f"map({eu})", "NULL", True),
        "both null": ("NULL", "NULL", False),
    }
    was, to_be = (
        spark.sql(
            " UNION ALL ".join(
                f"SELECT {number} bucket, 'r' rules, CAST({case[side]} AS map<string,date>) watermarks,"
                " CAST(NULL AS date) pending_from"
                for number, case in enumerate(cases.values())
            )
        )
        for side in (0, 1)
    )
    changed = changed_rows(to_be, was, OUTCOME_BUCKETS, delete_missing=True).collect()
    assert {row["_change"] for row in changed} == {"update"}
    assert {list(cases)[row["bucket"]] for row in changed} == {name for name, (*_, differs) in cases.items() if differs}


def test_a_key_that_occurs_twice_is_refused(spark: SparkSession, tables: Tables) -> None:
    twice = rows(spark, {"a": "box"}).unionAll(rows(spark, {"a": "bag"}))
    with pytest.raises(PromiseError, match="occurs twice"):
        tables.merge("recommendation_changes", twice)


def test_a_missing_table_names_the_step_that_writes_it(tables: Tables) -> None:
    with pytest.raises(InputError, match="leastpack score"):
        tables.read("scores")


def test_a_missing_column_is_named(spark: SparkSession, tables: Tables) -> None:
    with pytest.raises(InputError, match="cause"):
        tables.append("recommendation_changes", rows(spark, {"a": "b"}).drop("cause"))


def test_versions_stay_readable(spark: SparkSession, tables: Tables) -> None:
    tables.merge("recommendation_changes", rows(spark, {"a": "box"}))
    version = tables.version("recommendation_changes")
    tables.merge("recommendation_changes", rows(spark, {"a": "bag"}))
    assert tables.read("recommendation_changes", version).first()["new"] == "box"


def test_a_note_holds_until_anything_else_makes_a_version(spark: SparkSession, tables: Tables) -> None:
    tables.ensure("scores")
    assert tables.commit("scores").note is None
    tables.mark("scores", "it's done")
    assert tables.commit("scores").note == "it's done"
    for change in ("SET TBLPROPERTIES ('a.b' = 'c')", "UNSET TBLPROPERTIES ('a.b')"):
        tables.mark("scores", "done")
        spark.sql(f"ALTER TABLE delta.`{tables.location('scores')}` {change}")
        assert tables.commit("scores").note is None


def test_the_days_that_versions_are_kept_are_the_tables_own(spark: SparkSession, tables: Tables) -> None:
    config = tables.config.model_copy(update={"keep_days": 7})
    Tables(spark, config).ensure("releases")
    detail = spark.sql(f"DESCRIBE DETAIL delta.`{tables.location('releases')}`").first()
    kept = [detail["properties"][f"delta.{name}RetentionDuration"] for name in ("log", "deletedFile")]
    assert kept == ["interval 7 days"] * 2


def test_other_buckets_than_the_table_was_made_with_are_refused(spark: SparkSession, tables: Tables) -> None:
    tables.ensure("products")
    other = Tables(spark, TablesConfig(root=tables.config.root, buckets=8))
    with pytest.raises(ConfigError, match="made with 4 buckets"):
        other.ensure("products")


def test_tables_can_live_in_a_schema_by_name(spark: SparkSession) -> None:
    spark.sql("CREATE SCHEMA IF NOT EXISTS named")
    named = Tables(spark, TablesConfig(schema_name="spark_catalog.named"))
    try:
        named.merge("recommendation_changes", rows(spark, {"a": "box"}))
        named.merge("recommendation_changes", rows(spark, {"a": "bag", "b": None}))
        assert content(named) == {"a": "bag", "b": None}
        named.replace_where("recommendation_changes", rows(spark, {"a": "mailer"}), "product_id = 'a'")
        assert content(named) == {"a": "mailer", "b": None}
        assert named.version("recommendation_changes") == 3
    finally:
        spark.sql("DROP SCHEMA named CASCADE")


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["bag", "box", None])), min_size=1, max_size=3)
)
def test_replace_ends_with_exactly_the_rows_given(
    spark: SparkSession, tables: Tables, histories: list[dict[str, str | None]]
) -> None:
    for state in histories:
        tables.replace("recommendation_changes", rows(spark, state))
        assert content(tables) == state


def test_a_table_of_an_earlier_leastpack_is_read_with_nulls_and_gets_its_columns_on_writing(
    spark: SparkSession, tables: Tables
) -> None:
    old = "'r0' release_id, 'NA' marketplace, 'a' product_id, 'box' old, 'bag' new"
    spark.sql(f"SELECT {old}").write.format("delta").save(tables.location("recommendation_changes"))
    assert tables.read("recommendation_changes").select("product_id", "cause").collect() == [("a", None)]
    assert tables.merge("recommendation_changes", rows(spark, {"b": "bag"})).inserted == 1
    assert {(r["product_id"], r["cause"]) for r in tables.read("recommendation_changes").collect()} == {
        ("a", None),
        ("b", "other"),
    }
    before_the_change = tables.read("recommendation_changes", version=0)
    assert before_the_change.select("product_id", "cause").collect() == [("a", None)]
