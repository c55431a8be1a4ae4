"""An export as Spark gives it, before any of our fields is taken from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# Columns beside the export's own that say how its rows lie in their files.
HEADER = "leastpack: a header"  # the row repeats the header
FILE = "leastpack: file"  # path of the file, where each must begin with the header
LINES = "leastpack: lines"  # how many lines that are not blank the row takes
BROKEN = "leastpack: broken"  # why the row is none, although it has the right number of cells
CUT = "cut"
SWALLOWED = "swallowed"


@dataclass(frozen=True)
class Export:
    """The rows of an export.

    Attributes:
        rows: The rows, with the columns named in `columns` and perhaps those of this module.
        columns: The export's own columns, and that of rows which do not parse.
        spellings: What an expression may call a column whose name it does not bear.
        repeated: Names that several columns have.
    """

    rows: DataFrame
    columns: tuple[str, ...]
    spellings: Mapping[str, str] = field(default_factory=dict)
    repeated: Collection[str] = ()

    @property
    def is_header(self) -> Column:
        """Whether a row repeats the header."""
        return F.col(f"`{HEADER}`") if HEADER in self.rows.columns else F.lit(False)

    @property
    def file(self) -> Column:
        """The row's file, null where no header is looked for."""
        return F.col(f"`{FILE}`") if FILE in self.rows.columns else F.lit(None).cast("string")

    @property
    def lines(self) -> Column:
        """How many lines the row takes, null where nobody counts them."""
        return F.col(f"`{LINES}`") if LINES in self.rows.columns else F.lit(None).cast("int")

    @property
    def broken(self) -> Column:
        """CUT or SWALLOWED, null for a row that is one."""
        return F.col(f"`{BROKEN}`") if BROKEN in self.rows.columns else F.lit(None).cast("string")


def as_is(rows: DataFrame) -> Export:
    """An export whose columns bear names of their own."""
    return Export(rows, tuple(rows.columns))
