"""Takes a delivery in: reads the sources of a kind, and finds what they change in the table that keeps them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.catalog.sources import with_content
from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.sources import HISTORY_KINDS, Kind, SourceConfig
from leastpack.outcomes.cleaning import Known, read_judged
from leastpack.outcomes.deliveries import TABLES, keyed_rows
from leastpack.outcomes.history import (
    Deletion,
    changes,
    deletions,
    first_changes,
    missing_column,
    near,
    none_near,
    with_older,
)
from leastpack.outcomes.package_codes import with_package_types
from leastpack.runs import Run
from leastpack.tables import Tables
from leastpack.tables.schemas import BY_NAME, Table

# Kinds that are kept in one table, and the column by which its rows are looked up.
KEPT: dict[str, tuple[tuple[Kind, ...], str]] = {
    "shipment_items": (("shipments",), "shipment_id"),
    "damage_reports": (("returns", "reviews"), "report_id"),
    "human_tests": (("human_tests",), "test_id"),
}


@dataclass(frozen=True)
class Intake:
    """What was delivered for one table, and what it changes there.

    Attributes:
        table: What is delivered of the table.
        sources: The sources.
        rows: Every delivered row: `keyed_rows`, those corrected earlier than what is stored set aside.
        stored: The table as it was, at one version; no rows where there was none.
        near: Its rows that the delivery speaks of.
        changed: Rows to insert, update and delete.
        deletions: How much of what is stored would be deleted.
    """

    table: Table
    sources: Sequence[SourceConfig]
    rows: DataFrame
    stored: DataFrame
    near: DataFrame
    changed: DataFrame
    deletions: Sequence[Deletion]


def history_sources(sources: Sequence[SourceConfig]) -> list[SourceConfig]:
    """The sources that the outcomes step reads, in order of kind."""
    return [source for kind in HISTORY_KINDS for source in sources if source.kind == kind]


def take_in(
    spark: SparkSession,
    tables: Tables,
    run: Run,
    exports: Mapping[str, DataFrame],
    sources: Sequence[SourceConfig],
    known: Known,
    rules: OutcomesConfig,
    again: Collection[str],
) -> dict[str, Intake]:
    """Read and compare the deliveries of all tables.

    Args:
        spark: The session.
        tables: The tables.
        run: Records the versions read.
        exports: `read_exports`.
        sources: `history_sources`.
        known: What the catalog knows.
        rules: The label rules.
        again: Sources read anew.

    Returns:
        Table to what was delivered for it.
    """
    intakes = {}
    for name, (kinds, id_column) in KEPT.items():
        own = [source for source in sources if source.kind in kinds]
        keyed = []
        for kind in kinds:
            of_kind = [exports[source.name] for source in own if source.kind == kind]
            keyed.append(keyed_rows(judged_rows(spark, of_kind, kind, known), kind, rules))
        table = TABLES[kinds[0]]
        delivered = reduce(DataFrame.unionByName, keyed)
        stored = _stored(spark, tables, run, name)
        if not own:
            rows = spark.createDataFrame([], delivered.schema)
            intakes[name] = Intake(table, own, rows, stored, none_near(stored), first_changes(rows, table), [])
            continue
        # Each plan ends here: what follows joins these rows many times over, and would be planned as often. A lost
        # executor fails the step, which is then run again.
        rows = delivered.localCheckpoint()
        if not tables.exists(name):
            intakes[name] = Intake(table, own, rows, stored, none_near(stored), first_changes(rows, table), [])
            continue
        missing = missing_column(own, rows, again)
        found = near(stored, rows, table, id_column, missing).localCheckpoint()
        rows = with_older(rows, found, table, again).localCheckpoint()
        changed = changes(rows, found, table).localCheckpoint()
        lost = deletions(own, found, changed, table, missing)
        intakes[name] = Intake(table, own, rows, stored, found, changed, lost)
    return intakes


def judged_rows(spark: SparkSession, exports: Iterable[DataFrame], kind: Kind, known: Known) -> DataFrame:
    """`read_judged` of exports of one kind; in shipments, codes of packages are replaced by the types they mean.

    Args:
        spark: The session.
        exports: `read_rows` of the sources of that kind.
        kind: shipments, returns, reviews or human_tests.
        known: What the catalog knows.
    """
    rows = [with_content(export) for export in exports]
    if kind == "shipments" and known.codes is not None:
        rows = [with_package_types(one, known.codes, known.packages) for one in rows]
    return read_judged(spark, rows, kind, known)


def _stored(spark: SparkSession, tables: Tables, run: Run, name: str) -> DataFrame:
    if not tables.exists(name):
        return spark.createDataFrame([], BY_NAME[name].schema)
    return tables.read(name, run.reads(name, tables.version(name)))


def rows_of(intake: Intake, kind: Kind) -> DataFrame:
    """The delivered rows of one kind."""
    names = [source.name for source in intake.sources if source.kind == kind]
    return intake.rows.where(F.col("source").isin(*names))
