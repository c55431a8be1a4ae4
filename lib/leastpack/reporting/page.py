"""What the page shows, section by section."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from scipy.stats import binomtest

from leastpack import __version__
from leastpack.config.root import Config
from leastpack.decisions.certificates import Terms
from leastpack.decisions.evidence import certified_shares, collect_evidence
from leastpack.decisions.grid import risk_grid
from leastpack.decisions.held_out import held_out
from leastpack.decisions.scored import Scored, count_scored, labelled_pairs, scored_pairs
from leastpack.encoders.allow import AllowList
from leastpack.encoders.engines import representation, resolve_engines
from leastpack.encoders.fetch import Fetcher
from leastpack.encoders.inputs import product_inputs
from leastpack.encoders.text import TextEncoder
from leastpack.errors import InputError, ModelError
from leastpack.locations import local_path
from leastpack.model.scorer import Scorer
from leastpack.releases.release import read_release
from leastpack.reporting import gather, plots
from leastpack.reporting.effects import view_effects, word_effects
from leastpack.reporting.evaluate import Evaluation, evaluate
from leastpack.reporting.showcase import choose_products, showcase
from leastpack.reporting.truth import truth_check
from leastpack.tables import Tables

KINDS = ("CERTIFIED", "TEST", "REJECTED", "INFEASIBLE", "UNSCORED")
SECTIONS = (
    ("inputs", "What came in"), ("damage", "Damage"), ("precision", "Precision and recall"),
    ("calibration", "Calibration"),
    ("certificates", "Certificates"), ("decisions", "Decisions"), ("savings", "Weight, cost, damage"),
    ("effects", "Words and views"), ("products", "A dozen products"), ("runs", "Runs"),
)  # fmt: skip
SHOWN_WORDS = 36
ALPHAS = np.geomspace(0.005, 0.3, 25)


def page_context(spark: SparkSession, tables: Tables, config: Config, release: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the template needs: the release's pinned versions, beside the labels and runs of today."""
    released = {
        name: read_release(tables, name)
        for name in ("products", "package_types", "pair_scores", "certificates", "pair_decisions", "recommendations")
    }
    scorer = _scorer(config, release)
    types = gather.collected(released["package_types"].orderBy("marketplace", "package_type"))
    pairs = gather.test_pairs(tables, released["pair_scores"], str(release["model_version"]))
    inputs = product_inputs(spark, tables, config, release["versions"])
    products = gather.products_of(inputs, pairs, tables)
    unseen = gather.products_of(inputs, gather.unseen_products(tables, str(release["model_version"])), tables)
    truth = _truth(spark, config)
    profiles = {(r.marketplace, r.package_type): list(r.profile) for r in types.itertuples()}
    runs = gather.last_runs(tables)
    decisions = gather.decisions_by_type(released["pair_decisions"], released["pair_scores"])
    saved = gather.savings(released["recommendations"], released["package_types"], released["pair_scores"], truth)
    evaluation = evaluate(pairs, products, scorer, profiles)
    given_first = (F.col("threshold").isNull(), "promise", "package_types", "stratum")
    certificates = gather.collected(released["certificates"].orderBy(*given_first))
    return {
        "version": __version__,
        "release": {**release, "published_at": gather.utc_text(release["published_at"])},
        "sections": SECTIONS,
        "kinds": KINDS,
        "tiles": _tiles(decisions, saved, evaluation),
        **_inputs(tables, runs),
        **_evaluation(evaluation),
        "damage_plot": _damage_plot(gather.damage_by_type(tables)),
        "certificates": _records(certificates),
        "share_plots": _share_plots(config, tables, released, str(release["model_version"])),
        "truth": _truth_check(truth, released),
        "decisions": _records(decisions),
        "savings": _records(saved),
        "saved_plot": plots.histogram_plot(
            gather.weight_saved(released["recommendations"])["weight_saved_g"].to_numpy(float),
            "grams saved a shipment", "products",
        ),
        **_effects(config, unseen, scorer, types, decisions),
        "products": _showcase(tables, config, release, released, pairs),
        "runs": [_run(run) for run in runs],
        "work": gather.work_done(runs),
    }  # fmt: skip


