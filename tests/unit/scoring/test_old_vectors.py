"""Of which releases' models vectors stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from leastpack.scoring.old_vectors import models_of_releases

TODAY = datetime(2025, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("published", "kept"),
    [
        ([], set()),
        # The newest release stays readable however old it is.
        ([("a", 500)], {"a"}),
        # It was read until 99 days ago, and until 101.
        ([("a", 500), ("b", 99)], {"a", "b"}),
        ([("a", 500), ("b", 101)], {"b"}),
        # Its model was released again.
        ([("a", 500), ("b", 400), ("a", 300)], {"a"}),
        ([("a", 500), ("b", 400), ("a", 100), ("c", 1)], {"a", "b", "c"}),
    ],
)
def test_a_model_stays_as_long_as_a_release_of_it_can_be_read(published: list[tuple[str, int]], kept: set[str]) -> None:
    releases = [(model, TODAY - timedelta(days=days)) for model, days in published]
    assert models_of_releases(releases, TODAY, keep_days=100) == kept
