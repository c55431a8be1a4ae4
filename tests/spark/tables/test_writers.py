"""Commits of a writer carry its epoch; one that Delta passes over, or that came second, is an error of one sentence."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession
from tests.spark.rows import table_rows

from leastpack.config.root import Config
from leastpack.config.storage import TablesConfig
from leastpack.doctor_tables import check_tables
from leastpack.errors import ConfigError, WriterError
from leastpack.tables import Tables
from leastpack.tables.commits import is_conflict
from leastpack.tables.lease import OvertakenError
from leastpack.tables.lease_folder import FolderPlace
from leastpack.tables.lease_s3 import ObjectPlace
from leastpack.tables.lease_table import TablePlace
from leastpack.tables.places import leased, place_of
from leastpack.tables.repeated import mend, repeated
from leastpack.tables.writer import Writer, unlock

CHANGES = "recommendation_changes"


ROW = {"release_id": "r1", "marketplace": "NA"}


def changes(spark: SparkSession, **new: str) -> DataFrame:
    return table_rows(spark, CHANGES, [{**ROW, "product_id": key, "new": new[key]} for key in new])


def content(tables: Tables) -> list[tuple[str, str]]:
    return sorted((row["product_id"], row["new"]) for row in tables.read(CHANGES).collect())


def blind(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Tables:
    """Under a writer whose looks at the lease all come a moment too early: Delta alone can stop it."""
    tables.writer = Writer.take(place_of(tables), "encode", "slow", 60)
    monkeypatch.setattr(tables.writer, "require_lease", lambda: None)
    return tables


def again(tables: Tables) -> Tables:
    return Tables(tables.spark, tables.config)


def test_a_stale_writer_fails_at_its_next_commit_of_any_kind(
    spark: SparkSession, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: dict[str, Callable[[Tables], object]] = {
        "insert": lambda t: t.append(CHANGES, changes(spark, c="stale")),
        "update": lambda t: t.merge(CHANGES, changes(spark, a="stale", c="stale")),
        "overwrite": lambda t: t.replace_where(CHANGES, changes(spark, a="stale"), "product_id = 'a'"),
        "delete": lambda t: t.delete_where(CHANGES, "product_id = 'a'"),
        "append": lambda t: t.append("releases", table_rows(spark, "releases", [{"release_id": "stale"}])),
        "note": lambda t: t.mark(CHANGES, "stale"),
    }
    stale = blind(again(tables), monkeypatch)
    stale.merge(CHANGES, changes(spark, a="one"))
    stale.append("releases", table_rows(spark, "releases", [{"release_id": "one"}]))
    stale.mark(CHANGES, "what it follows from")
    assert unlock(place_of(tables))
    with leased(tables, "catalog", "quick") as writer:
        assert writer.took_over
        # It has written nothing yet, and has met the tables only.
        assert tables.commit(CHANGES).note == "what it follows from"
        assert tables.exists("releases")
        versions = {name: tables.version(name) for name in (CHANGES, "releases")}
        for write in writes.values():
            with pytest.raises(WriterError, match=r"run slow has lost .* taken over by step catalog of run quick"):
                write(stale)
        assert {name: tables.version(name) for name in versions} == versions
        tables.merge(CHANGES, changes(spark, b="two"))
    assert content(tables) == [("a", "one"), ("b", "two")]


def wait_for(file: Path) -> None:
    end = time.monotonic() + 120
    while not file.exists():
        if time.monotonic() > end:
            raise TimeoutError(file)
        time.sleep(0.02)


def stopped_inside(df: DataFrame, folder: Path) -> DataFrame:
    """The same rows, which tell that they are being written, and wait to be let go on."""
    reached, on = str(folder / "reached"), str(folder / "on")

    def passed(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        Path(reached).touch()
        wait_for(Path(on))
        yield from batches

    return df.coalesce(1).mapInArrow(passed, df.schema)


@pytest.mark.parametrize("kind", ["append", "overwrite"])
def test_of_two_commits_under_way_at_once_the_second_is_one_sentence_and_no_key_is_repeated(
    spark: SparkSession, tables: Tables, tmp_path: Path, kind: str
) -> None:
    """The slow one has begun its transaction; the other is no run of leastpack's and knows no lease."""
    tables.merge(CHANGES, changes(spark, z="there"))

    def between() -> None:
        wait_for(tmp_path / "reached")
        # In a session of its own, like another program's: settings of a session hold for all that is in it.
        other = table_rows(spark.newSession(), CHANGES, [{**ROW, "product_id": "a", "new": "quick"}])
        other.write.format("delta").mode("append").save(tables.location(CHANGES))
        (tmp_path / "on").touch()

    with leased(tables, "encode", "slow"), ThreadPoolExecutor(1) as pool:
        quick = pool.submit(between)
        rows = stopped_inside(changes(spark, a="slow"), tmp_path)
        with pytest.raises(WriterError, match=f"table {CHANGES} was changed by another program while step encode"):
            tables.append(CHANGES, rows) if kind == "append" else tables.replace_where(CHANGES, rows, "new <> 'there'")
        quick.result()
    assert content(again(tables)) == [("a", "quick"), ("z", "there")]


def test_rows_whose_key_is_there_are_not_inserted_again(spark: SparkSession, tables: Tables) -> None:
    tables.append(CHANGES, changes(spark, a="first"))
    tables.append(CHANGES, changes(spark, a="second", b="second"))
    assert content(tables) == [("a", "first"), ("b", "second")]


