"""The train step: pin the tables, write the snapshot, train, calibrate, test, save."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow.fs as pafs
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack import __version__
from leastpack.config.root import Config
from leastpack.encoders.engines import chosen_encoders, resolve_engines
from leastpack.encoders.inputs import product_inputs
from leastpack.encoders.work import live
from leastpack.errors import ModelError
from leastpack.files import child, is_file, names_in, open_folder, read_bytes, write_bytes
from leastpack.locations import absolute
from leastpack.log import log
from leastpack.model.calibration import Calibrator
from leastpack.model.card import write_model_card
from leastpack.model.directory import load_model, save_model
from leastpack.model.fused import FusedModel
from leastpack.model.spec import ModelSpec
from leastpack.runs import Run, step_run
from leastpack.tables.schemas import EXAMPLES_VERSION, TRAINING_METRICS
from leastpack.tables.store import Tables
from leastpack.training.arms import phases_of
from leastpack.training.card import card_fields
from leastpack.training.checkpoint import WORK, load_weights
from leastpack.training.engines import choose_engines, draw_sample, kept_engines
from leastpack.training.evaluation import Figures, calibrators, ranking_figures
from leastpack.training.examples import HELD_OUT, Counts, count, require_learnable, used_examples
from leastpack.training.launchers import launch, require_launcher
from leastpack.training.loop import Job, Trained
from leastpack.training.manifest import Manifest
from leastpack.training.packages import package_rows
from leastpack.training.progress import read_figures
from leastpack.training.reader import PartReader, require_petastorm
from leastpack.training.sizes import vector_sizes
from leastpack.training.snapshot import Recipe, make_snapshot
from leastpack.training.validation import predict_part

INPUTS = ("training_examples", "products", "product_images", "embeddings", "package_types")
RESULT = "result.json"
# These decide where and how fast a training runs, not what comes out.
OUTSIDE_FINGERPRINT = {"launcher", "processes", "snapshot", "timeout_s", "gate_products"}


def train_model(spark: SparkSession, config: Config) -> None:
    """Train the fused model and write its directory.

    A run with the same inputs and settings as the model that is there changes nothing. A run that was stopped is taken
    up again after its last whole epoch.

    Raises:
        InputError: A table is missing, there is nothing to learn from, or petastorm or Horovod is not installed.
        ConfigError: Spark has fewer task slots than training.processes.
        PromiseError: Rows went missing between the tables, the snapshot and the loop.
        ModelError: The model's directory holds something other than a model.
    """
    require_petastorm()
    require_launcher(spark, config.training)
    tables = Tables(spark, config.tables)
    with step_run(spark, tables, config, "train") as run:
        versions = {name: run.reads(name, tables.version(name)) for name in INPUTS}
        with run.phase("count"):
            inputs = _inputs(spark, tables, config, versions)
        fingerprint = _fingerprint(config, versions, inputs.recipe.spec)
        root = absolute(config.training.snapshot)
        files = open_folder(child(root, fingerprint))
        current = _current_version(config, files)
        rows_in = tables.read("training_examples", versions["training_examples"]).count()
        _account(run, rows_in, inputs.recipe.counts, unchanged=current is not None)
        if current is not None:
            log.info("the model is up to date", model_version=current, fingerprint=fingerprint)
            return
        with run.phase("snapshot"):
            manifest = make_snapshot(root, fingerprint, versions, inputs.recipe, inputs.examples, inputs.products)
        _expect_rows(run, manifest, inputs.recipe)
        first = phases_of(config.training)[0]
        job = Job(child(root, fingerprint), config.training, inputs.recipe.counts.base_rates(first))
        with run.phase("train"):
            trained = launch(spark, job, config.log)
        with run.phase("test"):
            model = FusedModel(manifest.spec)
            load_weights(files, model, trained.best_epoch)
            fitted, figures = _evaluate(model, files, manifest)
        with run.phase("engines"):
            model, engines = _choose_engines(tables, config, versions, inputs, model)
        with run.phase("save"):
            result = _Result(manifest, inputs.recipe, trained, model, fitted, figures, engines)
            _save(tables, config, run, result, files)


@dataclass(frozen=True)
class _Inputs:
    """The pinned inputs of a training."""

    recipe: Recipe
    examples: DataFrame
    products: DataFrame


@dataclass(frozen=True)
class _Result:
    """Everything a training ended with."""

    manifest: Manifest
    recipe: Recipe
    trained: Trained
    model: FusedModel
    fitted: Mapping[str, Calibrator]
    figures: Figures
    engines: Mapping[str, bytes]


def _inputs(spark: SparkSession, tables: Tables, config: Config, versions: Mapping[str, int]) -> _Inputs:
    packages, attributes = package_rows(
        row.asDict() for row in tables.read("package_types", versions["package_types"]).collect()
    )
    products = tables.read("products", versions["products"])
    known = [(package.marketplace, package.package_type) for package in packages]
    examples = used_examples(tables.read("training_examples", versions["training_examples"]), live(products), known)
    counts = count(examples)
    require_learnable(counts)
    trained = examples.where("split = 'train'").select("marketplace").distinct().collect()  # a handful
    marketplaces = sorted(row["marketplace"] for row in trained)
    recipe = Recipe(config.training, _spec(tables, config, versions, marketplaces, attributes), packages, counts)
    return _Inputs(recipe, examples, product_inputs(spark, tables, config, versions))


def _spec(
    tables: Tables,
    config: Config,
    versions: Mapping[str, int],
    marketplaces: list[str],
    attributes: tuple[str, ...],
) -> ModelSpec:
    text, image = vector_sizes(tables.read("embeddings", versions["embeddings"]), resolve_engines(config))
    return ModelSpec.from_config(
        config.model,
        text_dim=text.length,
        image_dim=image.length,
        marketplaces=marketplaces,
        attributes=attributes,
        text_encoder=text.identity,
        image_encoder=image.identity,
        tau=config.outcomes.tau,
    )


def _fingerprint(config: Config, versions: Mapping[str, int], spec: ModelSpec) -> str:
    """Digest of everything the trained model follows from."""
    content = {
        "code": __version__,
        "versions": dict(versions),
        "spec": spec.to_json(),
        "currency_units": config.currency_units,
        "training": config.training.model_dump(mode="json", exclude=OUTSIDE_FINGERPRINT),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _current_version(config: Config, files: pafs.FileSystem) -> str | None:
    """The version of the model directory, if this very training made it."""
    if not is_file(files, RESULT):
        return None
    try:
        version = load_model(config.model.trained).model_version
    except ModelError:
        return None
    return version if json.loads(read_bytes(files, RESULT))["model_version"] == version else None


def _account(run: Run, rows_in: int, counts: Counts, *, unchanged: bool) -> None:
    used = 0 if unchanged else counts.used
    aside = {**counts.set_aside, "unchanged": counts.used - used}
    run.account("training_examples", rows_in=rows_in, used=used, set_aside=aside)
    for split, rows in counts.splits.items():
        run.figure(f"rows.{split}", rows)


def _expect_rows(run: Run, manifest: Manifest, recipe: Recipe) -> None:
    """Every used example is in the snapshot; a phase that draws some of them holds between its positives and all."""
    counts = recipe.counts
    whole = {phase.name: "train" for phase in phases_of(recipe.config) if not phase.sampled}
    for part, split in {**whole, **{split: split for split in HELD_OUT}}.items():
        run.expect(f"snapshot/{part}", rows=manifest.pairs(part), expected=counts.splits[split])
        run.expect(f"snapshot/{part}, products", rows=manifest.products(part), expected=counts.products[split])
    for phase in phases_of(recipe.config):
        run.figure(f"rows.{phase.name}", manifest.pairs(phase.name))


def _evaluate(
    model: FusedModel, files: pafs.FileSystem, manifest: Manifest
) -> tuple[Mapping[str, Calibrator], Figures]:
    fitted, figures = calibrators(predict_part(model, PartReader(files, manifest, "calibrate")))
    if not manifest.products("test"):
        log.warning("the test split is empty: the model is not tested")
        return fitted, figures
    reader = PartReader(files, manifest, "test")
    seen, hidden = (predict_part(model, reader, hide_photos=hide) for hide in (False, True))
    return fitted, {**figures, **ranking_figures(seen, hidden, manifest.packages, fitted)}


def _choose_engines(
    tables: Tables, config: Config, versions: Mapping[str, int], inputs: _Inputs, model: FusedModel
) -> tuple[FusedModel, Mapping[str, bytes]]:
    """The model, whose spec names the encoders on the chosen engines, and the files that tell of the choice."""
    if not config.training.gate_products:
        return model, kept_engines(config)
    products, images = (tables.read(name, versions[name]) for name in ("products", "product_images"))
    profiles = np.array(sorted({package.profile for package in inputs.recipe.packages}), dtype=np.float32)
    files = choose_engines(config, model.eval(), profiles, draw_sample(config, products, images))
    chosen = chosen_encoders(files)
    spec = replace(model.spec, text_encoder=chosen["text"].encoder, image_encoder=chosen["image"].encoder)
    renamed = FusedModel(spec)
    renamed.load_state_dict(model.state_dict())
    return renamed.eval(), files


def _save(tables: Tables, config: Config, run: Run, result: _Result, files: pafs.FileSystem) -> None:
    """Write the model directory, its card and the metrics table; then the checkpoints may go."""
    recorded = read_figures(files)
    best = [row for row in recorded if row["epoch"] == result.trained.best_epoch and row["step"] is None]
    figures: Figures = {
        **{row["name"]: row["value"] for row in best if row["name"].startswith("validation_")},
        "epochs": float(result.trained.epochs),
        "steps": float(result.trained.steps),
        "best_epoch": float(result.trained.best_epoch),
        **result.figures,
    }
    version = save_model(config.model.trained, result.model, result.fitted, figures, result.engines)
    write_model_card(
        config.model.trained,
        card_fields(version, config, result.manifest, result.recipe.counts, result.fitted, figures),
    )
    _append_metrics(tables, run, version, recorded, result.manifest.versions["training_examples"])
    for name, value in figures.items():
        if value is not None:
            run.figure(name, value)
    write_bytes(files, RESULT, json.dumps({"model_version": version}).encode())
    for name in names_in(files, WORK):
        if name.endswith(".safetensors"):
            files.delete_file(f"{WORK}/{name}")
    log.info("model saved", model_version=version, directory=config.model.trained)


def _append_metrics(tables: Tables, run: Run, version: str, recorded: list[dict[str, object]], examples: int) -> None:
    """Add the figures of every step and epoch, once a model."""
    tables.ensure("training_metrics")
    if tables.read("training_metrics").where(F.col("model_version") == version).limit(1).count():
        return
    rows = [
        (version, row["phase"], row["epoch"], row["step"], row["name"], row["value"], run.run_id) for row in recorded
    ]
    # The decide step asks what this model has seen.
    rows.append((version, None, None, None, EXAMPLES_VERSION, float(examples), run.run_id))
    tables.append("training_metrics", tables.spark.createDataFrame(rows, TRAINING_METRICS.schema))
