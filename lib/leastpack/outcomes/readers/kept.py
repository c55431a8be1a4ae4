"""Learned readers in their tables, and the one that is in force."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pyspark.sql import Row
from pyspark.sql import functions as F

from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.rates import interval
from leastpack.errors import ConfigError
from leastpack.log import log
from leastpack.outcomes.readers.admission import AdmittedReaders, Choice, Measured, Speaker, choose_speakers
from leastpack.outcomes.readers.learned import BUCKETS, Learned
from leastpack.outcomes.readers.measure import ALL_SOURCES, REVIEWS
from leastpack.outcomes.readers.rates import Rates
from leastpack.outcomes.readers.reader import ReviewReader
from leastpack.outcomes.readers.sent import send_reader
from leastpack.outcomes.readers.words import WordReader
from leastpack.tables import Tables

READERS, RATES = "damage_readers", "damage_reader_rates"
NEWEST, WORDS_ALONE = "newest", "words"


@dataclass(frozen=True)
class InForce:
    """Who reads reviews.

    Attributes:
        reader: The reader.
        digest: Names what it says of any text, beyond the list of words; empty of the list alone.
        choices: Language to who speaks there; empty of the list alone.
        reader_id: The learned reader; None of the list alone.
    """

    reader: ReviewReader
    digest: str = ""
    choices: Mapping[str, Choice] | None = None
    reader_id: str | None = None


def reader_in_force(tables: Tables, rules: OutcomesConfig) -> InForce:
    """The readers that config asks for, each in the languages where it may speak.

    Raises:
        ConfigError: config names a reader that is not kept.
    """
    words = WordReader(rules.review_words)
    kept = _chosen(tables, rules)
    if kept is None:
        return InForce(words)
    if kept["words"] != words_digest(rules):
        log.warning(
            "the list of words is another than the one the learned reader was measured beside: the list speaks alone",
            reader_id=kept["reader_id"], todo="leastpack reader fit",
        )  # fmt: skip
        return InForce(words)
    reporting = interval(rules.reporting_rate)
    choices = choose_speakers(measured(tables, kept["reader_id"]), rules.review_precision, reporting)
    told = [kept["reader_id"], sorted((name, one.speaker, one.threshold) for name, one in choices.items())]
    digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
    learned = send_reader(tables.spark, _learned(kept))
    return InForce(AdmittedReaders(words, learned, choices), digest, choices, kept["reader_id"])


def measured(tables: Tables, reader_id: str) -> list[Measured]:
    """What was measured of a reader on reviews, by language, all sources together."""
    rows = tables.read(RATES).where((F.col("reader_id") == reader_id) & (F.col("source") == ALL_SOURCES))
    reviews = rows.where(F.col("population") == REVIEWS).orderBy("language", "speaker", "threshold").collect()
    return [Measured(row["language"], Speaker(row["speaker"]), row["threshold"], rates_of(row)) for row in reviews]


def rates_of(row: Row) -> Rates:
    """The counts of a row of `damage_reader_rates`."""
    return Rates(row["found"], row["damage"], row["false_alarms"], row["others"])


def words_digest(rules: OutcomesConfig) -> str:
    """Names a list of words."""
    return hashlib.sha256(json.dumps(sorted(set(rules.review_words)), ensure_ascii=False).encode()).hexdigest()[:16]


def _chosen(tables: Tables, rules: OutcomesConfig) -> Row | None:
    name = rules.damage_reader
    if name == WORDS_ALONE:
        return None
    rows = tables.read(READERS) if tables.exists(READERS) else None
    if name == NEWEST:
        # A list of words that is back has the reader back that was measured beside it.
        measured_beside = F.col("words") == words_digest(rules)
        order = [F.desc(measured_beside), F.desc("fitted_at"), F.asc("reader_id")]
        newest = rows.orderBy(*order).limit(1).collect() if rows is not None else []
        return newest[0] if newest else None
    found = rows.where(F.col("reader_id") == name).collect() if rows is not None else []
    if not found:
        known = rows.select("reader_id").orderBy("fitted_at").collect() if rows is not None else []
        raise ConfigError(
            f"outcomes.damage_reader: there is no reader {name}",
            expected=", ".join([NEWEST, WORDS_ALONE, *(row["reader_id"] for row in known)]),
            todo=f"name one of these, or set it to {NEWEST} and run leastpack reader fit",
        )
    return found[0]


def _learned(row: Row) -> Learned:
    weights = np.frombuffer(row["weights"], dtype="<f4").astype(np.float32)
    folds = row["folds"] or {}
    due = (1 + max(folds.values(), default=0)) * BUCKETS
    if not folds or len(weights) != due:
        raise ConfigError(
            f"reader {row['reader_id']} is of another leastpack: it has {len(weights):,} weights",
            expected=f"{due:,} for {len(folds)} months",
            todo="leastpack reader fit, or outcomes.damage_reader: words",
        )
    calibrations = {name: (line[0], line[1]) for name, line in row["calibrations"].items()}
    return Learned(weights.reshape(-1, BUCKETS), folds, calibrations)

