"""`leastpack reader fit`: learn a reader from the kept history, measure it beside the list of words, and keep both."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.root import Config
from leastpack.errors import InputError
from leastpack.outcomes.readers.kept import RATES, READERS, words_digest
from leastpack.outcomes.readers.labelled import Labelled
from leastpack.outcomes.readers.learned import LEAST_OF_A_KIND, Learned, fit_learned
from leastpack.outcomes.readers.measure import MeasuredRow, measure
from leastpack.outcomes.readers.show import reader_lines
from leastpack.outcomes.readers.texts import labelled_texts
from leastpack.outcomes.readers.words import WordReader
from leastpack.runs import step_run
from leastpack.tables import Tables
from leastpack.tables.schemas import BY_NAME


def fit_reader(spark: SparkSession, config: Config) -> list[str]:
    """Fit a reader and keep it; the next run of outcomes judges all reviews by it.

    Returns:
        What it is worth, in lines.

    Raises:
        InputError: Too few comments of returns for damage, or for anything else, to learn from.
    """
    tables, rules = Tables(spark, config.tables), config.outcomes
    with step_run(spark, tables, config, "reader") as run:
        reports = tables.read("damage_reports", run.reads("damage_reports", tables.version("damage_reports")))
        products = tables.read("products", run.reads("products", tables.version("products")))
        with run.phase("read"):
            labelled = labelled_texts(reports, products, rules)
        _require_enough(labelled)
        with run.phase("fit"):
            fitted = fit_learned(labelled)
            by_words = WordReader(rules.review_words).tells_of_damage(labelled.texts)
            rows = measure(labelled, fitted, by_words)
        run.figure("texts", len(labelled.texts))
        run.figure("damage_texts", int(labelled.damage.sum()))
        with run.phase("write"):
            reader_id = _write(tables, fitted.learned, labelled, rows, rules, run.run_id)
    return reader_lines(spark, config, reader_id)


def _require_enough(labelled: Labelled) -> None:
    damage = int(np.count_nonzero(labelled.damage))
    others = len(labelled.damage) - damage
    if min(damage, others) < LEAST_OF_A_KIND:
        raise InputError(
            "there are too few comments of returns and reviews of shipments to learn from",
            expected=f"{LEAST_OF_A_KIND} or more of what came back for damage, and as many others",
            found=f"{damage:,} and {others:,}",
            todo="map `comment` in the columns of the sources of returns and `shipment_id` in those of reviews, and "
            "deliver them again: leastpack outcomes --again SOURCE",
        )


def _write(
    tables: Tables,
    learned: Learned,
    labelled: Labelled,
    rows: Sequence[MeasuredRow],
    rules: OutcomesConfig,
    run_id: str,
) -> str:
    reader_id = hashlib.sha256(f"{learned.digest} {words_digest(rules)}".encode()).hexdigest()[:16]
    rates = [
        (
            reader_id, one.population, one.source, one.language, one.speaker.value, one.threshold,
            one.rates.found, one.rates.damage, one.rates.false, one.rates.others,
        )
        for one in rows
    ]  # fmt: skip
    spark = tables.spark
    # The reader comes last: one without its rates is never in force.
    tables.merge(RATES, spark.createDataFrame(rates, BY_NAME[RATES].schema))
    if tables.exists(READERS) and not tables.read(READERS).where(F.col("reader_id") == reader_id).isEmpty():
        return reader_id
    calibrations = {name: list(line) for name, line in learned.calibrations.items()}
    reader = (
        reader_id, datetime.now(UTC), min(labelled.months), max(labelled.months), len(labelled.texts),
        int(labelled.damage.sum()), words_digest(rules), dict(learned.folds), calibrations,
        learned.weights.astype("<f4").tobytes(), run_id,
    )  # fmt: skip
    tables.append(READERS, spark.createDataFrame([reader], BY_NAME[READERS].schema))
    return reader_id