def _scorer(config: Config, release: Mapping[str, Any]) -> Scorer:
    scorer = Scorer.load(config.model.directory)
    if scorer.model_version != release["model_version"]:
        raise ModelError(
            f"model directory {config.model.directory} is not the released model",
            expected=str(release["model_version"]),
            found=scorer.model_version,
            todo="score, decide and publish with this model, or set model.directory to the released one",
        )
    return scorer


def _tiles(decisions: pd.DataFrame, saved: pd.DataFrame, evaluation: Evaluation) -> list[dict[str, str]]:
    fitting, certified = int(decisions["fitting"].sum()), int(decisions["CERTIFIED"].sum())
    curve = evaluation.curves["all pairs"]
    tiles = [
        (f"{int(decisions['pairs'].sum()):,}", "pairs scored"),
        (f"{certified / max(1, fitting):.1%}", f"of {fitting:,} fitting pairs certified or proven safe"),
        (f"{int(decisions['TEST'].sum()):,}", "pairs doubtful, for a human test"),
    ]
    grams, today = (gather.mean_saving(saved, name) for name in ("weight_saved_g", "tare_today_g"))
    if grams is not None and today:
        tiles.append((f"{grams / today:.0%}", f"packaging weight saved a product ({grams:.0f} of {today:.0f} g)"))
    before, after = (gather.mean_saving(saved, name) for name in ("rate_today", "rate_chosen"))
    if before and after is not None:
        tiles.append(
            (f"{1 - after / before:.0%}", f"fewer damages expected ({after:.2%} of shipments, now {before:.2%})")
        )
    if curve.auc is not None:
        tiles.append(
            (f"{curve.auc:.2f}", f"average precision of UNSAFE (prevalence {curve.prevalence:.2f}, n = {curve.n:,})")
        )
    return [{"value": value, "label": label} for value, label in tiles]


def _inputs(tables: Tables, runs: list[dict[str, Any]]) -> dict[str, Any]:
    accounts = [
        {"step": run["step"], "source": source, **row, "set_aside": _counts(row["set_aside"])}
        for run in runs
        for source, row in run["account"]["inputs"].items()
    ]
    quarantine = _records(gather.quarantine_counts(tables))
    return {"accounts": accounts, "quarantine": quarantine, "tokens": gather.unknown_tokens(runs)}


def _evaluation(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "precision_plot": plots.precision_recall_plot(evaluation.curves),
        "by_type": [{"name": name, "curve": curve} for name, curve in evaluation.by_type.items()],
        "photo_gain": evaluation.photo_gain,
        "risk_calibration": plots.reliability_plot(evaluation.risk_bins, "predicted risk", "share UNSAFE"),
        "rate_calibration": plots.reliability_plot(evaluation.rate_bins, "predicted damage rate", "damages a shipment"),
    }


def _damage_plot(damage: pd.DataFrame) -> str:
    damage = damage[damage["n"] > 0]
    intervals = [binomtest(int(r.k), int(r.n)).proportion_ci(0.95) for r in damage.itertuples()]
    names = [f"{r.package_type} ({int(r.k):,} of {int(r.n):,})" for r in damage.itertuples()]
    rates = (damage["k"] / damage["n"]).tolist()
    lows, highs = [100 * float(i.low) for i in intervals], [100 * float(i.high) for i in intervals]
    return plots.interval_plot(
        names, [100 * rate for rate in rates], lows, highs, "reported damages a shipment, %", zero=True
    )


