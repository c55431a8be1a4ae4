"""Results of tests that came back in sheets, as a source that nobody has to configure."""

from __future__ import annotations

from leastpack.config.guards import GuardsConfig
from leastpack.config.sources import SourceConfig
from leastpack.tables import Tables
from leastpack.tables.schemas import TEST_RESULTS

COLUMNS = (
    "test_id",
    "product_id",
    "marketplace",
    "package_type",
    "result",
    "draw_probability",
    "draw_round",
    "tested_at",
)


def results_source(tables: Tables) -> list[SourceConfig]:
    """The results as a source of human tests; none where no sheet came back."""
    name = TEST_RESULTS.name
    if not tables.exists(name):
        return []
    kind = "delta" if tables.root is not None else "table"
    columns = {column: column for column in COLUMNS}
    # The rows were judged when they came back: what has left the catalog since is counted, and refuses nothing.
    guards = GuardsConfig(most_quarantined=1.0)
    place = tables.location(name)
    return [SourceConfig(name=name, kind="human_tests", format=kind, path=place, columns=columns, guards=guards)]
