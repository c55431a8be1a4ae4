"""The report step: one HTML file that opens without a network."""

from __future__ import annotations

from typing import Any

import jinja2
from pyspark.sql import SparkSession

from leastpack.config.root import Config
from leastpack.files import put_file
from leastpack.releases.release import current_release
from leastpack.reporting.page import page_context
from leastpack.runs import step_run
from leastpack.tables import Tables


def write_report(spark: SparkSession, config: Config) -> None:
    """Write the report of the current release.

    Raises:
        InputError: There is no release, or the config names a truth file that is not there.
        ModelError: The model directory cannot be read, or holds another model than the release names.
    """
    tables = Tables(spark, config.tables)
    with step_run(spark, tables, config, "report", writes=False) as run:
        release = current_release(tables)
        for name, version in release["versions"].items():
            run.reads(name, version)
        with run.phase("gather"):
            context = page_context(spark, tables, config, release.asDict())
        with run.phase("write"):
            write_page(config.report.path, context)


def write_page(place: str, context: dict[str, Any]) -> None:
    """Render the page and put it in its place as a whole.

    Args:
        place: A path, or a URI of S3 or of another store that pyarrow.fs knows.
        context: What the template shows.

    Raises:
        ConfigError: No file system knows the URI.
    """
    loader = jinja2.PackageLoader("leastpack.reporting", package_path="")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    text = environment.get_template("page.html.j2").render(context)
    put_file(place, text.encode(), "report.path")