def _share_plots(
    config: Config, tables: Tables, released: Mapping[str, DataFrame], model_version: str
) -> list[dict[str, str]]:
    labels = {name: tables.read(name) for name in ("pair_tests", "pair_outcomes")}
    labels["certify_examples"] = held_out(tables, tables.read("training_examples"), model_version, "certify")
    settings, grid = config.decisions, risk_grid(config.decisions.grid)
    pairs = scored_pairs(
        released["pair_scores"], released["package_types"], grid, settings.pool_marketplaces, settings.day
    )
    scored = Scored(pairs, labelled_pairs(pairs, list(labels.values())), count_scored(pairs))
    evidence = collect_evidence({**released, **labels}, scored, settings, len(grid))
    terms = Terms(settings, config.outcomes.tau, config.outcomes.least_reporting_rate, model_version, grid)
    shares = certified_shares(evidence, terms, ALPHAS)
    return [
        {
            "title": f"Certified share of pairs with photos against alpha: the {promise.promise} promise",
            "svg": plots.share_plot(ALPHAS, shares[promise.promise], promise.alpha),
        }
        for promise in settings.promises
    ]


def _truth(spark: SparkSession, config: Config) -> DataFrame | None:
    if config.report.truth is None:
        return None
    here = local_path(config.report.truth)
    if here is not None and not here.exists():
        raise InputError(
            f"report.truth names {config.report.truth}, which does not exist",
            todo="run leastpack sample, or set report.truth to null: a real marketplace has no truth",
        )
    return spark.read.parquet(config.report.truth)


def _truth_check(truth: DataFrame | None, released: Mapping[str, DataFrame]) -> list[dict[str, Any]]:
    if truth is None:
        return []
    return _records(truth_check(released["certificates"], released["pair_scores"], released["package_types"], truth))


def _effects(
    config: Config, products: pd.DataFrame, scorer: Scorer, types: pd.DataFrame, decisions: pd.DataFrame
) -> dict[str, Any]:
    package_type = config.report.effect_package or str(decisions.loc[decisions["TEST"].idxmax(), "package_type"])
    chosen = types[types["package_type"] == package_type]
    if chosen.empty:
        known = ", ".join(sorted(types["package_type"].unique()))
        raise InputError(f"report.effect_package {package_type!r} is no package type", expected=known)
    profile = list(chosen.iloc[0]["profile"])
    encoders = resolve_engines(config)
    encoder = TextEncoder(
        encoders.text,
        representation=representation(config, encoders, "text"),
        cache=encoders.cache,
        s3_endpoint=encoders.fetch.s3_endpoint,
    )
    words = word_effects(
        products,
        scorer,
        lambda texts: encoder.encode(texts)[0],
        profile,
        config.report.words,
        config.report.watch_words,
    )
    views, by_photos = view_effects(products, scorer, profile)
    watched = set(config.report.watch_words)
    strongest = sorted(words, key=lambda effect: -abs(effect.mean))
    kept = [effect.name for effect in strongest if effect.name not in watched][: SHOWN_WORDS - len(watched)]
    shown = [effect for effect in words if effect.name in watched or effect.name in kept]
    unit = "change of the risk's log-odds"
    return {
        "effect_type": package_type,
        "word_plot": plots.effect_plot(shown, unit) if shown else "<p>No word is frequent enough.</p>",
        "view_plot": plots.effect_plot(views, f"mean absolute {unit}") if views else None,
        "photo_plot": plots.histogram_plot(by_photos, f"{unit} by all photos", "products") if views else None,
    }


def _showcase(
    tables: Tables, config: Config, release: Mapping[str, Any], released: Mapping[str, DataFrame], pairs: pd.DataFrame
) -> list[dict[str, Any]]:
    fetcher = Fetcher(config.encoders.fetch, AllowList.here(config.encoders.fetch))
    known = pairs[pairs["eligible"].astype(bool)]
    return showcase(
        choose_products(known, config.report.products),
        released["products"],
        tables.read("product_images"),
        released["pair_scores"],
        released["pair_decisions"],
        tables.read("training_examples"),
        fetcher.read,
    )


def _run(run: Mapping[str, Any]) -> dict[str, Any]:
    phases = ", ".join(f"{name} {seconds:.0f}" for name, seconds in sorted(run["seconds"].items(), key=lambda x: -x[1]))
    return {**run, "phases": phases}


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items())


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dicts with None, not NaN, where there is nothing."""
    return [
        {str(k): None if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()}
        for row in frame.to_dict("records")
    ]
