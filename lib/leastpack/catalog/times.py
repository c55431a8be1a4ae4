"""Times out of texts, numbers and dates, and which of them can be true."""

from __future__ import annotations

import datetime

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from leastpack.config.sources import Epoch

# No shop's record is older: what reads so was no date, or a filler for one.
FIRST = "1990-01-01"
# Clocks differ, and days begin earlier in other places.
AHEAD = datetime.timedelta(days=2)
# Seconds of one unit, and the day from which it counts, in days before 1970.
_SECONDS: dict[Epoch, float] = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "excel": 86_400.0}
_EXCEL_DAYS = 25_569
_MOST_SECONDS = 253_402_300_799  # the end of the year 9999
# A whole date first: Spark reads a day's number as a year, and a time of day as today.
_DATE = r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([T ].*)?$"
_NUMBER = r"^[0-9]+([.][0-9]+)?([eE][+]?[0-9]+)?$"


def read_time(given: Column, found: T.DataType, epoch: Epoch) -> Column:
    """A time, whether or not it can be true; null where the value means none.

    Args:
        given: The column.
        found: Its type: a date, a time, a text with a whole ISO date first, or a number.
        epoch: What numbers count: seconds unless the source says otherwise.
    """
    if isinstance(found, T.NumericType):
        return _from_number(given.try_cast("double"), epoch)
    if not isinstance(found, T.StringType):
        return given.try_cast("timestamp")
    text = F.trim(given)
    return F.when(text.rlike(_DATE), text.try_cast("timestamp")).when(
        text.rlike(_NUMBER), _from_number(text.try_cast("double"), epoch)
    )


def event_time(time: Column, now: datetime.datetime | None = None) -> Column:
    """A time at which something can have happened, else null: not before 1990, not two days after `now`."""
    now = now or datetime.datetime.now(datetime.UTC)
    return F.when((time >= F.lit(FIRST).cast("timestamp")) & (time <= F.lit(now + AHEAD)), time)


def end_time(time: Column, now: datetime.datetime) -> Column:
    """A time at which something ended; null where it goes on: a day to come, or a filler such as 9999-12-31 or 1900."""
    return F.when((time >= F.lit(FIRST).cast("timestamp")) & (time <= F.lit(now)), time)


def _from_number(number: Column, epoch: Epoch) -> Column:
    counted = number - _EXCEL_DAYS if epoch == "excel" else number
    seconds = counted * _SECONDS[epoch]
    return F.when(F.abs(seconds) <= _MOST_SECONDS, F.timestamp_micros((seconds * 1e6).cast("bigint")))