def test_repeated_keys_are_found_and_mended_in_one_commit(spark: SparkSession, tables: Tables) -> None:
    embeddings = [
        {"modality": "text", "content_key": key, "encoder": "e", "error": error, "tokens": tokens, "encoded_at": at}
        for key, error, tokens, at in [
            ("a", None, 1, datetime(2024, 1, 1)),
            ("a", None, 2, datetime(2024, 1, 2)),
            ("a", "FETCH_TIMEOUT", None, datetime(2024, 1, 3)),
            ("b", None, 3, None),
            ("c", None, 4, None),
            ("c", None, 4, None),
        ]
    ]
    scores = [{"marketplace": "NA", "product_id": p, "bucket": 1} for p in ("p", "q", "q")]
    for name, rows in {"embeddings": embeddings, "scores": scores}.items():
        tables.ensure(name)
        table_rows(spark, name, rows).write.format("delta").mode("append").save(tables.location(name))
    config = Config(tables=tables.config)
    told = {check.name: (check.status, check.found, check.todo) for check in check_tables(config)}
    counts = {"embeddings": (2, 3), "scores": (1, 1)}
    for name, (keys, removed) in counts.items():
        status, found, todo = told[f"keys of {name}"]
        assert status == "fail"
        assert found == f"{keys} keys have more than one row, {removed} rows are too many"
        assert f"leastpack repair {name}" in todo
        before = tables.version(name)
        assert mend(tables, name) == removed
        assert mend(tables, name) == 0
        assert tables.version(name) == before + 1
    kept = tables.read("embeddings").select("content_key", "tokens").orderBy("content_key").collect()
    assert kept == [("a", 2), ("b", 3), ("c", 4)]
    assert [check.status for check in check_tables(config)] == ["ok", "ok"]
    with pytest.raises(ConfigError, match="runs is no table with a key"):
        repeated(tables, "runs")


def test_the_lease_of_tables_by_name_or_in_any_other_store_is_a_table(spark: SparkSession, tmp_path: Path) -> None:
    spark.sql("CREATE SCHEMA IF NOT EXISTS leasing")
    try:
        place = place_of(Tables(spark, TablesConfig(schema_name="spark_catalog.leasing")))
        assert place.read() == (None, "0")
        first = Writer.take(place, "encode", "slow", 60)
        with pytest.raises(OvertakenError):  # who saw that there was none
            place.write(first.lease, "0")
        assert unlock(place)
        second = Writer.take(place, "catalog", "quick", 60)
        with pytest.raises(WriterError, match="taken over by step catalog of run quick"):
            first.enter("decide")
        second.give_back()
        held, number = place.read()
        assert held is not None
        assert (held.run_id, held.given_back, number) == ("quick", True, "4")
        by_path = TablePlace(spark, f"file:{tmp_path}/leases", by_path=True)
        assert by_path.write(held, by_path.read()[1]) == "1"
        assert by_path.read() == (held, "1")
    finally:
        spark.sql("DROP SCHEMA leasing CASCADE")


def test_tables_by_name_are_fenced_too(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    spark.sql("CREATE SCHEMA IF NOT EXISTS fenced")
    try:
        named = Tables(spark, TablesConfig(schema_name="spark_catalog.fenced"))
        stale = blind(again(named), monkeypatch)
        stale.append(CHANGES, changes(spark, a="one"))
        assert unlock(place_of(named))
        with leased(named, "catalog", "quick"):
            assert named.exists(CHANGES)
            for write in (
                lambda: stale.append(CHANGES, changes(spark, b="stale")),
                lambda: stale.replace_where(CHANGES, changes(spark, a="stale"), "product_id = 'a'"),
                lambda: stale.mark(CHANGES, "stale"),
            ):
                with pytest.raises(WriterError, match="taken over by step catalog of run quick"):
                    write()
        assert content(named) == [("a", "one")]
    finally:
        spark.sql("DROP SCHEMA fenced CASCADE")


def test_where_the_lease_is_kept_follows_from_the_root(spark: SparkSession, tmp_path: Path) -> None:
    kinds = {
        f"{tmp_path}/tables": FolderPlace,
        f"file://{tmp_path}/tables": FolderPlace,
        "s3://bucket/tables": ObjectPlace,
        "s3a://bucket/tables/": ObjectPlace,
        "abfss://files@account.dfs.core.windows.net/tables": TablePlace,
        "gs://bucket/tables": TablePlace,
    }
    found = {root: place_of(Tables(spark, TablesConfig(root=root))) for root in kinds}
    assert {root: type(place) for root, place in found.items()} == kinds
    assert found[f"file://{tmp_path}/tables"].name == found[f"{tmp_path}/tables"].name == f"{tmp_path}/tables/_lease"
    assert found["s3a://bucket/tables/"].name == "s3a://bucket/tables/_lease/lease.json"


@pytest.mark.parametrize(
    ("said", "conflict"),
    [
        ("[DELTA_CONCURRENT_APPEND] ConcurrentAppendException: Files were added to partition", True),
        ("(org.apache.spark.SparkException) [DELTA_CONCURRENT_TRANSACTION] This error occurs when", True),
        ("io.delta.exceptions.MetadataChangedException: The metadata of the Delta table has been changed", True),
        ("[DELTA_TABLE_NOT_FOUND] Delta table `t` doesn't exist", False),
        ("java.nio.file.AccessDeniedException: bucket=2", False),
    ],
)
def test_what_delta_says_of_conflicts_is_known_however_it_comes(said: str, conflict: bool) -> None:
    assert is_conflict(RuntimeError(said)) == conflict
