"""What customers wrote, as far as the kept history knows what it was about."""

from __future__ import annotations

from typing import Any

import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from leastpack.config.outcomes import OutcomesConfig
from leastpack.ngrams import MAX_CHARACTERS
from leastpack.outcomes.readers.labelled import Labelled
from leastpack.outcomes.readers.reader import language_name
from leastpack.outcomes.reasons import DAMAGE, NOT_DAMAGE, reason_verdict
from leastpack.tables.keys import PRODUCT

# Texts of each population, by hash: enough for any rate that can be told, few enough for one machine.
MOST_TEXTS = 100_000


def labelled_texts(reports: DataFrame, products: DataFrame, rules: OutcomesConfig) -> Labelled:
    """Comments of returns for a known reason, and reviews with few stars that name a shipment, each MOST_TEXTS by hash.

    Reviews are of months after which returns have been delivered for a whole return window: what they speak of has had
    its time to come back.

    Args:
        reports: Rows of `damage_reports`.
        products: Rows of `products`, for the language of comments, which come without one.
        rules: The rules.
    """
    returns = reports.where("kind = 'returns'").withColumn("said", reason_verdict(F.col("reason_code"), rules))
    known = returns.where(F.col("said").isin(DAMAGE, NOT_DAMAGE)).withColumn("damage", F.col("said") == DAMAGE)
    comments = _drawn(known.where(_has_text())).withColumn("is_review", F.lit(False))
    shipment = [*PRODUCT, "shipment_id"]
    damaged = known.where("damage").select(*shipment).distinct().withColumn("damage", F.lit(True))
    until = returns.groupBy("marketplace").agg(F.to_date(F.max("reported_at")).alias("until"))
    told = _low_reviews(reports, rules).where("shipment_id IS NOT NULL").join(until, on="marketplace", how="inner")
    closed = told.where(F.date_add(F.last_day("reported_at"), rules.return_window_days) <= F.col("until"))
    reviews = _drawn(closed).join(damaged, on=shipment, how="left")
    reviews = reviews.withColumns({"damage": F.coalesce("damage", F.lit(False)), "is_review": F.lit(True)})
    # n-grams read no more of a text either.
    cut = F.substring("text", 1, MAX_CHARACTERS)
    columns = [*PRODUCT, "text", "damage", "language", "period", "source", "is_review"]
    texts = comments.select(*columns).unionByName(reviews.select(*columns)).withColumn("text", cut)
    rows = _collected(texts, products)
    return Labelled(
        texts=rows["text"].tolist(),
        damage=rows["damage"].to_numpy(dtype=bool),
        languages=rows["language"].tolist(),
        months=rows["period"].tolist(),
        sources=rows["source"].tolist(),
        is_review=rows["is_review"].to_numpy(dtype=bool),
    )


def _low_reviews(reports: DataFrame, rules: OutcomesConfig) -> DataFrame:
    """Reviews whose text may tell of damage: with few stars."""
    return reports.where((F.col("kind") == "reviews") & (F.col("stars") <= rules.review_max_stars) & _has_text())


def _has_text() -> Column:
    return F.length(F.trim("text")) > 0


def _drawn(rows: DataFrame) -> DataFrame:
    key = ["source", "marketplace", "report_id"]
    return rows.orderBy(F.xxhash64(*key), *key).limit(MOST_TEXTS)


def _collected(rows: DataFrame, products: DataFrame) -> pd.DataFrame:
    drawn = rows.localCheckpoint()
    # The catalog is passed through once, and not sorted for a few texts.
    of_product = products.select(*PRODUCT, F.col("language").alias("product_language"))
    named = of_product.join(F.broadcast(drawn.select(*PRODUCT).distinct()), on=PRODUCT, how="left_semi")
    joined = drawn.join(named, on=PRODUCT, how="left")
    # Reviews are measured under the language that they are read in.
    language = F.when(F.col("is_review"), F.col("language")).otherwise(F.coalesce("language", "product_language"))
    found: Any = joined.withColumn("language", language).drop("product_language").toPandas()
    found["language"] = [language_name(code) for code in found["language"].where(found["language"].notna(), None)]
    # Spark returns rows in any order, and sums of floats know the difference.
    ordered: pd.DataFrame = found.sort_values([*found.columns], kind="stable", ignore_index=True)
    return ordered
