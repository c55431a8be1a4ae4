from __future__ import annotations

from pathlib import Path

import pytest

from leastpack.catalog import choose_size, limits, quarantine, sizes, tunnel, versions, weights
from leastpack.config.sources import FIELDS, MEASURES, TYPES
from leastpack.measures import identifiers, prices
from leastpack.measures import sizes as read_sizes

PAGE = (Path(__file__).parents[3] / "docs" / "your-data.md").read_text(encoding="utf-8")
CASES = Path(__file__).parents[2] / "cases"


@pytest.mark.parametrize("kind", FIELDS)
def test_the_page_lists_every_field(kind: str) -> None:
    section = PAGE.split(f"### {kind}\n")[1].split("###")[0]
    listed = [line for line in section.splitlines() if line.startswith("| `")]
    kinds = {field: "number or text" if field in MEASURES else TYPES.get(field, "string") for field in FIELDS[kind]}
    assert listed == [f"| `{field}` | {kinds[field]} | {meaning} |" for field, meaning in FIELDS[kind].items()]


def test_the_page_names_every_code() -> None:
    modules = (choose_size, identifiers, prices, quarantine, read_sizes, sizes, versions, weights)
    values = [value for module in modules for name, value in vars(module).items() if name.isupper()]
    codes = [v for v in values if isinstance(v, str) and v.replace("_", "").isalpha() and "_" in v.strip("_")]
    assert len(codes) > 15
    named = [code for code in codes if not code.startswith(tunnel.NOTE)]
    assert [code for code in named if f"`{code}`" not in PAGE] == []
    spoken = [value.removeprefix(tunnel.NOTE) for name, value in vars(tunnel).items() if name.startswith("TUNNEL_")]
    assert [code for code in spoken if f"`{code}`" not in PAGE] == []


@pytest.mark.parametrize(
    "name", ["shop-export-of-shopify", "feed-of-google-merchant-xml", "feed-of-google-merchant-tsv"]
)
def test_the_page_shows_the_sources_of_shops_that_are_tested(name: str) -> None:
    config = (CASES / name / "config.yaml").read_text(encoding="utf-8")
    assert f"```yaml\nsources:\n{config.partition('sources:')[2].lstrip(chr(10))}```" in PAGE


def test_the_page_gives_the_limits() -> None:
    assert f"{limits.MIN_USUAL_DENSITY:g} and {limits.MAX_USUAL_DENSITY:g} g/cm³" in PAGE
    assert f"outside {limits.MIN_DENSITY:g}..{limits.MAX_DENSITY:g} g/cm³" in PAGE
    assert f"around {limits.USUAL_DENSITY:g} g/cm³" in PAGE
    assert f"factor of {limits.MAX_WEIGHT_RATIO:g}" in PAGE
    assert f"above {limits.MIN_SIDE_CM:g} cm or above {limits.MAX_SIDE_CM:g} cm" in PAGE
    assert f"between {limits.MIN_WEIGHT_G:g} g and {limits.MAX_WEIGHT_G / 1000:g} kg" in PAGE
