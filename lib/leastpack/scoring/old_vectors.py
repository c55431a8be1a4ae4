"""Which models' small vectors stay in `product_vectors`, and the end of the others'.

A model's vectors are worth keeping as long as something may be scored by it again. What a release pins are scores, so
that to go back to one needs no vectors; to score by its model once they are gone costs a fusion.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pyspark.sql import functions as F

from leastpack.config.root import Config
from leastpack.errors import LeastpackError
from leastpack.log import log
from leastpack.model.directory import load_model
from leastpack.runs import Run
from leastpack.tables import Tables
from leastpack.tables.making import quoted


def models_of_releases(releases: Sequence[tuple[str, datetime]], at: datetime, keep_days: int) -> set[str]:
    """Models of releases that can be rolled back to.

    The versions that a release pins may be gone `keep_days` after the next release took its place.

    Args:
        releases: model_version and published_at, in order.
        at: Now.
        keep_days: Days a version stays readable once a newer one has replaced it.
    """
    replaced = [published_at for _, published_at in releases[1:]]
    oldest = at - timedelta(days=keep_days)
    kept = {model for (model, _), until in zip(releases[:-1], replaced, strict=True) if until >= oldest}
    return kept | {model for model, _ in releases[-1:]}


def drop_old_vectors(tables: Tables, config: Config, run: Run, in_use: str) -> None:
    """Delete the vectors of models that are neither in use, nor the candidate, nor those of a release.

    It is one commit that takes files off the table and reads none, and none where there is nothing to delete.

    Args:
        tables: The tables.
        config: Names the candidate, and how long versions stay.
        run: Gets figure `vectors_dropped`.
        in_use: Version of the model in use.
    """
    kept = {in_use} | _candidates(tables, config) | _released(tables, config.tables.keep_days)
    # Files are passed over by their partition: where all models are kept, none is read.
    others = tables.read("product_vectors").where(~F.col("model_version").isin(*sorted(kept)))
    counts = {row["model_version"]: row["count"] for row in others.groupBy("model_version").count().collect()}
    run.figure("vectors_dropped", sum(counts.values()))
    if not counts:
        return
    tables.delete_where("product_vectors", f"model_version IN ({', '.join(quoted(name) for name in sorted(counts))})")
    log.info("vectors of old models dropped", models=",".join(sorted(counts)), vectors=sum(counts.values()))


def _released(tables: Tables, keep_days: int) -> set[str]:
    if not tables.exists("releases"):
        return set()
    rows = tables.read("releases").orderBy("release_id").select("model_version", "published_at").collect()  # one a day
    # Spark gives times in the driver's zone, and says nothing of it.
    releases = [(row["model_version"], row["published_at"].astimezone(UTC)) for row in rows]
    return models_of_releases(releases, datetime.now(UTC), keep_days)


def _candidates(tables: Tables, config: Config) -> set[str]:
    """The candidate as it was scored, and as it lies in its directory."""
    if config.model.candidate is None:
        return set()
    found = set()
    if tables.exists("scores_of_candidate"):
        found = {row[0] for row in tables.read("scores_of_candidate").select("model_version").limit(1).collect()}
    try:
        found.add(load_model(config.model.candidate).model_version)
    except LeastpackError as error:  # the model in use is scored whatever the state of the candidate
        log.info("there is no candidate model to keep vectors of", why=error.what)
    return found
