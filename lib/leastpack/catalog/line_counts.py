"""Whether a CSV whose values may hold newlines has lost lines inside of a stray quote.

The lines are counted apart from the rows, by a reader that knows of no quotes.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import SparkSession

from leastpack.catalog.csv_files import physical_lines
from leastpack.catalog.layouts import SWALLOWED
from leastpack.catalog.loading import input_path
from leastpack.catalog.reader_options import is_on, option, reader_options
from leastpack.config.sources import SourceConfig
from leastpack.errors import InputError

# Largest share of a file's lines that rows which look as if they had swallowed others may hold. They are in quarantine.
MOST_SWALLOWED = 0.01


def check_lines(spark: SparkSession, source: SourceConfig, files: Mapping[str | None, Mapping[str, int]]) -> None:
    """Refuse a source where a quoted value may hold newlines and rows hold more or other lines than they should.

    Args:
        spark: The session.
        source: The source.
        files: File to its rows, the lines they take, and the lines of those that have swallowed others.

    Raises:
        InputError: More than MOST_SWALLOWED of a file's lines look like rows inside of another row, or are in none.
    """
    options = reader_options(source)
    # Of an exploded export a record is several rows.
    if source.format != "csv" or not is_on(options, "multiLine") or source.explode or option(options, "comment"):
        return
    lines = physical_lines(spark, options, input_path(source.path))
    by_file = lines.groupBy("_metadata.file_path").count().collect()
    for path, counted in by_file:
        found = files.get(path)
        if found is None:  # delivered meanwhile
            continue
        swallowed, missing = found["lines_swallowed"], abs(counted - found["lines"])
        if max(swallowed, missing) > MOST_SWALLOWED * counted:
            raise InputError(
                f"source {source.name!r}: rows are lost inside of quotes in {path}",
                expected=f"at most {MOST_SWALLOWED:.0%} of the lines inside of rows that look like several",
                found=f"{counted:,} lines, of which the file's {found['rows']:,} records take {found['lines']:,}; "
                f"{found[SWALLOWED]:,} records with {swallowed:,} lines look like several rows",
                todo='close or double the stray quote, set `quote: ""` in the options of the source if it does not '
                "quote, or leave `multiLine` out if no value holds a newline",
            )
