"""Mapped columns as the types of our fields, and which values were lost on the way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql import types as T

from leastpack.catalog.times import end_time, event_time, read_time
from leastpack.config.sources import FIELDS, HISTORY_KINDS, IDENTIFIERS, MEASURES, TYPES, SourceConfig

# What stands at the ends of texts and cannot be seen: spaces of all kinds, control and zero-width characters.
_ENDS = r"^[\s\p{Z}\p{C}]+|[\s\p{Z}\p{C}]+$"
_WHOLE = r"^([0-9]+)[.]0+$"
# A spreadsheet's way of writing a number that it has rounded.
_ROUNDED = r"^[0-9][.,][0-9]+[eE][+][0-9]+$"
_MOST_EXACT = float(2**53)  # doubles above have lost digits


class Fields:
    """The fields of a source over its mapped columns.

    Args:
        source: The export.
        types: Type of each mapped column.
    """

    def __init__(self, source: SourceConfig, types: Mapping[str, T.DataType]) -> None:
        self._source, self._types = source, types
        self._now = datetime.now(UTC)

    def read(self, name: str) -> Column:
        """A field in its own type, null where the value does not convert or cannot be true.

        Texts lose what cannot be seen at their ends. A whole number in an identifier's column is written without its
        `.0`.
        """
        column, found = F.col(name), self._types[name]
        wanted = TYPES.get(name, "string")
        if name in MEASURES and isinstance(found, T.NumericType):
            # Plain digits, no exponent; the reader then takes them as any text of this source.
            digits = column.try_cast("decimal(38,9)").cast("string")
            return F.translate(digits, ".", ",") if self._source.decimal_comma else digits
        if wanted == "timestamp":
            return self._possible(name, read_time(column, found, self._source.epoch))
        if wanted in ("double", "bigint"):
            return _number(column, found, wanted, self._source.decimal_comma)
        if wanted != "string":
            return column.try_cast(wanted)
        if name == "universal_id":  # its own reader says what is damaged
            return _identifier(column, found)
        if name in IDENTIFIERS:
            return F.when(~_lost_digits(column, found), _identifier(column, found))
        return _text(column)

    def unreadable(self) -> Column:
        """array<string>: fields that held a value which is lost."""
        lost = [self._lost(name) for name in FIELDS[self._source.kind]]
        some = [one for one in lost if one is not None]
        return F.array_compact(F.array(*some)) if some else F.array().cast("array<string>")

    def _lost(self, name: str) -> Column | None:
        column, found, wanted = F.col(name), self._types[name], TYPES.get(name)
        if isinstance(found, T.NullType):
            return None
        if name in IDENTIFIERS and name != "universal_id":
            return F.when(_lost_digits(column, found), F.lit(name))
        if wanted is None or (found.simpleString() == wanted and wanted != "timestamp"):
            return None
        given = column.isNotNull() & (F.trim(column.try_cast("string")) != "")
        if name == "deleted_at":  # a day to come is none that was lost
            return F.when(given & read_time(column, found, self._source.epoch).isNull(), F.lit(name))
        missing = F.isnan(column.try_cast("double")) if wanted in ("double", "bigint") else F.lit(False)
        return F.when(given & self.read(name).isNull() & ~F.coalesce(missing, F.lit(False)), F.lit(name))

    def _possible(self, name: str, time: Column) -> Column:
        if name == "deleted_at":
            return end_time(time, self._now)
        if name == "updated_at" and self._source.kind in HISTORY_KINDS:
            return time  # a correction from the future is refused by the step that counts
        return event_time(time, self._now)


def _text(column: Column) -> Column:
    # Bytes that are no UTF-8 become U+FFFD, as Spark makes them in CSV; from Parquet they would stop Python workers.
    return F.nullif(F.regexp_replace(F.make_valid_utf8(column.try_cast("string")), _ENDS, ""), F.lit(""))


def _identifier(column: Column, found: T.DataType) -> Column:
    if isinstance(found, T.FractionalType):
        whole = column.try_cast("decimal(38,0)")
        return F.when(whole == column, whole.cast("string")).otherwise(_text(column))
    return F.regexp_replace(_text(column), _WHOLE, "$1")


def _lost_digits(column: Column, found: T.DataType) -> Column:
    """Whether a number was rounded: two products may then have one identifier."""
    if isinstance(found, T.FloatType | T.DoubleType):
        return F.coalesce(F.abs(column.cast("double")) >= _MOST_EXACT, F.lit(False))
    if isinstance(found, T.StringType):
        return F.coalesce(_text(column).rlike(_ROUNDED), F.lit(False))
    return F.lit(False)


def _number(column: Column, found: T.DataType, wanted: str, decimal_comma: bool) -> Column:
    if isinstance(found, T.StringType) and decimal_comma:
        column = F.translate(column, ",", ".")
    if wanted == "double":
        number = column.try_cast("double")
        return F.when(~F.isnan(number), number)  # how some writers spell a missing number
    if isinstance(found, T.IntegralType):
        return column.try_cast("bigint")
    # A whole number as writers spell it whose column also holds empty cells: 1.0. A half one is unreadable.
    number = column.try_cast("decimal(38,9)")
    return F.when(number == F.floor(number), number.try_cast("bigint"))
