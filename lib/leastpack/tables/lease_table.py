"""A lease in a Delta table of its own, whose commits are the lock: for stores without a client here, and for names."""

from __future__ import annotations

import uuid

from pyspark.sql import SparkSession

from leastpack.tables.commits import is_conflict, options
from leastpack.tables.lease import Lease, OvertakenError

SCHEMA = "number bigint, token string, lease string"
APPLICATION = "leastpack.lease"


class TablePlace:
    """A table of one row; its number grows, and Delta takes a commit of each number once.

    Args:
        spark: The session.
        location: Path, or three-part name.
        by_path: Whether it is a path.
    """

    is_quick = False

    def __init__(self, spark: SparkSession, location: str, *, by_path: bool) -> None:
        self._spark = spark
        self._location = location
        self._by_path = by_path
        self._identifier = f"delta.`{location}`" if by_path else location
        self._there = False

    @property
    def name(self) -> str:
        """The table."""
        return self._identifier

    def read(self) -> tuple[Lease | None, str]:
        """The lease, and its number as the tag."""
        self._ensure()
        rows = self._spark.table(self._identifier).collect()
        if not rows:
            return None, "0"
        return Lease.from_json(rows[0]["lease"]), str(rows[0]["number"])

    def write(self, lease: Lease, tag: str) -> str:
        """Overwrite the row by one with the next number.

        Raises:
            OvertakenError: The number is taken.
        """
        number, token = int(tag) + 1, uuid.uuid4().hex
        row = self._spark.createDataFrame([(number, token, lease.to_json())], SCHEMA).coalesce(1)
        writer = row.write.format("delta").mode("overwrite").option("replaceWhere", "number >= 0")
        writer = writer.options(**options(APPLICATION, number, token))
        try:
            writer.save(self._location) if self._by_path else writer.saveAsTable(self._location)
        except Exception as error:
            if is_conflict(error):
                raise OvertakenError from error
            raise
        # Delta passes over a number that is taken without a word.
        if self._spark.table(self._identifier).collect()[0]["token"] != token:
            raise OvertakenError
        return str(number)

    def _ensure(self) -> None:
        if not self._there:
            self._spark.sql(
                f"CREATE TABLE IF NOT EXISTS {self._identifier} ({SCHEMA}) USING delta "
                "COMMENT 'Who may write to the tables beside this one'"
            )
            self._there = True
