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
from leastpack.certificates.cells import in_words
from leastpack.certificates.terms import OF_SHIPMENTS, PILOT
from leastpack.config.root import Config
from leastpack.encoders.allow import AllowList
from leastpack.encoders.engines import representation, resolve_engines
from leastpack.encoders.fetch import Fetcher
from leastpack.encoders.inputs import product_inputs
from leastpack.encoders.languages import MOST_UNKNOWN, WHAT_TO_DO, poorly_read, unknown_tokens
from leastpack.encoders.text import TextEncoder
from leastpack.encoders.thumbnail import thumbnail
from leastpack.errors import InputError, ModelError
from leastpack.locations import local_path
from leastpack.model.scorer import Scorer
from leastpack.outcomes.sheet_results import results_source
from leastpack.pilots.status import pilot_lines
from leastpack.releases.release import read_release, released_products
from leastpack.reporting import gather, plots
from leastpack.reporting.effects import view_effects, word_effects
from leastpack.reporting.evaluate import Evaluation, evaluate
from leastpack.reporting.moves import Totals, by_marketplace, by_reason, kept_products, totals
from leastpack.reporting.readers import readers_section
from leastpack.reporting.showcase import choose_products, showcase
from leastpack.reporting.truth import ALL, moves_check
from leastpack.tables import Tables

KINDS = ("CERTIFIED", "TEST", "REJECTED", "INFEASIBLE", "UNSCORED")
SECTIONS = (
    ("inputs", "What came in"), ("damage", "Damage"), ("precision", "Precision and recall"),
    ("calibration", "Calibration"),
    ("certificates", "What is promised"), ("moves", "What moves"), ("decisions", "Decisions"),
    ("effects", "Words and views"), ("products", "A dozen products"), ("runs", "Runs"),
)  # fmt: skip
SHOWN_WORDS = 36
# Pixels of the longer side of a photo.
THUMBNAIL = 310


