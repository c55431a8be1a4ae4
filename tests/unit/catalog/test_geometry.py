from __future__ import annotations

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leastpack.catalog.geometry import fits, void_share
from leastpack.config.packages import PackageType


def package(
    kind: str = "box", inner: tuple[float, float, float] | None = (30.0, 20.0, 10.0), **more: object
) -> PackageType:
    fields = {"name": "p", "kind": kind, "profile": [0.0], "inner_cm": inner, "tare_g": 1, "cost": 1}
    return PackageType.model_validate({**fields, "valid_from": datetime.date(2020, 1, 1), **more})


def fit(sides: tuple[float, float, float], weight: float, kind_of_package: PackageType) -> float:
    return float(fits(np.array([sides]), np.array([weight]), kind_of_package, 0.5)[0])


@pytest.mark.parametrize(
    ("sides", "expected"),
    [((29, 19, 9), 1.0), ((29.1, 19, 9), 0.0), ((9, 9, 9), 1.0), ((30, 20, 10), 0.0), ((np.nan, 1, 1), np.nan)],
)
def test_a_box_needs_padding_on_every_side(sides: tuple[float, float, float], expected: float) -> None:
    np.testing.assert_equal(fit(sides, 100.0, package()), expected)


@pytest.mark.parametrize(
    ("sides", "expected"), [((25, 15, 5), 1.0), ((26, 15, 5), 0.0), ((20, 10, 10), 1.0), ((15, 9, 11), 0.0)]
)
def test_a_bag_closes_around_the_product(sides: tuple[float, float, float], expected: float) -> None:
    assert fit(sides, 100.0, package("bag")) == expected


def test_weight_decides_even_where_the_size_is_unknown() -> None:
    heavy = package(max_weight_g=500)
    assert fit((np.nan, np.nan, np.nan), 600.0, heavy) == 0.0
    assert np.isnan(fit((np.nan, np.nan, np.nan), 400.0, heavy))
    assert fit((5, 5, 5), np.nan, heavy) == 1.0


def test_everything_fits_its_own_container() -> None:
    own = package("own_container", None)
    assert fit((np.nan, np.nan, np.nan), np.nan, own) == 1.0
    assert fit((500, 500, 500), 1e6, own) == 1.0


side = st.floats(0.1, 100.0)


@given(st.tuples(side, side, side), st.tuples(side, side, side))
def test_void_is_a_share_and_only_in_unfilled_boxes(
    sides: tuple[float, ...], inner: tuple[float, float, float]
) -> None:
    product = np.array([sorted(sides, reverse=True)])
    assert 0.0 <= void_share(product, package(inner=inner))[0] <= 1.0
    assert void_share(product, package(inner=inner, void_filled=True))[0] == 0.0
    assert void_share(product, package("mailer", inner))[0] == 0.0
    assert void_share(np.array([[np.nan, 1.0, 1.0]]), package(inner=inner))[0] == 0.0


def test_void_is_what_the_product_leaves_empty() -> None:
    assert void_share(np.array([[15.0, 20.0, 10.0]]), package())[0] == pytest.approx(0.5)
