"""Reads and writes the Delta tables: pinned versions, upserts on difference, overwrites of a part.

Where the tables have a writer, each commit carries its stamp, and one that Delta passed over is an error.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from leastpack.config.storage import TablesConfig
from leastpack.errors import ConfigError, InputError, PromiseError, WriterError
from leastpack.locations import absolute
from leastpack.log import log
from leastpack.tables.commits import Stamp, is_conflict, note_in, statement_settings, unstamped, was_made
from leastpack.tables.differences import Changes, changed_rows
from leastpack.tables.schemas import BY_NAME, Column, Table
from leastpack.tables.writer import Writer

# Readers other than Spark must open the tables, so the features they lack stay off wherever the default is on.
PROPERTIES = {"delta.enableDeletionVectors": "false", "delta.columnMapping.mode": "none"}
# Rows of tables in buckets lie in the order of hashes, so that a file's least and largest values would let no reader
# pass over it; to find them takes a third of the time that writing does.
IN_BUCKETS = {"delta.dataSkippingNumIndexedCols": "0"}
BUCKETS = "leastpack.buckets"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Commit:
    """A version of a table.

    Attributes:
        version: Its number; a table that was dropped and made anew has the same ones again.
        made_at: Microseconds since 1970.
        note: What `Tables.mark` left on the table with it; None where something else made it.
    """

    version: int
    made_at: int
    note: str | None


class Tables:
    """All tables under one root folder or in one catalog schema.

    Args:
        spark: The session.
        config: Where the tables are.

    Attributes:
        writer: The holder of the tables' lease, as long as a step writes; None leaves commits without a stamp.
    """

    def __init__(self, spark: SparkSession, config: TablesConfig) -> None:
        self.spark = spark
        self.config = config
        self.writer: Writer | None = None
        root = config.root
        self.root = absolute(root) if root is not None else None
        # A step asks for each table many times, and every answer costs a look at the log.
        self._there: set[str] = set()
        self._ensured: set[str] = set()

    def location(self, name: str) -> str:
        """Path or three-part name of a table."""
        if self.root is not None:
            return f"{self.root.rstrip('/')}/{BY_NAME[name].name}"
        return f"{self.config.schema_name}.{BY_NAME[name].name}"

    def exists(self, name: str) -> bool:
        """Whether the table has been made.

        A writer that took over fences each table off when it first meets it, before it reads: what the one before it
        has under way then fails.
        """
        if name not in self._there and self._look_for(name):
            self._there.add(name)
            if self.writer and self.writer.took_over and name not in self.writer.fenced:
                self._note(name, self.commit(name).note)
                self.writer.fenced.add(name)
        return name in self._there

    def version(self, name: str) -> int:
        """Latest Delta version of a table.

        Raises:
            InputError: The table does not exist.
        """
        return self.commit(name).version

    def commit(self, name: str) -> Commit:
        """What made the latest version of a table.

        Raises:
            InputError: The table does not exist.
        """
        self._require(name)
        # As it is: to select from it would be a job of its own, and a step asks for a dozen tables.
        row = self.spark.sql(f"DESCRIBE HISTORY {self._identifier(name)} LIMIT 1").collect()[0]
        made_at = (row["timestamp"].astimezone(UTC) - EPOCH) // timedelta(microseconds=1)
        return Commit(row["version"], made_at, note_in(row["userMetadata"]))

    def read(self, name: str, version: int | None = None) -> DataFrame:
        """Read a table, at a pinned version where one is given.

        Columns that it lacks, as an earlier leastpack made it, are null.

        Raises:
            InputError: The table does not exist.
        """
        self._require(name)
        rows = self._rows(name, version)
        lacking = [F.lit(None).cast(c.type).alias(c.name) for c in BY_NAME[name].columns if c.name not in rows.columns]
        return rows.select("*", *lacking) if lacking else rows

    def ensure(self, name: str) -> bool:
        """Make the table, empty, with its columns, comments, partitions and properties, where it is not there yet.

        A table that an earlier leastpack made gets the columns it lacks, empty.

        Returns:
            Whether it was made now.

        Raises:
            ConfigError: It exists with another number of buckets than the config says.
        """
        if name in self._ensured:
            return False
        if self.exists(name):
            self._check_buckets(name)
            self._add_columns(name)
            self._ensured.add(name)
            return False
        table = BY_NAME[name]
        columns = _declared(table.columns)
        partitions = f" PARTITIONED BY ({', '.join(table.partition_by)})" if table.partition_by else ""
        if self.writer:  # no statement that makes a table carries a stamp
            self.writer.require_lease()
        kept = f"interval {self.config.keep_days} days"
        properties = {**PROPERTIES, "delta.logRetentionDuration": kept, "delta.deletedFileRetentionDuration": kept}
        if "bucket" in table.names:
            properties[BUCKETS] = str(self.config.buckets)
        if "bucket" in table.partition_by:
            properties |= IN_BUCKETS
        listed = ", ".join(f"{_quoted(key)} = {_quoted(value)}" for key, value in properties.items())
        self.spark.sql(
            f"CREATE TABLE IF NOT EXISTS {self._identifier(name)} ({columns}) USING delta{partitions} "
            f"COMMENT {_quoted(table.doc)} TBLPROPERTIES ({listed})"
        )
        self._ensured.add(name)
        return True

    def append(self, name: str, df: DataFrame) -> None:
        """Add rows to a table; to one with a key, those whose key is not there.

        Raises:
            WriterError: Another run has taken over, or changed the table meanwhile.
        """
        made = self.ensure(name)
        rows = self.conform(name, df)
        if BY_NAME[name].key and not made:
            self._insert(BY_NAME[name], rows)
        else:
            self._save(name, rows)

    def merge(self, name: str, df: DataFrame, *, delete_missing: bool = False, scope: str | None = None) -> Changes:
        """Insert and update rows by key where they really differ; no difference makes no new version.

        Columns that tell when and by which run a row was written do not count as a difference.

        Args:
            name: Table.
            df: The rows as they should be.
            delete_missing: Also delete rows of the scope that `df` does not have.
            scope: SQL condition on the table; rows outside it are neither compared nor deleted.

        Returns:
            How many rows were inserted, updated and deleted.

        Raises:
            PromiseError: A key occurs twice in `df`.
            WriterError: Another run has taken over, or changed the table meanwhile.
        """
        made = self.ensure(name)
        table = BY_NAME[name]
        new = self.conform(name, df).persist()
        try:
            self._check_keys(table, new)
            if made:
                return self._fill(name, new)
            current = self.read(name)
            current = current.where(scope) if scope else current
            changed = changed_rows(new, current, table, delete_missing=delete_missing).persist()
            try:
                changes = Changes.count(changed)
                if changes.total:
                    self._apply(table, changed, changes)
                return changes
            finally:
                changed.unpersist()
        finally:
            new.unpersist()

    def replace(self, name: str, df: DataFrame) -> Changes:
        """Make a keyed table hold exactly the rows of `df`; no difference makes no new version."""
        return self.merge(name, df, delete_missing=True)

    def apply_changes(self, name: str, changed: DataFrame) -> Changes:
        """Write rows of `changed_rows`, made against the table as it is; none make no new version.

        Args:
            name: Table.
            changed: The rows, kept by the caller: they are read more than once.

        Returns:
            How many rows were inserted, updated and deleted.
        """
        if self.ensure(name):
            return self._fill(name, changed.where("_change = 'insert'").select(*BY_NAME[name].names))
        changes = Changes.count(changed)
        if changes.total:
            self._apply(BY_NAME[name], changed, changes)
        return changes

    def mark(self, name: str, note: str) -> None:
        """Leave a note in a version of its own: it holds until anything else makes a version, as RESTORE does too."""
        self._require(name)
        self._note(name, note)

    def replace_where(self, name: str, df: DataFrame, condition: str) -> None:
        """Overwrite the part of a table that the condition selects, in one transaction.

        Args:
            name: Table.
            df: The rows of that part.
            condition: SQL condition.

        Raises:
            WriterError: Another run has taken over, or changed the table meanwhile.
        """
        self.ensure(name)
        self._save(name, self.conform(name, df), replaced=condition)

    def conform(self, name: str, df: DataFrame) -> DataFrame:
        """Select the table's columns in order, cast to its types.

        Raises:
            InputError: A column is missing.
        """
        table = BY_NAME[name]
        missing = [column for column in table.names if column not in df.columns]
        if missing:
            raise InputError(
                f"rows for table {name} lack columns", expected=", ".join(missing), found=", ".join(df.columns)
            )
        return df.select([F.col(f"`{c.name}`").cast(c.type).alias(c.name) for c in table.columns])

    def _fill(self, name: str, rows: DataFrame) -> Changes:
        """Write the first rows of a table that was made just now: there is nothing to compare them with."""
        inserted = rows.count()
        if inserted:
            self._save(name, rows)
        return Changes(inserted, 0, 0)

    def _apply(self, table: Table, changed: DataFrame, changes: Changes) -> None:
        # Delta looks only into partitions that a condition names.
        parts = {name: [row[0] for row in changed.select(name).distinct().collect()] for name in table.partition_by}
        within = "".join(
            f" AND t.`{name}` = s.`{name}` AND t.`{name}` IN ({', '.join(map(_literal, some))})"
            for name, some in parts.items()
        )
        if changes.inserted == changes.total:
            affected = self._insert(table, changed, within)
        else:
            assignments = ", ".join(f"t.`{name}` = s.`{name}`" for name in table.names)
            clauses = (
                "WHEN MATCHED AND s._change = 'delete' THEN DELETE "
                f"WHEN MATCHED AND s._change <> 'delete' THEN UPDATE SET {assignments} "
                f"WHEN NOT MATCHED AND s._change <> 'delete' THEN {_inserted(table)}"
            )
            affected = self._merge_into(table, changed, clauses, within)["num_affected_rows"]
        if affected != changes.total:
            raise self._conflict(table.name)

    def _insert(self, table: Table, rows: DataFrame, within: str = "") -> int:
        """Insert the rows whose key is not there; how many."""
        answer = self._merge_into(table, rows, f"WHEN NOT MATCHED THEN {_inserted(table)}", within)
        return int(answer["num_inserted_rows"])

    def _merge_into(self, table: Table, rows: DataFrame, clauses: str, within: str) -> Row:
        """One MERGE by key; `within` says in which partitions the rows of the table with these keys are."""
        same_key = " AND ".join(f"t.`{key}` <=> s.`{key}`" for key in table.key) + within
        view = f"changed_{table.name}_{uuid.uuid4().hex}"
        rows.createOrReplaceTempView(view)
        try:
            with self._committing(table.name) as stamp, statement_settings(self.spark, stamp):
                answer = self.spark.sql(
                    f"MERGE INTO {self._identifier(table.name)} t USING {view} s ON {same_key} {clauses}"
                ).collect()
        finally:
            self.spark.catalog.dropTempView(view)
        if not answer and self.writer:  # Delta passed over it
            raise self.writer.lost_error()
        return answer[0]

    def _note(self, name: str, note: str | None) -> None:
        """Make a version without rows."""
        self._save(name, self._rows(name).limit(0), note=note)

    def _save(self, name: str, df: DataFrame, *, replaced: str | None = None, note: str | None = None) -> None:
        """Append, or overwrite what the condition `replaced` selects."""
        with self._committing(name, note) as stamp:
            writer = df.write.format("delta").mode("overwrite" if replaced else "append").options(**stamp.options)
            if replaced:
                writer = writer.option("replaceWhere", replaced)
            writer.save(self.location(name)) if self.root is not None else writer.saveAsTable(self.location(name))
        if self.writer and not was_made(self.spark, self._identifier(name), stamp.text):
            raise self.writer.lost_error()

    @contextmanager
    def _committing(self, name: str, note: str | None = None) -> Iterator[Stamp]:
        if self.writer:
            self.writer.require_lease()
        try:
            yield self.writer.stamp(note) if self.writer else unstamped(note)
        except Exception as error:
            if not is_conflict(error):
                raise
            raise self._conflict(name) from error

    def _conflict(self, name: str) -> WriterError:
        if self.writer:
            return self.writer.conflict_error(name)
        return WriterError(f"table {name} was changed by another program while this one was writing it")

    def _check_keys(self, table: Table, new: DataFrame) -> None:
        twice = new.groupBy(*table.key).count().where("count > 1").limit(1).collect()
        if twice:
            raise PromiseError(
                f"a key occurs twice in the rows for table {table.name}",
                expected=f"one row a {', '.join(table.key)}",
                found=str(twice[0].asDict()),
            )

    def _check_buckets(self, name: str) -> None:
        if "bucket" not in BY_NAME[name].names:
            return
        detail = self.spark.sql(f"DESCRIBE DETAIL {self._identifier(name)}").select("properties").collect()
        made_with = detail[0][0].get(BUCKETS)
        if made_with != str(self.config.buckets):
            raise ConfigError(
                f"table {name} was made with {made_with} buckets",
                found=f"tables.buckets = {self.config.buckets}",
                todo="set tables.buckets to what the table was made with, or write to a new place",
            )

    def _add_columns(self, name: str) -> None:
        there = self.spark.table(self._identifier(name)).columns
        lacking = [column for column in BY_NAME[name].columns if column.name not in there]
        if lacking:
            if self.writer:
                self.writer.require_lease()
            self.spark.sql(f"ALTER TABLE {self._identifier(name)} ADD COLUMNS ({_declared(lacking)})")
            log.info("table has new columns", table=name, columns=",".join(column.name for column in lacking))

    def _rows(self, name: str, version: int | None = None) -> DataFrame:
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(self.location(name)) if self.root is not None else reader.table(self.location(name))

    def _look_for(self, name: str) -> bool:
        try:
            return bool(self.spark.catalog.tableExists(self._identifier(name)))
        except AnalysisException:  # what a path that is no table raises
            return False

    def _identifier(self, name: str) -> str:
        return f"delta.`{self.location(name)}`" if self.root is not None else self.location(name)

    def _require(self, name: str) -> None:
        if not self.exists(name):
            raise InputError(
                f"table {name} does not exist at {self.location(name)}",
                todo=f"run the step that writes it first: leastpack {BY_NAME[name].step}",
            )


def _inserted(table: Table) -> str:
    names = ", ".join(f"`{name}`" for name in table.names)
    return f"INSERT ({names}) VALUES ({', '.join(f's.`{name}`' for name in table.names)})"  # noqa: S608


def _declared(columns: Iterable[Column]) -> str:
    return ", ".join(f"`{c.name}` {c.type} COMMENT {_quoted(c.doc)}" for c in columns)


def _literal(value: str | int) -> str:
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
