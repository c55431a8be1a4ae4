"""The outcomes step: from shipments, returns, reviews and human tests to labels and training examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import reduce

from pyspark.sql import DataFrame, SparkSession

from leastpack.catalog.counting import count_exports, record_bytes
from leastpack.catalog.pins import pinned_sources
from leastpack.catalog.quarantine import write_quarantine
from leastpack.catalog.sources import read_exports, reading, with_content
from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.root import Config
from leastpack.config.sources import REPORT_KINDS, Kind, SourceConfig, named_sources, require_names
from leastpack.guards import check_guards
from leastpack.log import log
from leastpack.outcomes.accounts import account_for, quarantine_rows
from leastpack.outcomes.cleaning import Known, used
from leastpack.outcomes.examples import fit_priors, labelled_pairs, placed_pairs, training_examples
from leastpack.outcomes.fates import item_fates, report_fates, report_shares, warn_of_same_reports
from leastpack.outcomes.figures import record_figures
from leastpack.outcomes.groups import product_groups, warn_of_wide_links
from leastpack.outcomes.guards import outcome_guards
from leastpack.outcomes.intake import Intake, history_sources, rows_of, take_in
from leastpack.outcomes.months import warn_of_odd_months
from leastpack.outcomes.package_codes import judge_codes
from leastpack.outcomes.pairs import human_tests, shipment_tests
from leastpack.outcomes.requirements import require_history, require_labels, require_sources
from leastpack.outcomes.sheet_results import results_source
from leastpack.outcomes.update import Update, plan_update, write_update
from leastpack.panel import withheld_tests
from leastpack.runs import Run, step_run
from leastpack.tables import Tables
from leastpack.tables.keep import keep
from leastpack.tables.keys import PAIR

ITEM_KINDS: dict[str, Kind] = {"shipment_items": "shipments", "human_tests": "human_tests"}


def label_outcomes(spark: SparkSession, config: Config) -> None:
    """Take in what came back from shipped products, and write its history, counts, labels and training examples.

    A delivery adds to what is kept, corrects it, or replaces it, as its source says. Damage is counted anew for the
    months and products that it touches. Of sources that the run was not asked to take in, what is kept stays.

    Args:
        spark: The session.
        config: The configuration.

    Raises:
        ConfigError: A source to take in, or to read anew, is none that is kept.
        InputError: There is no source of labels, nothing is left of them, or every shipment is too young.
        GuardError: A delivery would do more harm than its source's guards allow.
        PromiseError: An account does not balance.
    """
    tables, rules = Tables(spark, config.tables), config.outcomes
    every_source = history_sources([*config.sources, *results_source(tables)])
    require_sources([source.kind for source in every_source])
    sources = named_sources(every_source, config.chosen)
    require_names("--again", config.again, [source.name for source in sources])
    sources += _of(config.sources, "package_codes")
    with step_run(spark, tables, config, "outcomes") as run, ExitStack() as kept:
        products = tables.read("products", run.reads("products", tables.version("products")))
        packages = tables.read("package_types", run.reads("package_types", tables.version("package_types")))
        with run.phase("clean"), reading(*sources):
            sources = pinned_sources(spark, run, sources)
            exports = read_exports(spark, sources)
            delivered = count_exports(exports, sources)
            record_bytes(run, delivered)
            known, codes = _known(products, packages, [exports[one.name] for one in _of(sources, "package_codes")])
            intakes = take_in(spark, tables, run, exports, sources, known, rules, config.again)
            # How far reports have come is told by all sources, also by those that this run leaves alone.
            update = plan_update(spark, tables, intakes, every_source, rules, _arms(tables, run))
            judged = {kind: keep(kept, rows) for kind, rows in _judged(intakes, update, rules).items()} | codes
            fates = {kind: account_for(run, _of(sources, kind), rows, delivered) for kind, rows in judged.items()}
            faulty = [*(intake.rows for intake in intakes.values()), *codes.values()]
            write_quarantine(tables, run.step, quarantine_rows(faulty))
            warn_of_same_reports(run, intakes["damage_reports"].near, rules)
            report_shares(run, [judged[kind] for kind in REPORT_KINDS])
            require_history(fates, intakes)
            check_guards(run, outcome_guards(run, sources, intakes.values(), judged["returns"]), config.accepted)
        with run.phase("history"):
            write_update(spark, tables, run, intakes, update, rules)
        with run.phase("pairs"):
            pair_outcomes = tables.read("pair_outcomes", tables.version("pair_outcomes"))
            warn_of_odd_months(run, pair_outcomes)
            tested = tables.read("human_tests", tables.version("human_tests"))
            by_shipments = keep(kept, shipment_tests(pair_outcomes, rules))
            by_tests = keep(kept, human_tests(tested, rules))
            tests = by_shipments.drop("n_policy").unionByName(by_tests)
            counted = by_shipments.count() + by_tests.count()
            require_labels(counted, fates, rules, update.until)
            _write(tables, run, "pair_tests", tests, expected=counted)
        with run.phase("groups"):
            found = product_groups(products, rules.most_sharing)
            groups = keep(kept, found.products)
            warn_of_wide_links(products, found.wide)
            run.figure("values_shared_by_too_many", len(found.wide))
        with run.phase("examples"):
            # What settles certificates must not train the model that they are about.
            withheld = withheld_tests(tables, config.decisions.day, config.certify.panel_days)
            taught = by_tests.where(~withheld)
            run.figure("tests_withheld", by_tests.where(withheld).count())
            pairs = labelled_pairs(by_shipments, taught)
            placed = keep(kept, placed_pairs(pairs, groups, packages, rules))
            priors = fit_priors(placed, packages, rules)
            for profile, prior in priors.items():
                log.info("prior", profile=profile, mean=f"{prior.mean:.3g}", shipments=f"{prior.concentration:.3g}")
            examples = keep(kept, training_examples(spark, placed, priors, rules))
            either = by_shipments.select(*PAIR).unionByName(taught.select(*PAIR)).distinct()
            _write(tables, run, "training_examples", examples, expected=either.count())
            record_figures(run, examples)


def _arms(tables: Tables, run: Run) -> DataFrame | None:
    """Rows of `pilots`; None where no pilot was ever proposed."""
    if not tables.exists("pilots"):
        return None
    return tables.read("pilots", run.reads("pilots", tables.version("pilots")))


def _judged(intakes: Mapping[str, Intake], update: Update, rules: OutcomesConfig) -> dict[Kind, DataFrame]:
    """Every delivered row with what became of it, by kind."""
    reports = intakes["damage_reports"]
    now = update.recounted.reports
    judged = {kind: report_fates(rows_of(reports, kind), now, reports.near) for kind in REPORT_KINDS}
    for name, kind in ITEM_KINDS.items():
        judged[kind] = item_fates(intakes[name].rows, kind, rules, update.until)
    return judged


def _of(sources: Sequence[SourceConfig], kind: Kind) -> list[SourceConfig]:
    return [source for source in sources if source.kind == kind]


def _known(products: DataFrame, packages: DataFrame, codes: Sequence[DataFrame]) -> tuple[Known, dict[Kind, DataFrame]]:
    """What the catalog and the exports of package codes know, and the judged rows of these under their kind."""
    marketplaces = [row[0] for row in packages.select("marketplace").distinct().collect()]
    types = packages.select("marketplace", "package_type")
    known = Known(marketplaces, products.select("marketplace", "product_id"), types)
    if not codes:
        return known, {}
    rows = reduce(DataFrame.unionByName, [with_content(export) for export in codes])
    # Few rows, which every shipment meets and the account and the quarantine count.
    judged = judge_codes(rows, marketplaces, types).localCheckpoint()
    return replace(known, codes=used(judged)), {"package_codes": judged}


def _write(tables: Tables, run: Run, name: str, rows: DataFrame, expected: int) -> None:
    tables.merge(name, rows, delete_missing=True)
    run.expect(name, rows=tables.read(name).count(), expected=expected)
