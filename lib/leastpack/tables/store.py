"""Reads and writes the Delta tables: pinned versions, upserts on difference, overwrites of a part.

Where the tables have a writer, each commit carries its stamp, and one that Delta passed over is an error.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import DataFrame, Row, SparkSession

from leastpack.config.storage import TablesConfig
from leastpack.errors import WriterError
from leastpack.log import log
from leastpack.tables.commits import Stamp, is_conflict, statement_settings, unstamped, was_made
from leastpack.tables.differences import Changes, changed_rows
from leastpack.tables.making import (
    BUCKETS,
    DELETION_VECTORS,
    check_buckets,
    columns_statement,
    lacking_columns,
    make_statement,
    property_statement,
)
from leastpack.tables.merging import (
    change_clauses,
    check_keys,
    conformed,
    insert_clause,
    merge_statement,
    within_parts,
)
from leastpack.tables.reading import ReadTables
from leastpack.tables.schemas import BY_NAME, Table
from leastpack.tables.writer import Writer


class Tables(ReadTables):
    """All tables under one root folder or in one catalog schema, to read and write.

    Args:
        spark: The session.
        config: Where the tables are.

    Attributes:
        writer: The holder of the tables' lease, as long as a step writes; None leaves commits without a stamp.
    """

    def __init__(self, spark: SparkSession, config: TablesConfig) -> None:
        super().__init__(spark, config)
        self.writer: Writer | None = None
        self._ensured: set[str] = set()

    def exists(self, name: str) -> bool:
        """Whether the table has been made.

        A writer that took over fences each table off when it first meets it, before it reads: what the one before it
        has under way then fails.
        """
        first_met = name not in self._there
        there = super().exists(name)
        if there and first_met and self.writer and self.writer.took_over and name not in self.writer.fenced:
            self._note(name, self.commit(name).note)
            self.writer.fenced.add(name)
        return there

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
        if self.writer:  # no statement that makes a table carries a stamp
            self.writer.require_lease()
        self.spark.sql(make_statement(BY_NAME[name], self._identifier(name), self.config))
        self._ensured.add(name)
        return True

    def append(self, name: str, df: DataFrame) -> None:
        """Add rows to a table; to one with a key, those whose key is not there.

        Raises:
            WriterError: Another run has taken over, or changed the table meanwhile.
        """
        fresh = self._ensure_fresh(name)
        rows = self.conform(name, df)
        if BY_NAME[name].key and fresh:  # not counted first: they may be the work of hours, and no one keeps them
            self._save(name, rows, replaced="true")
        elif BY_NAME[name].key:
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
        fresh = self._ensure_fresh(name)
        table = BY_NAME[name]
        new = self.conform(name, df).persist()
        try:
            check_keys(table, new)
            if fresh:
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
        if self._ensure_fresh(name):
            return self._fill(name, changed.where("_change = 'insert'").select(*BY_NAME[name].names))
        changes = Changes.count(changed)
        if changes.total:
            self._apply(BY_NAME[name], changed, changes)
        return changes

    def replace_rows(self, name: str, changed: DataFrame) -> Changes:
        """`apply_changes` that writes no row anew which stays: the others are marked in deletion vectors.

        Readers of the table must know these from then on.
        """
        self._require(name)
        if self._properties(name).get(DELETION_VECTORS) != "true":
            if self.writer:  # no statement that alters a table carries a stamp
                self.writer.require_lease()
            self.spark.sql(property_statement(self._identifier(name), DELETION_VECTORS, "true"))
            log.info("rows are replaced by deletion vectors from now on", table=name)
        return self.apply_changes(name, changed)

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

    def delete_where(self, name: str, condition: str) -> None:
        """Delete the part of a table that the condition selects, in one transaction.

        Args:
            name: Table.
            condition: SQL condition; where it names partitions alone, no row is read.

        Raises:
            InputError: The table does not exist.
            WriterError: Another run has taken over, or changed the table meanwhile.
        """
        self._require(name)
        self._save(name, self._rows(name).limit(0), replaced=condition)

    def conform(self, name: str, df: DataFrame) -> DataFrame:
        """Select the table's columns in order, cast to its types.

        Raises:
            InputError: A column is missing.
        """
        return conformed(BY_NAME[name], df)

    def _ensure_fresh(self, name: str) -> bool:
        """Make the table where it is not there; whether it is in its first version, and this run alone may write it.

        The statement that makes a table does nothing where another program made one meanwhile, and says nothing.
        """
        return self.ensure(name) and self.writer is not None and self.version(name) == 0

    def _fill(self, name: str, rows: DataFrame) -> Changes:
        """Write the first rows of a fresh table: there is nothing to compare them with.

        As all there is in it, not beside what is there: what a run that lost its lease commits at the last moment is
        replaced, and no key is there twice.
        """
        inserted = rows.count()
        if inserted:
            self._save(name, rows, replaced="true")
        return Changes(inserted, 0, 0)

    def _apply(self, table: Table, changed: DataFrame, changes: Changes) -> None:
        parts = {name: [row[0] for row in changed.select(name).distinct().collect()] for name in table.partition_by}
        within = within_parts(parts)
        if changes.inserted == changes.total:
            affected = self._insert(table, changed, within)
        else:
            affected = self._merge_into(table, changed, change_clauses(table), within)["num_affected_rows"]
        if affected != changes.total:
            raise self._conflict(table.name)

    def _insert(self, table: Table, rows: DataFrame, within: str = "") -> int:
        """Insert the rows whose key is not there; how many."""
        answer = self._merge_into(table, rows, insert_clause(table), within)
        return int(answer["num_inserted_rows"])

    def _merge_into(self, table: Table, rows: DataFrame, clauses: str, within: str) -> Row:
        """One MERGE by key; `within` says in which partitions the rows of the table with these keys are."""
        view = f"changed_{table.name}_{uuid.uuid4().hex}"
        rows.createOrReplaceTempView(view)
        try:
            with self._committing(table.name) as stamp, statement_settings(self.spark, stamp):
                statement = merge_statement(table, self._identifier(table.name), view, clauses, within)
                answer = self.spark.sql(statement).collect()
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

    def _check_buckets(self, name: str) -> None:
        if "bucket" not in BY_NAME[name].names:
            return
        check_buckets(name, self._properties(name).get(BUCKETS), self.config.buckets)

    def _properties(self, name: str) -> dict[str, str]:
        detail = self.spark.sql(f"DESCRIBE DETAIL {self._identifier(name)}").select("properties").collect()
        return dict(detail[0][0])

    def _add_columns(self, name: str) -> None:
        lacking = lacking_columns(BY_NAME[name], self.spark.table(self._identifier(name)).columns)
        if lacking:
            if self.writer:
                self.writer.require_lease()
            self.spark.sql(columns_statement(self._identifier(name), lacking))
            log.info("table has new columns", table=name, columns=",".join(column.name for column in lacking))
