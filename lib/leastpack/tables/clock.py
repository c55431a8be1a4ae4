"""The time at which rows are written."""

from __future__ import annotations

from datetime import UTC, datetime

from pyspark.sql import Column
from pyspark.sql import functions as F


def now() -> Column:
    """This moment, as a constant of the rows.

    MERGE puts a value in the place of `current_timestamp` in what it reads. These are other rows then than those that
    were kept, and Spark works them out again: the decisions of a whole catalog, or photos that are tried once more.
    """
    return F.lit(datetime.now(UTC))
