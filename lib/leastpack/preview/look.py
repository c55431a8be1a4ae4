"""Looks at each source in turn; one that cannot be read is told of, and the others go on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import reduce

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from leastpack.catalog.layouts import CUT, SWALLOWED
from leastpack.catalog.loading import first_line
from leastpack.catalog.rules import rank_rules
from leastpack.catalog.sources import IS_HEADER, NO_ELEMENT, NOT_WANTED, read_rows, reading, with_content
from leastpack.config.packages import load_packages
from leastpack.config.root import Config
from leastpack.config.sources import REPORT_KINDS, SourceConfig, named_sources
from leastpack.errors import ConfigError, LeastpackError
from leastpack.outcomes.cleaning import Known, used
from leastpack.outcomes.package_codes import judge_codes
from leastpack.preview.catalog import JUDGES, judge_catalog, set_aside
from leastpack.preview.findings import Preview, mapped_fields, row_outcomes, units_found
from leastpack.preview.history import (
    History,
    companions,
    judge_shipments,
    judge_tests,
    judge_told,
    read_history,
)
from leastpack.preview.known import asked_products, known_packages, known_products, names_products
from leastpack.preview.units import unit_words
from leastpack.secrets import masked_text
from leastpack.tables import Tables

ROWS = 1000


def look_at_sources(
    spark: SparkSession, config: Config, names: Collection[str] = (), most: int = ROWS
) -> list[Preview]:
    """Preview the sources; nothing is written.

    Args:
        spark: The session.
        config: The configuration; `sources`, `packages` and `outcomes` matter here.
        names: Sources to look at; none looks at all of them.
        most: Rows to look at of each.

    Raises:
        ConfigError: There is no source, a name is none of theirs, or a package file is wrong.
    """
    chosen = choose_sources(config.sources, names)
    files = load_packages(config.packages)
    marketplaces = [file.marketplace for file in files]
    tables = Tables(spark, config.tables)
    previews = {source.name: Preview(source.name, source.kind, masked_text(source.path)) for source in chosen}
    samples = {}
    for source in chosen:
        try:
            with reading(source):
                rows = read_rows(spark, source).where(f"NOT aside <=> '{IS_HEADER}'")
                samples[source.name] = rows.limit(most).localCheckpoint()
        except (LeastpackError, PySparkException) as error:
            previews[source.name].error = said(error)
    asking = [samples[source.name] for source in chosen if source.name in samples and names_products(source)]
    asked = asked_products(spark, asking)
    products, places = known_products(spark, tables, config.sources if asking else (), asked, marketplaces)
    packages = known_packages(spark, tables, files)
    known = Known(marketplaces, products, packages)
    known = _with_codes(spark, config.sources, known)
    wanted = {kind for source in chosen for kind in companions(source.kind)}
    history = read_history(spark, tables, [one for one in config.sources if one.kind in wanted], known, config.outcomes)
    for source in chosen:
        if source.name in samples:
            preview = previews[source.name]
            try:
                with reading(source):
                    _look(history, preview, source, samples[source.name])
            except (LeastpackError, PySparkException) as error:
                preview.error = said(error)
            preview.remarks += [f"source {name} cannot be read and is left out" for name in history.left_out]
            if names_products(source):
                preview.remarks.append(f"products known: those of {', '.join(places) or 'nowhere'}")
    return list(previews.values())


def said(error: Exception) -> str:
    """What went wrong, without secrets."""
    return masked_text(str(error) if isinstance(error, LeastpackError) else first_line(error))


def choose_sources(sources: Sequence[SourceConfig], names: Collection[str]) -> list[SourceConfig]:
    """The named sources, or all.

    Raises:
        ConfigError: There is none, or a name is none of theirs.
    """
    if not sources:
        raise ConfigError("there is no source to look at", expected="`sources` in a config file", found="none")
    return named_sources(sources, names)


def _with_codes(spark: SparkSession, sources: Sequence[SourceConfig], known: Known) -> Known:
    exports = []
    for source in sources:
        if source.kind == "package_codes":
            try:
                with reading(source):
                    exports.append(with_content(read_rows(spark, source)).localCheckpoint())
            except (LeastpackError, PySparkException):
                continue  # told of where the source itself is looked at
    if not exports:
        return known
    rows = reduce(DataFrame.unionByName, exports)
    codes = used(judge_codes(rows, known.marketplaces, known.packages)).localCheckpoint()
    return replace(known, codes=codes)


def _look(history: History, preview: Preview, source: SourceConfig, sample: DataFrame) -> None:
    rows = [row.asDict(recursive=True) for row in sample.collect()]
    held = with_content(sample)
    preview.rows = len(rows)
    preview.no_element = sum(row["aside"] == NO_ELEMENT for row in rows)
    preview.not_wanted = sum(row["aside"] == NOT_WANTED for row in rows)
    kept = [row for row in rows if row["aside"] is None]
    if cut := sum(row["broken"] == CUT for row in rows):
        preview.remarks.append(f"{cut} lines end or begin inside of quotes: if values hold newlines, set multiLine")
    if swallowed := sum(row["broken"] == SWALLOWED for row in rows):
        preview.remarks.append(f"{swallowed} rows look like several: a stray quote has swallowed lines")
    preview.fields = mapped_fields(kept, {name: masked_text(told) for name, told in source.columns.items()})
    preview.units = units_found(unit_words(held, source))
    if source.kind in JUDGES:
        judged = judge_catalog(history.spark, held, source, history.known.marketplaces, history.known.products)
        found, preview.became = judged.rows, judged.became
    elif source.kind == "shipments":
        found, preview.months = judge_shipments(history, sample)
        preview.remarks.append("damage by month counts reports that name their shipment; the others are placed later")
    elif source.kind in REPORT_KINDS:
        found, preview.months, preview.unmapped = judge_told(history, sample, source.kind)
    elif source.kind == "human_tests":
        found = judge_tests(history, sample)
    elif source.kind == "rules":
        types = [(row[0], row[1]) for row in history.known.packages.collect()]
        ranked = rank_rules(held, history.known.marketplaces, types)
        found = [row.asDict() for row in ranked.select("row_hash", "fault", set_aside()).collect()]
    else:
        codes = judge_codes(held, history.known.marketplaces, history.known.packages)
        found = [row.asDict() for row in codes.select("row_hash", "fault", "set_aside").collect()]
    preview.outcomes = row_outcomes(found, {row["row_hash"]: row["raw"] for row in kept})