def page_context(spark: SparkSession, tables: Tables, config: Config, release: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the template needs: the release's pinned versions, beside the labels and runs of today."""
    released = {
        name: read_release(tables, name)
        for name in ("products", "package_types", "certificates", "recommendations")
    }
    scored, decided = (released_products(tables, release["versions"], name) for name in ("scores", "decisions"))
    scorer = _scorer(config, release)
    types = gather.collected(released["package_types"].orderBy("marketplace", "package_type"))
    pairs = gather.test_pairs(tables, scored, str(release["model_version"]))
    inputs = product_inputs(spark, tables, config, release["versions"])
    products = gather.products_of(inputs, pairs, tables)
    unseen = gather.products_of(inputs, gather.unseen_products(tables, str(release["model_version"])), tables)
    truth = _truth(spark, config)
    profiles = {(r.marketplace, r.package_type): list(r.profile) for r in types.itertuples()}
    runs = gather.last_runs(tables)
    decisions = gather.decisions_by_type(decided)
    outcomes = tables.read("pair_outcomes")
    recommended = released["recommendations"]
    markets = by_marketplace(recommended, released["package_types"], scored, outcomes, truth)
    evaluation = evaluate(pairs, products, scorer, profiles)
    certificates = _certificates(released["certificates"], recommended, str(release["model_version"]))
    checked = _checked(recommended, released["certificates"], truth)
    return {
        "version": __version__,
        "release": {**release, "published_at": gather.utc_text(release["published_at"])},
        "sections": SECTIONS,
        "kinds": KINDS,
        "tiles": _tiles(totals(markets), certificates, checked, evaluation),
        **_inputs(tables, config, runs),
        **_evaluation(evaluation),
        **readers_section(tables, config.outcomes),
        "damage_plot": _damage_plot(gather.damage_by_type(tables)),
        "certificates": certificates,
        "types": _types(tables, certificates),
        "pilots": pilot_lines(spark, config) if tables.exists("pilots") else [],
        "price_plot": _price_plot(certificates),
        "kept": kept_products(recommended, outcomes),
        "reasons": _records(by_reason(recommended)),
        "truth": checked,
        "decisions": _records(decisions),
        "markets": _records(markets),
        "not_compared": totals(markets).not_compared,
        "saved_plot": plots.histogram_plot(
            gather.weight_saved(released["recommendations"])["weight_saved_g"].to_numpy(float),
            "grams saved a shipment", "products",
        ),
        **_effects(config, unseen, scorer, types, decisions),
        "products": _showcase(tables, config, released["products"], scored, decided, pairs),
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


def _tiles(
    moves: Totals, certificates: list[dict[str, Any]], checked: list[dict[str, Any]], evaluation: Evaluation
) -> list[dict[str, str]]:
    def share(count: int) -> str:
        return f"{count / max(1, moves.products):.1%}"

    tiles = [
        (share(moves.moved), f"of {moves.products:,} products move, or get their first package, by a certificate"),
        (share(moves.kept), "are kept in the package that they ship in"),
        (share(moves.unsupported), "are kept because no round of tests supports a move"),
    ]
    if moves.grams_before and moves.grams_after is not None:
        tiles.append(
            (
                f"{1 - moves.grams_after / moves.grams_before:.1%}",
                f"of package weight saved, by {moves.shipments:,} earlier shipments",
            )
        )
    for name, before, after in (
        ("expected reported damages", moves.damages_before, moves.damages_after),
        ("true damages, by the sample's truth,", moves.true_before, moves.true_after),
    ):
        if before is not None and after is not None and moves.shipments:
            rates = f"{before / moves.shipments:.2%} → {after / moves.shipments:.2%}"
            tiles.append((rates, f"{name} of shipments, before → after, weighted by earlier shipments"))
    for one in certificates:
        if one["in_force"]:
            promised, found = "of what moves is unsafe", f"{one['k']} of {one['n']} tested were"
            if one["labels"] in OF_SHIPMENTS:
                promised = "mean damage rate of what moves"
                kind = "trial shipments" if one["labels"] == PILOT else "shipments assigned at random"
                found = f"{one['k']:,} of {one['shipments']:,.0f} {kind} were damaged"
            tiles.append((f"≤ {one['alpha']:.1%}", f"{promised}, promised for {one['where']}: {found}"))
    for row in checked:
        if row["package_type"] == ALL:
            verdict = "kept" if row["kept"] else "BROKEN"
            rate, true = f"{row['unsafe'] / row['products']:.1%}", "truly unsafe"
            if row["labels"] in OF_SHIPMENTS:
                rate, true = f"{row['rate_after']:.2%}", "true mean damage rate"
            tiles.append((rate, f"{true} of {row['products']:,} that move, {row['where']}: promise {verdict}"))
    curve = evaluation.curves["all pairs"]
    if curve.auc is not None:
        tiles.append(
            (f"{curve.auc:.2f}", f"average precision of UNSAFE (prevalence {curve.prevalence:.2f}, n = {curve.n:,})")
        )
    return [{"value": value, "label": label} for value, label in tiles]


def _certificates(certificates: DataFrame, recommended: DataFrame, model_version: str) -> list[dict[str, Any]]:
    """The cells of this model's policies, those that products move by first."""
    named = recommended.where("certificate_id IS NOT NULL").select("certificate_id").distinct().collect()
    in_force = {row.certificate_id for row in named}
    rows = certificates.where((F.col("model_version") == model_version) & F.col("cell").isNotNull())
    found = _records(gather.collected(rows.orderBy(F.col("status") != "certified", "cell")))
    return [{**row, "in_force": row["certificate_id"] in in_force, "where": in_words(row["cell"])} for row in found]


def _types(tables: Tables, certificates: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What labels say of each package type among what moves."""
    if not tables.exists("certificate_types"):
        return []
    cells = {one["certificate_id"]: one["where"] for one in certificates}
    rows = tables.read("certificate_types").where(F.col("certificate_id").isin(list(cells)))
    found = _records(gather.collected(rows.orderBy("certificate_id", "package_type")))
    return [{**row, "where": cells[row["certificate_id"]]} for row in found]


def _checked(recommended: DataFrame, certificates: DataFrame, truth: DataFrame | None) -> list[dict[str, Any]]:
    """What moves, held against the truth of a sample."""
    if truth is None:
        return []
    rows = _records(moves_check(recommended, certificates, truth))
    return [{**row, "where": in_words(row["cell"])} for row in rows]


def _price_plot(certificates: list[dict[str, Any]]) -> str | None:
    prices = {
        f"{one['where']}, {one['labels']}": list(zip(one["price_tests"], one["price_moving"], strict=True))
        for one in certificates
        if one["price_tests"] is not None and len(one["price_tests"])
    }
    return plots.price_plot(prices) if prices else None


def _inputs(tables: Tables, config: Config, runs: list[dict[str, Any]]) -> dict[str, Any]:
    # A run of outcomes may take in some sources alone.
    last = [(run["step"], run["account"]["inputs"]) for run in runs if run["step"] != "outcomes"]
    configured = [source.name for source in (*config.sources, *results_source(tables))]
    last += [("outcomes", {source: row}) for source, row in gather.outcome_accounts(tables, configured).items()]
    accounts = [
        {"step": step, "source": source, **row, "set_aside": _counts(row["set_aside"])}
        for step, inputs in last
        for source, row in inputs.items()
    ]
    quarantine = _records(gather.quarantine_counts(tables))
    return {"accounts": accounts, "quarantine": quarantine, **_languages(gather.encode_figures(runs))}


def _languages(figures: Mapping[str, float]) -> dict[str, Any]:
    return {
        "tokens": unknown_tokens(figures),
        "poorly_read": list(poorly_read(figures)),
        "most_unknown": MOST_UNKNOWN,
        "todo_language": WHAT_TO_DO,
    }


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
    tables: Tables,
    config: Config,
    products: DataFrame,
    scored: DataFrame,
    decided: DataFrame,
    pairs: pd.DataFrame,
) -> list[dict[str, Any]]:
    fetch = config.encoders.fetch
    read = Fetcher(fetch, AllowList.here(fetch)).read
    known = pairs[pairs["eligible"].astype(bool)]
    return showcase(
        choose_products(known, config.report.products),
        products,
        tables.read("product_images"),
        scored,
        decided,
        tables.read("training_examples"),
        lambda uri: thumbnail(uri, read, THUMBNAIL, fetch),
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
