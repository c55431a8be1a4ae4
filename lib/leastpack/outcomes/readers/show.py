"""What readers are worth, in words."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from leastpack.config.root import Config
from leastpack.outcomes.readers.admission import Choice, Speaker
from leastpack.outcomes.readers.kept import RATES, READERS, rates_of, reader_in_force
from leastpack.outcomes.readers.measure import ALL_SOURCES, COMMENTS, LAST_COMMENTS, LAST_REVIEWS, REVIEWS
from leastpack.outcomes.readers.reader import ANY_LANGUAGE
from leastpack.tables import Tables

HALF = 0.5
_POPULATIONS = {
    REVIEWS: "reviews",
    LAST_REVIEWS: "reviews of the last month",
    COMMENTS: "comments of returns",
    LAST_COMMENTS: "comments of the last month",
}


def reader_lines(spark: SparkSession, config: Config, reader_id: str | None = None) -> list[str]:
    """The readers that are kept, and by language who speaks and how often each was right.

    Args:
        spark: The session.
        config: The configuration.
        reader_id: The reader; None for the one in force.
    """
    tables = Tables(spark, config.tables)
    if not tables.exists(READERS):
        return ["no reader was ever learned: the list of words speaks; leastpack reader fit learns one"]
    in_force = reader_in_force(tables, config.outcomes)
    shown = reader_id or in_force.reader_id
    lines = []
    for row in tables.read(READERS).orderBy("fitted_at", "reader_id").drop("weights", "calibrations").collect():
        mark = ", in force" if row["reader_id"] == in_force.reader_id else ""
        months = f"{row['first_month']} to {row['last_month']}"
        told = f"{row['texts']:,} texts of {months}, {row['damage_texts']:,} of damage"
        lines.append(f"reader {row['reader_id']}: {told}{mark}")
        if row["reader_id"] == shown:
            lines += _rates_lines(tables, row["reader_id"], in_force.choices if mark else None)
    return lines


def _rates_lines(tables: Tables, reader_id: str, choices: Mapping[str, Choice] | None) -> list[str]:
    own = tables.read(RATES).where((F.col("reader_id") == reader_id) & (F.col("source") == ALL_SOURCES)).collect()
    lines = []
    for language in sorted({row["language"] for row in own}):
        name = "all languages" if language == ANY_LANGUAGE else language
        choice = (choices or {}).get(language)
        lines.append(f"  {name}: {spoken(choice) if choices is not None else 'not in force'}")
        for population, told in _POPULATIONS.items():
            rows = [row for row in own if row["language"] == language and row["population"] == population]
            lines += [f"    {told}: {row['speaker']} {rates_text(row)}" for row in rows if is_shown(row, choice)]
    return lines


def is_shown(row: Row, choice: Choice | None) -> bool:
    """Whether a row of `damage_reader_rates` is of the words, of the learned reader at one half, or of the choice."""
    if choice is not None and (row["speaker"], row["threshold"]) == (choice.speaker, choice.threshold):
        return True
    return (row["speaker"], row["threshold"]) in ((Speaker.WORDS, 0.0), (Speaker.LEARNED, HALF))


def spoken(choice: Choice | None) -> str:
    """Who speaks in a language, in words."""
    if choice is None:
        return "no review names a shipment: the list of words speaks"
    if choice.speaker == Speaker.WORDS:
        return "the list of words speaks" + ("" if choice.is_proven else ", nobody is proven to be right often enough")
    also = "the learned reader" if choice.speaker == Speaker.LEARNED else "the list of words and the learned reader"
    return f"{also} from {choice.threshold:g} on"


def rates_text(row: Row) -> str:
    """A row of `damage_reader_rates` in words."""
    rates = rates_of(row)
    told = f"take {rates.taken:,} for damage, {rates.found:,} of which came back for damage"
    return f"{told}; find {rates.found:,} of the {rates.damage:,} that did"
