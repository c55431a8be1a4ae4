"""The small frames the report is made of. Everything is aggregated or bounded by Spark before it is collected."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from leastpack.certificates.held_out import held_out
from leastpack.encoders.languages import FIGURE
from leastpack.tables import Tables
from leastpack.tables.by_pair import pairs
from leastpack.tables.keys import PAIR, PRODUCT

# Pairs of the test split the figures are drawn from, by hash: enough for any interval that can be told on a page.
MOST_TEST_PAIRS = 50_000
MOST_PRODUCTS = 2_000


def collected(small: DataFrame) -> pd.DataFrame:
    """A frame that is known to be small, as pandas."""
    frame: Any = small.toPandas()
    return frame


def last_runs(tables: Tables) -> list[dict[str, Any]]:
    """The newest run of every step, with its account parsed, in order of start."""
    newest = Window.partitionBy("step").orderBy(F.desc("started_at"))
    rows = tables.read("runs").withColumn("place", F.row_number().over(newest)).where("place = 1").orderBy("started_at")
    rows = rows.withColumn("started_at", F.date_format("started_at", "yyyy-MM-dd HH:mm:ss"))  # the session's zone: UTC
    return [{**row.asDict(), "account": json.loads(row["account"])} for row in rows.drop("config").collect()]


def outcome_accounts(tables: Tables, sources: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The account of the newest run of outcomes that read each of some sources, in order of that run."""
    inputs = F.from_json(F.get_json_object("account", "$.inputs"), "map<string, string>")
    rows = tables.read("runs").where("step = 'outcomes'").select("started_at", F.explode(inputs).alias("source", "row"))
    newest = Window.partitionBy("source").orderBy(F.desc("started_at"))
    last = (
        rows.where(F.col("source").isin(*sources)).withColumn("place", F.row_number().over(newest)).where("place = 1")
    )
    return {row["source"]: json.loads(row["row"]) for row in last.orderBy("started_at", "source").collect()}


def quarantine_counts(tables: Tables) -> pd.DataFrame:
    """Quarantined rows by step, source and code, with one sentence."""
    if not tables.exists("quarantine"):
        return pd.DataFrame(columns=["step", "source", "code", "rows", "why"])
    grouped = tables.read("quarantine").groupBy("step", "source", "code")
    return collected(grouped.agg(F.count("*").alias("rows"), F.min("why").alias("why")).orderBy(F.desc("rows")))


def damage_by_type(tables: Tables) -> pd.DataFrame:
    """Shipments n and damages k by package type, over all closed months, fewest damages a shipment first."""
    outcomes = tables.read("pair_outcomes").groupBy("package_type")
    sums = outcomes.agg(F.sum("n").alias("n"), F.sum("k").alias("k"), F.countDistinct(*PRODUCT).alias("products"))
    return collected(sums.orderBy(F.col("k") / F.col("n")))


def decisions_by_type(decisions: DataFrame) -> pd.DataFrame:
    """Pairs by package type and decision, and mean risk, lightest-risk type last."""
    kinds = ["CERTIFIED", "TEST", "REJECTED", "INFEASIBLE", "UNSCORED"]
    counts = [F.count_if(F.col("decision") == kind).alias(kind) for kind in kinds]
    grouped = pairs(decisions).groupBy("package_type").agg(
        F.count("*").alias("pairs"), F.count_if("fits").alias("fitting"), F.mean("risk").alias("risk"), *counts
    )
    return collected(grouped.orderBy("risk"))


def weight_saved(recommendations: DataFrame) -> pd.DataFrame:
    """Grams saved a shipment, for a bounded draw of products by hash."""
    saved = recommendations.where("weight_saved_g IS NOT NULL").orderBy(F.xxhash64(*PRODUCT)).limit(MOST_TEST_PAIRS)
    return collected(saved.select("weight_saved_g"))


def test_pairs(tables: Tables, scores: DataFrame, model_version: str) -> pd.DataFrame:
    """Scored pairs of the test split, less what the model saw, with labels and shipments; MOST_TEST_PAIRS by hash."""
    unseen = held_out(tables, tables.read("training_examples"), model_version, "test")
    examples = unseen.orderBy("sample_hash").limit(MOST_TEST_PAIRS)
    wanted = ["group_id", "label", "eligible", "by_human_test", "less_protective", "n", "k"]
    # Only their products are opened to pairs.
    own = scores.join(F.broadcast(examples.select(*PRODUCT).distinct()), on=PRODUCT, how="left_semi")
    scored = pairs(own).where("error IS NULL").select(*PAIR, "risk", "damage_rate", "views_used", "void_share")
    return collected(examples.select(*PAIR, *wanted).join(scored, on=PAIR, how="inner").orderBy(*PAIR))


def unseen_products(tables: Tables, model_version: str) -> pd.DataFrame:
    """Keys of products the model never saw, at most MOST_PRODUCTS by hash."""
    today = tables.read("training_examples")
    certify, test = (held_out(tables, today, model_version, split) for split in ("certify", "test"))
    examples = certify.unionByName(test)
    return collected(examples.select(*PRODUCT).distinct().orderBy(F.xxhash64(*PRODUCT)).limit(MOST_PRODUCTS))


def products_of(inputs: DataFrame, rows: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """product_inputs of the products in `rows`, at most MOST_PRODUCTS."""
    keys = rows[PRODUCT].drop_duplicates().head(MOST_PRODUCTS)
    if keys.empty:
        return pd.DataFrame(columns=inputs.columns)
    wanted = tables.spark.createDataFrame(keys.astype(str))
    return collected(inputs.join(F.broadcast(wanted), on=PRODUCT, how="inner").orderBy(*PRODUCT))


def encode_figures(runs: list[dict[str, Any]]) -> dict[str, float]:
    """Figures of the encode step's newest run."""
    figures: dict[str, float] = next((run["figures"] for run in runs if run["step"] == "encode"), {})
    return figures


def work_done(runs: list[dict[str, Any]]) -> list[dict[str, str]]:
    """What the newest encode and score runs did and how fast: step, figure, value as text."""
    lines = []
    for run in (run for run in runs if run["step"] in ("encode", "score")):
        for name, value in sorted(run["figures"].items()):
            if not name.startswith(FIGURE):
                lines.append({"step": run["step"], "figure": _spoken(name), "value": _shown(name, value)})
    return lines


def _spoken(name: str) -> str:
    """A figure's name in words: `texts.encode_s` is the seconds that all workers spent on it together."""
    words = name.replace(".", ": ").replace("_", " ")
    return f"{words.removesuffix(' s')}, seconds of all workers" if name.endswith("_s") else words


def _shown(name: str, value: float) -> str:
    if name.endswith("_waste"):
        return f"{value:.1%}"
    return f"{value:,.1f}" if name.endswith(("_s", "_per_second")) else f"{value:,.0f}"


def utc_text(at: datetime) -> str:
    """A collected timestamp as text in UTC; Python gives it in the machine's own zone, without saying so."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
