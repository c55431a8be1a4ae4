from __future__ import annotations

import datetime
from typing import Any

import pytest

from leastpack.catalog.packages import package_rows, withdrawn_rows
from leastpack.config.packages import PackageFile
from leastpack.errors import ConfigError
from leastpack.tables.schemas import PACKAGE_TYPES

DAY = datetime.date(2024, 6, 1)


def file(*types: str, attributes: tuple[str, ...] = ("rigidity",), **more: Any) -> PackageFile:
    box = {"kind": "box", "profile": [0.5], "inner_cm": [9, 30, 20], "tare_g": 1, "cost": 1, "valid_from": "2020-01-01"}
    box["safe_default"] = True
    content = [{**box, "name": name, **more} for name in types]
    given = {"marketplace": "NA", "currency": "USD", "attributes": list(attributes), "types": content}
    return PackageFile.model_validate(given)


def test_a_row_holds_every_column_and_its_sides_longest_first() -> None:
    (row,) = package_rows([file("box", valid_to="2030-01-01")])
    assert set(row) == set(PACKAGE_TYPES.names)
    assert [row[f"inner_{side}_cm"] for side in ("length", "width", "height")] == [30, 20, 9]
    assert row["valid_to"] == datetime.date(2030, 1, 1)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (None, DAY),
        (datetime.date(2024, 1, 1), datetime.date(2024, 1, 1)),  # withdrawn long ago: as it is
        (datetime.date(2030, 1, 1), DAY),
    ],
)
def test_a_type_that_leaves_its_file_keeps_its_row_and_its_last_day(
    stored: datetime.date | None, expected: datetime.date
) -> None:
    before = [{**row, "valid_to": stored} for row in package_rows([file("bag", "box")])]
    now = package_rows([file("box")])
    assert withdrawn_rows(now, before, DAY) == [{**before[0], "valid_to": expected}]
    assert withdrawn_rows(package_rows([file("bag", "box")]), before, DAY) == [], "it may come back"


def test_a_withdrawn_type_of_other_attributes_must_be_declared_with_its_last_day() -> None:
    before = package_rows([file("bag", "box")])
    now = package_rows([file("box", attributes=("rigidity", "seal"), profile=[0.5, 0.1])])
    with pytest.raises(ConfigError, match=r"NA/bag is in no package file any more(?s:.*)`valid_to`"):
        withdrawn_rows(now, before, DAY)


def test_a_type_is_valid_for_a_day_or_more() -> None:
    with pytest.raises(ValueError, match="valid_to 2020-01-01 is not after valid_from 2020-01-01"):
        file("box", valid_to="2020-01-01")
