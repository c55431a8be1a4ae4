"""How far reports of damage have been delivered."""

from __future__ import annotations

import datetime

import pytest
from structlog.testing import capture_logs

from leastpack.config.sources import FIELDS, SourceConfig
from leastpack.outcomes.watermarks import watermarks

DAY = datetime.date


def source(name, kind="returns", marketplace="NA", **more):
    columns = {field: field for field in FIELDS[kind] if field != "marketplace" or marketplace is None}
    return SourceConfig(name=name, kind=kind, format="csv", path="x", marketplace=marketplace, columns=columns, **more)


CASES = {
    "the source that is furthest behind decides": (
        [source("a"), source("b")],
        {("a", "NA"): DAY(2024, 3, 1), ("b", "NA"): DAY(2024, 2, 1)},
        DAY(2024, 2, 1),
    ),
    "what the config says stands above the latest row": (
        [source("a", delivered_until="2024-05-05")],
        {("a", "NA"): DAY(2024, 3, 1)},
        DAY(2024, 5, 5),
    ),
    "a closed source keeps nobody waiting": (
        [source("old", closed=True), source("new")],
        {("old", "NA"): DAY(2020, 1, 1), ("new", "NA"): DAY(2024, 3, 1)},
        DAY(2024, 3, 1),
    ),
    "where all are closed the last of what they said is all there is": (
        [source("old", closed=True)],
        {("old", "NA"): DAY(2020, 1, 1)},
        DAY(2020, 1, 1),
    ),
    "reviews do not count beside returns": (
        [source("a"), source("r", "reviews")],
        {("a", "NA"): DAY(2024, 2, 1), ("r", "NA"): DAY(2024, 1, 1)},
        DAY(2024, 2, 1),
    ),
    "reviews count alone": ([source("r", "reviews")], {("r", "NA"): DAY(2024, 1, 1)}, DAY(2024, 1, 1)),
    "a source that has delivered nothing leaves it open": (
        [source("a"), source("b")],
        {("a", "NA"): DAY(2024, 2, 1)},
        None,
    ),
    "returns of another marketplace say nothing of this one": ([source("a", marketplace="EU")], {}, None),
    "a source for all marketplaces is waited for where it has no rows yet": (
        [source("all", marketplace=None), source("r", "reviews")],
        {("r", "NA"): DAY(2024, 2, 1), ("all", "EU"): DAY(2024, 2, 1)},
        None,
    ),
    "but not once it is closed": (
        [source("all", marketplace=None, closed=True), source("a")],
        {("a", "NA"): DAY(2024, 2, 1)},
        DAY(2024, 2, 1),
    ),
}


@pytest.mark.parametrize("case", CASES, ids=list(CASES))
def test_the_watermark_of_a_marketplace(case):
    sources, ends, expected = CASES[case]
    found = watermarks(sources, ends, ["NA"], None)
    assert found == ({"NA": expected} if expected else {})
    assert watermarks(sources, ends, ["NA"], DAY(2030, 1, 1)) == {"NA": DAY(2030, 1, 1)}


@pytest.mark.parametrize("as_of", [None, DAY(2030, 1, 1)])
def test_what_is_not_read_keeps_shipments_waiting_whatever_the_config_says(as_of):
    sources = [source("a", delivered_until="2024-05-05"), source("r", "reviews"), source("b", marketplace="EU")]
    ends = {("a", "NA"): DAY(2024, 3, 1), ("b", "EU"): DAY(2024, 3, 1)}
    before = {"NA": DAY(2024, 2, 2), "EU": DAY(2024, 2, 2)}
    found = watermarks(sources, ends, ["EU", "NA"], as_of, before, {"a", "r"})
    assert found == {"NA": DAY(2024, 2, 2), "EU": as_of or DAY(2024, 3, 1)}
    assert "NA" not in watermarks(sources, ends, ["EU", "NA"], as_of, {}, {"a"})
    # Reviews decide nothing beside returns.
    assert watermarks(sources, ends, ["NA"], as_of, before, {"r"})["NA"] > DAY(2024, 2, 2)


def test_a_source_that_lags_more_than_a_week_is_warned_of_with_the_days():
    sources = [source("a"), source("b")]
    with capture_logs() as told:
        watermarks(sources, {("a", "NA"): DAY(2024, 3, 8), ("b", "NA"): DAY(2024, 3, 1)}, ["NA"], None)
    assert told == []
    with capture_logs() as told:
        watermarks(sources, {("a", "NA"): DAY(2024, 3, 9), ("b", "NA"): DAY(2024, 3, 1)}, ["NA"], None)
    assert [(one["source"], one["days"]) for one in told] == [("b", 8)]
