"""Reads the Delta tables: where they are, which version is theirs, and rows at a pinned one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.config.storage import TablesConfig
from leastpack.errors import InputError
from leastpack.locations import absolute
from leastpack.tables.commits import note_in
from leastpack.tables.making import lacking_columns
from leastpack.tables.schemas import BY_NAME

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


def is_table(spark: SparkSession, name: str, *, by_path: bool = False) -> bool:
    """Whether there is a table of that name, and no view."""
    there = bool(spark.catalog.tableExists(name))
    return there and (by_path or spark.catalog.getTable(name).tableType != "VIEW")


class ReadTables:
    """All tables under one root folder or in one catalog schema, to read.

    Args:
        spark: The session.
        config: Where the tables are.
    """

    def __init__(self, spark: SparkSession, config: TablesConfig) -> None:
        self.spark = spark
        self.config = config
        root = config.root
        self.root = absolute(root) if root is not None else None
        # A step asks for each table many times, and every answer costs a look at the log.
        self._there: set[str] = set()

    def location(self, name: str) -> str:
        """Path or three-part name of a table."""
        if self.root is not None:
            return f"{self.root.rstrip('/')}/{self.config.name_of(BY_NAME[name].name)}"
        return f"{self.config.schema_name}.{self.config.name_of(BY_NAME[name].name)}"

    def exists(self, name: str) -> bool:
        """Whether the table has been made."""
        if name not in self._there and self._look_for(name):
            self._there.add(name)
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
        lacking = [F.lit(None).cast(c.type).alias(c.name) for c in lacking_columns(BY_NAME[name], rows.columns)]
        return rows.select("*", *lacking) if lacking else rows

    def _rows(self, name: str, version: int | None = None) -> DataFrame:
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(self.location(name)) if self.root is not None else reader.table(self.location(name))

    def _look_for(self, name: str) -> bool:
        try:
            # A view of ours may have the name of an earlier leastpack's table.
            return is_table(self.spark, self._identifier(name), by_path=self.root is not None)
        except AnalysisException:  # what a path that is no table raises
            return False

    def _identifier(self, name: str) -> str:
        return f"delta.`{self.location(name)}`" if self.root is not None else self.location(name)

    def _require(self, name: str) -> None:
        if not self.exists(name):
            raise InputError(
                f"table {self.config.name_of(name)} does not exist at {self.location(name)}",
                todo=f"run the step that writes it first: leastpack {BY_NAME[self.config.name_of(name)].step}",
            )
