"""How often the readers of reviews were right, for the report."""

from __future__ import annotations

from typing import Any

from pyspark.sql import Row
from pyspark.sql import functions as F
from scipy.stats import binomtest

from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.rates import interval
from leastpack.outcomes.readers.admission import Choice, Speaker
from leastpack.outcomes.readers.kept import RATES, rates_of, reader_in_force
from leastpack.outcomes.readers.measure import ALL_SOURCES, COMMENTS, LAST_COMMENTS, LAST_REVIEWS, REVIEWS
from leastpack.outcomes.readers.reader import ANY_LANGUAGE
from leastpack.outcomes.readers.show import HALF
from leastpack.tables import Tables

_POPULATIONS = {
    REVIEWS: "reviews",
    LAST_REVIEWS: "reviews, last month",
    COMMENTS: "comments of returns",
    LAST_COMMENTS: "comments, last month",
}


def readers_section(tables: Tables, rules: OutcomesConfig) -> dict[str, Any]:
    """readers: a row a population, source, language and reader, of the reader in force; and reporting, in words."""
    in_force = reader_in_force(tables, rules)
    low, high = (f"{end:.0%}" for end in interval(rules.reporting_rate))
    reporting = {"reporting": f"by outcomes.reporting_rate {low}" + ("" if low == high else f" to {high}")}
    if in_force.reader_id is None:
        return {"readers": [], **reporting}
    rows = tables.read(RATES).where(F.col("reader_id") == in_force.reader_id)
    # One cut at a time: of all sources by language, of all languages by source; of a month there is too little for any.
    one, other = F.col("source") == ALL_SOURCES, F.col("language") == ANY_LANGUAGE
    cut = (one & other) | ((one | other) & F.col("population").isin(REVIEWS, COMMENTS))
    kept = rows.where(cut & F.col("population").isin(*_POPULATIONS)).collect()
    order = list(_POPULATIONS)
    kept.sort(key=lambda row: (order.index(row["population"]), row["source"], row["language"], row["speaker"]))
    found = [_row(row, (in_force.choices or {}).get(row["language"])) for row in kept]
    return {"readers": [row for row in found if row is not None], **reporting}


def _row(row: Row, choice: Choice | None) -> dict[str, Any] | None:
    """What the page shows of a row of `damage_reader_rates`; None of thresholds that nobody asks for."""
    threshold = choice.threshold if choice is not None and choice.speaker != Speaker.WORDS else HALF
    chosen = choice is not None and (row["speaker"], row["threshold"]) == (choice.speaker, choice.threshold)
    if not chosen and (row["speaker"], row["threshold"]) not in ((Speaker.WORDS, 0.0), (Speaker.LEARNED, threshold)):
        return None
    rates = rates_of(row)
    if not rates.taken and not rates.damage:
        return None
    shares = binomtest(rates.found, rates.taken).proportion_ci(0.95) if rates.taken else None
    at = f" from {row['threshold']:g}" if row["speaker"] != Speaker.WORDS else ""
    return {
        "population": _POPULATIONS[row["population"]],
        "language": "all" if row["language"] == ANY_LANGUAGE else row["language"],
        "source": "all" if row["source"] == ALL_SOURCES else row["source"],
        "speaker": f"{row['speaker']}{at}",
        "speaks": chosen and row["source"] == ALL_SOURCES and row["population"] == REVIEWS,
        "taken": rates.taken,
        "right": rates.found,
        "damage": rates.damage,
        "low": float(shares.low) if shares else None,
        "high": float(shares.high) if shares else None,
    }
