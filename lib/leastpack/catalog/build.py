"""The catalog step: raw exports in; products, product_images, package_types and quarantine out."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from leastpack.catalog.accounts import account_sources, quarantined_rows
from leastpack.catalog.assemble import assemble_products, newly_listed, rank_products, with_known, with_split_notes
from leastpack.catalog.counting import count_exports, record_bytes
from leastpack.catalog.figures import catalog_figures
from leastpack.catalog.guards import catalog_guards
from leastpack.catalog.images import assemble_images, clean_images, rank_images
from leastpack.catalog.packages import Values, package_rows, withdrawn_rows
from leastpack.catalog.pins import pinned_sources
from leastpack.catalog.products import clean_products
from leastpack.catalog.quarantine import write_quarantine
from leastpack.catalog.rules import idle_rules, kept_rules, rank_rules
from leastpack.catalog.sources import read_exports, reading, with_content
from leastpack.catalog.tunnel import clean_tunnel, rank_measurements
from leastpack.config.checks import check_catalog
from leastpack.config.packages import PackageFile, load_packages
from leastpack.config.root import Config
from leastpack.config.sources import Kind, SourceConfig
from leastpack.guards import check_guards
from leastpack.log import log
from leastpack.runs import Run, step_run
from leastpack.tables import Tables
from leastpack.tables.schemas import PACKAGE_TYPES, PACKAGING_RULES, PRODUCT_IMAGES, PRODUCTS, Table

STEP = "catalog"
Cleaner = Callable[[DataFrame, SourceConfig, Collection[str]], DataFrame]
CLEANERS: dict[Kind, Cleaner] = {
    "products": clean_products,
    "tunnel": clean_tunnel,
    "product_images": clean_images,
}
KINDS: tuple[Kind, ...] = (*CLEANERS, "rules")


def build_catalog(spark: SparkSession, config: Config) -> None:
    """Clean the exports of products, image listings and tunnel measurements into the catalog's tables.

    Every export is read, parsed, accounted for and guarded before anything but quarantine is written. Products that an
    export does not name stay as they are; a second run with the same exports changes nothing.

    Args:
        spark: The session.
        config: The configuration; `sources` and `packages` matter here.

    Raises:
        ConfigError: No source of products, or wrong package files.
        InputError: An export cannot be read as configured, or one of products is empty.
        GuardError: A delivery would do more harm than its source's guards allow.
        PromiseError: An account or a row count does not balance.
    """
    tables = Tables(spark, config.tables)
    with step_run(spark, tables, config, STEP) as run:
        files = load_packages(config.packages)
        sources = [source for source in config.sources if source.kind in KINDS]
        check_catalog(config, files)
        sources = pinned_sources(spark, run, sources)
        with run.phase("read"), reading(*sources):
            exports = read_exports(spark, sources)
            delivered = count_exports(exports, sources)
            record_bytes(run, delivered)
            types = _package_types(spark, run, tables, files)
            photos = _stored(spark, run, tables, PRODUCT_IMAGES)
            stored = with_split_notes(_stored(spark, run, tables, PRODUCTS))
            rules = _stored(spark, run, tables, PACKAGING_RULES)
            ranked = _rank_all(exports, sources, files, types, stored, photos)
            faulty = {kind: account_sources(run, rows, _of(sources, kind), delivered) for kind, rows in ranked.items()}
        with run.phase("guard"):
            for kind, rows in ranked.items():
                if faulty[kind]:
                    write_quarantine(tables, STEP, quarantined_rows(rows))
            guards = catalog_guards(run, sources, ranked, stored, photos, rules)
            check_guards(run, guards, config.accepted)
        with run.phase("write"):
            tables.replace("package_types", spark.createDataFrame(types, PACKAGE_TYPES.schema))
            run.expect("package_types", rows=tables.read("package_types").count(), expected=len(types))
            _write_products(run, tables, ranked, stored)
            tables.ensure("product_images")  # a catalog without photos is scored too
            if "product_images" in ranked:
                _write_images(run, tables, ranked["product_images"], photos)
            tables.ensure("packaging_rules")  # most catalogs have none
            if "rules" in ranked:
                _write_rules(run, tables, ranked["rules"], rules)
        with run.phase("figures"):
            for name, value in catalog_figures(tables.read("products")).items():
                run.figure(name, value)


def _rank_all(
    exports: Mapping[str, DataFrame],
    sources: Sequence[SourceConfig],
    files: Sequence[PackageFile],
    types: Sequence[tuple[Any, ...]],
    stored: DataFrame,
    photos: DataFrame,
) -> dict[Kind, DataFrame]:
    """Cleaned rows with their status, by kind; each export is parsed once more."""
    marketplaces = [file.marketplace for file in files]

    def cleaned(kind: Kind) -> DataFrame:
        clean = CLEANERS[kind]
        return reduce(
            DataFrame.unionByName,
            [clean(with_content(exports[source.name]), source, marketplaces) for source in _of(sources, kind)],
        )

    # Each plan ends here: what follows joins these rows several times over, and would else be planned, and with little
    # memory even parsed, as often. A lost executor fails the step, which has written nothing yet, and it is run again.
    products = rank_products(cleaned("products"), stored).localCheckpoint()
    ranked: dict[Kind, DataFrame] = {"products": products}
    if _of(sources, "tunnel"):
        measured = with_known(cleaned("tunnel"), products, stored)
        ranked["tunnel"] = rank_measurements(measured, stored).localCheckpoint()
    if _of(sources, "product_images"):
        known = with_known(cleaned("product_images"), products, stored)
        ranked["product_images"] = rank_images(known, photos).localCheckpoint()
    if rules := _of(sources, "rules"):
        rows = reduce(DataFrame.unionByName, [with_content(exports[source.name]) for source in rules])
        ranked["rules"] = rank_rules(rows, marketplaces, [(row[0], row[1]) for row in types]).localCheckpoint()
    return ranked


def _package_types(
    spark: SparkSession, run: Run, tables: Tables, files: Sequence[PackageFile]
) -> list[tuple[Any, ...]]:
    """The rows that `package_types` should hold: those of the files, and those that have left them."""
    declared = package_rows(files)
    stored = [row.asDict() for row in _stored(spark, run, tables, PACKAGE_TYPES).collect()]  # a few dozen
    gone = withdrawn_rows(declared, stored, datetime.datetime.now(datetime.UTC).date())

    def values(row: Values) -> tuple[Any, ...]:
        return tuple(row[name] for name in PACKAGE_TYPES.names)

    return [values(row) for row in (*declared, *gone)]


def _write_products(run: Run, tables: Tables, ranked: dict[Kind, DataFrame], stored: DataFrame) -> None:
    products = ranked["products"]
    expected = stored.count() + newly_listed(products, stored).count()
    tables.merge("products", assemble_products(products, ranked.get("tunnel"), stored, tables.config.buckets))
    run.expect("products", rows=tables.read("products").count(), expected=expected)


def _write_images(run: Run, tables: Tables, ranked: DataFrame, stored: DataFrame) -> None:
    before = stored.count()
    changes = tables.replace("product_images", assemble_images(ranked, stored))
    expected = before + changes.inserted - changes.deleted
    run.expect("product_images", rows=tables.read("product_images").count(), expected=expected)


def _write_rules(run: Run, tables: Tables, ranked: DataFrame, stored: DataFrame) -> None:
    """The rules of all sources, each delivered whole."""
    rules = kept_rules(ranked, stored).localCheckpoint()
    tables.replace("packaging_rules", rules)
    run.expect("packaging_rules", rows=tables.read("packaging_rules").count(), expected=rules.count())
    idle = idle_rules(rules, tables.read("products"))
    run.figure("rules_without_products", idle)
    if idle:
        todo = "look at their spelling, and map vendor and hazard_class in the sources of products"
        log.warning("rules name products, vendors or hazard classes that no product has", rules=idle, todo=todo)


def _stored(spark: SparkSession, run: Run, tables: Tables, table: Table) -> DataFrame:
    """A table as it was before this step wrote to it; no rows before the first run."""
    if not tables.exists(table.name):
        return spark.createDataFrame([], table.schema)
    return tables.read(table.name, run.reads(table.name, tables.version(table.name)))


def _of(sources: Sequence[SourceConfig], kind: Kind) -> list[SourceConfig]:
    return [source for source in sources if source.kind == kind]
