"""The outcomes step: from shipments, returns, reviews and human tests to labels and training examples."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from leastpack.catalog.counting import count_exports
from leastpack.catalog.pins import pinned_sources
from leastpack.catalog.quarantine import write_quarantine
from leastpack.catalog.sources import read_exports, reading, with_content
from leastpack.config.root import Config
from leastpack.config.sources import Kind, SourceConfig
from leastpack.log import log
from leastpack.outcomes.accounts import account_for, quarantine_rows
from leastpack.outcomes.cleaning import Known, judge_tests, read_judged, used
from leastpack.outcomes.damage import counted_shipments, judge_returns, judge_reviews
from leastpack.outcomes.examples import fit_priors, labelled_pairs, placed_pairs, training_examples
from leastpack.outcomes.figures import record_figures
from leastpack.outcomes.groups import product_groups
from leastpack.outcomes.pairs import human_tests, monthly_outcomes, shipment_tests
from leastpack.outcomes.requirements import require_labels, require_sources
from leastpack.outcomes.reviews import WordReader
from leastpack.outcomes.shipments import closing_day, judge_age, judge_repeats
from leastpack.runs import Run, step_run
from leastpack.tables import Tables
from leastpack.tables.keep import keep

KINDS: tuple[Kind, ...] = ("shipments", "returns", "reviews", "human_tests")


@dataclass(frozen=True)
class Outcomes:
    """Sound rows that count.

    Attributes:
        shipments: Rows of `counted_shipments`.
        tests: Used rows of human tests.
    """

    shipments: DataFrame
    tests: DataFrame


def label_outcomes(spark: SparkSession, config: Config) -> None:
    """Read what came back from shipped products and write pair_outcomes, pair_tests and training_examples.

    The exports are taken as the whole history: pairs and months that are no longer in them are deleted.

    Args:
        spark: The session.
        config: The configuration.

    Raises:
        InputError: There is no source of labels, nothing is left of them, or every shipment is too young.
        PromiseError: An account does not balance.
    """
    require_sources([source.kind for source in config.sources])
    tables = Tables(spark, config.tables)
    with step_run(spark, tables, config, "outcomes") as run, ExitStack() as kept:
        products = tables.read("products", run.reads("products", tables.version("products")))
        packages = tables.read("package_types", run.reads("package_types", tables.version("package_types")))
        with run.phase("clean"), reading(*_outcome_sources(config)):
            outcomes = _clean(spark, tables, config, run, kept, _known(products, packages))
        with run.phase("pairs"):
            monthly = keep(kept, monthly_outcomes(outcomes.shipments, config.outcomes.split.salt))
            by_shipments = keep(kept, shipment_tests(monthly, config.outcomes))
            by_tests = keep(kept, human_tests(outcomes.tests))
            tests = by_shipments.drop("n_policy").unionByName(by_tests)
            _write(tables, run, "pair_outcomes", monthly, expected=monthly.count())
            _write(tables, run, "pair_tests", tests, expected=by_shipments.count() + by_tests.count())
        with run.phase("groups"):
            groups = keep(kept, product_groups(products))
        with run.phase("examples"):
            pairs = labelled_pairs(by_shipments, by_tests)
            placed = keep(kept, placed_pairs(pairs, groups, packages, config.outcomes))
            priors = fit_priors(placed, packages, config.outcomes)
            for profile, prior in priors.items():
                log.info("prior", profile=profile, mean=f"{prior.mean:.3g}", shipments=f"{prior.concentration:.3g}")
            examples = keep(kept, training_examples(spark, placed, priors, config.outcomes))
            either = tests.select("marketplace", "product_id", "package_type").distinct()
            _write(tables, run, "training_examples", examples, expected=either.count())
            record_figures(run, examples)


def _clean(spark: SparkSession, tables: Tables, config: Config, run: Run, kept: ExitStack, known: Known) -> Outcomes:
    rules = config.outcomes
    sources = pinned_sources(spark, run, _outcome_sources(config))
    exports = read_exports(spark, sources)
    delivered = count_exports(exports, sources)

    def read(kind: Kind) -> DataFrame:
        own = [with_content(exports[source.name]) for source in _of(config, kind)]
        return read_judged(spark, own, kind, known)

    distinct = keep(kept, judge_repeats(read("shipments"), rules))
    as_of = closing_day(distinct, rules)
    log.info("return windows", as_of=str(as_of), days=rules.return_window_days)
    judged: dict[Kind, DataFrame] = {"shipments": judge_age(distinct, rules, as_of)}
    judged["returns"] = keep(kept, judge_returns(read("returns"), judged["shipments"], rules))
    reader = WordReader(rules.review_words)
    judged["reviews"] = keep(kept, judge_reviews(read("reviews"), judged["shipments"], rules, reader))
    judged["human_tests"] = keep(kept, judge_tests(read("human_tests")))
    fates = {kind: account_for(run, _of(config, kind), rows, delivered) for kind, rows in judged.items()}
    write_quarantine(tables, run.step, quarantine_rows(judged.values()))
    require_labels(fates, rules, as_of)
    told = [judged["returns"], judged["reviews"]]
    return Outcomes(shipments=counted_shipments(judged["shipments"], told), tests=used(judged["human_tests"]))


def _known(products: DataFrame, packages: DataFrame) -> Known:
    marketplaces = [row[0] for row in packages.select("marketplace").distinct().collect()]
    return Known(
        marketplaces=marketplaces,
        products=products.select("marketplace", "product_id"),
        packages=packages.select("marketplace", "package_type"),
    )


def _write(tables: Tables, run: Run, name: str, rows: DataFrame, expected: int) -> None:
    tables.merge(name, rows, delete_missing=True)
    run.expect(name, rows=tables.read(name).count(), expected=expected)


def _of(config: Config, kind: Kind) -> list[SourceConfig]:
    return [source for source in config.sources if source.kind == kind]


def _outcome_sources(config: Config) -> list[SourceConfig]:
    return [source for kind in KINDS for source in _of(config, kind)]
