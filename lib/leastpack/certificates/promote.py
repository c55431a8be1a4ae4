"""Puts a certified candidate model in the place of the one in use."""

from __future__ import annotations

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from leastpack.certificates.in_force import standing
from leastpack.certificates.scores import check_scores
from leastpack.certificates.terms import make_terms
from leastpack.config.root import Config
from leastpack.encoders.work import live
from leastpack.errors import InputError
from leastpack.files import is_file, names_in, read_bytes
from leastpack.model.directory import load_model, require_free
from leastpack.model.folder import open_model, put_model
from leastpack.runs import step_run
from leastpack.tables import Tables


def promote(spark: SparkSession, config: Config) -> list[str]:
    """Copy the candidate model into `model.directory`, once it is certified and has scored every product.

    The next score crosses its vectors, which are there, with all packages; until decide and publish have run too, the
    release stays that of the model before.

    Args:
        spark: The session.
        config: With `model.candidate`.

    Returns:
        What was done, in lines for a person.

    Raises:
        ConfigError: There is no candidate.
        InputError: It has no certificate in force, has not scored all products, or was trained anew since.
        ModelError: A model directory cannot be read.
    """
    candidate = config.of_candidate()
    tables = Tables(spark, candidate.tables)
    with step_run(spark, tables, config, "promote") as run:
        names = ("products", "package_types", "scores")
        inputs = {name: tables.read(name, run.reads(name, tables.version(name))) for name in names}
        types = inputs["package_types"].collect()
        scored, model_version = check_scores(inputs["scores"], inputs["package_types"])
        _require_whole(candidate, inputs, scored, model_version)
        terms = make_terms(candidate, types, model_version)
        given = standing(tables, terms)
        if not given.in_force:
            raise InputError(
                f"the candidate model {model_version} has no certificate in force",
                expected="one cell or more that certify --candidate has certified",
                found=given.paused or _statuses(tables, terms.digest),
                todo="run leastpack certify --candidate, and bring the results of its tests; the model in use stays",
            )
        require_free(config.model.directory)
        files = open_model(candidate.model.directory)
        content = {name: read_bytes(files, name) for name in names_in(files, "") if is_file(files, name)}
        put_model(config.model.directory, content)
        run.figure("certificates_in_force", len(given.in_force))
    return [
        f"model {model_version} is in {config.model.directory}; certified: {', '.join(sorted(given.in_force))}",
        "run leastpack score, decide and publish: until then the release stays that of the model before",
    ]


def _require_whole(candidate: Config, inputs: Mapping[str, DataFrame], scored: int, model_version: str) -> None:
    """The scores are those of the model that is there, and of all products."""
    trained = load_model(candidate.model.directory).model_version
    todo = "run leastpack score --candidate to its end"
    if trained != model_version:
        raise InputError("scores_of_candidate are of another model", expected=trained, found=model_version, todo=todo)
    markets = inputs["package_types"].select("marketplace").distinct()
    sold = live(inputs["products"]).join(F.broadcast(markets), on="marketplace", how="left_semi").count()
    if scored != sold:
        raise InputError(
            "scores_of_candidate are not those of the catalog of today",
            expected=f"{sold} products",
            found=f"{scored} products",
            todo=todo,
        )


def _statuses(tables: Tables, policy_digest: str) -> str:
    if not tables.exists("certificates"):
        return "no round"
    own = tables.read("certificates").where(F.col("policy_digest") == policy_digest).orderBy("cell").collect()
    told = (f"{row.cell}: {row.status}" + (f", {row.why_none}" if row.why_none else "") for row in own)
    return "; ".join(told) or "no round"
