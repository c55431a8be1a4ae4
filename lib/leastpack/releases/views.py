"""Views of the current release with a row a pair, where tables have names: for who reads with SQL alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from pyspark.errors import PySparkException

from leastpack.log import log
from leastpack.tables import Tables
from leastpack.tables.by_pair import DECIDED, LISTED, TYPES
from leastpack.tables.making import quoted
from leastpack.tables.reading import is_table
from leastpack.tables.schemas import BY_NAME

OPENED = ("scores", "decisions")


def make_views(tables: Tables, versions: Mapping[str, int]) -> None:
    """Make `pair_scores` and `pair_decisions` show what a release pins; nothing where tables are files under a root.

    A table of that name, which an earlier leastpack left, stays as it is. A view that cannot be made is told of, and
    the one before is dropped, or it would show another release: no reader of the tables needs it.

    Args:
        tables: The tables.
        versions: `versions` of the release.
    """
    if tables.root is not None:
        return
    for name in OPENED:
        view = f"{tables.config.schema_name}.pair_{name}"
        try:
            if is_table(tables.spark, view):
                log.warning("no view of pairs", view=view, why="an earlier leastpack's table has its name")
            elif name not in versions:
                tables.spark.sql(f"DROP VIEW IF EXISTS {view}")
            else:
                tables.spark.sql(view_statement(name, view, tables.location(name), versions[name]))
        except PySparkException as error:
            log.warning("no view of pairs", view=view, why=str(error).partition("\n")[0])
            with suppress(PySparkException):
                tables.spark.sql(f"DROP VIEW IF EXISTS {view}")


def view_statement(name: str, view: str, table: str, version: int) -> str:
    """The statement that makes a view of a table of products with a row a pair.

    Args:
        name: `scores` or `decisions`.
        view: Name of the view.
        table: Name of the table.
        version: Its version.
    """
    columns = BY_NAME[name].names
    listed = [column for column in columns if column in (*LISTED, *DECIDED)]
    opened = [f"pair.{TYPES} AS package_type", *(f"pair.{column} AS {column}" for column in listed)]
    shared = [column for column in columns if column not in (*listed, TYPES)]
    selected = ", ".join([*shared[:2], *opened, *shared[2:]])
    zipped = f"explode(arrays_zip({', '.join([TYPES, *listed])})) AS pair"
    comment = quoted(f"{BY_NAME[name].doc} Of the current release.")
    # Names of our own and of the config: nothing from data.
    rows = f"SELECT {selected} FROM (SELECT *, {zipped} FROM {table} VERSION AS OF {version})"  # noqa: S608
    return f"CREATE OR REPLACE VIEW {view} COMMENT {comment} AS {rows}"
