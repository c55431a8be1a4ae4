from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from leastpack.scoring.cross import cross
from leastpack.scoring.packages import package_sets

ATTRIBUTES = ("rigidity", "seal")


def row(name: str, kind: str, profile: list[float] | None, inner: tuple[float | None, ...]) -> dict[str, object]:
    sides = dict(zip(("inner_length_cm", "inner_width_cm", "inner_height_cm"), inner, strict=True))
    fields = {
        "marketplace": "NA",
        "package_type": name,
        "kind": kind,
        "profile": profile,
        "attributes": list(ATTRIBUTES),
    }
    return {**fields, **sides, "void_filled": False, "max_weight_g": None}


class Model:
    """Risk falls with the first attribute; a row with NaN has none."""

    def risks(self, vectors: npt.NDArray, profiles: npt.NDArray, void: npt.NDArray) -> tuple[npt.NDArray, npt.NDArray]:
        risk = np.clip(vectors[:, :1] - profiles[None, :, 0] + void, 0, 1).astype(float)
        return risk, risk / 10


def test_every_pair_gets_risk_fit_and_void() -> None:
    rows = [row("box", "box", [0.5, 0.5], (20, 20, 20)), row("bag", "bag", [0.0, 0.5], (50, 50, 20))]
    packages = package_sets(rows, ATTRIBUTES)["NA"]
    product = np.array([[10.0, 10.0, 10.0], [np.nan, 1.0, 1.0], [30.0, 10.0, 10.0]])
    found = cross(Model(), np.array([[0.6]] * 3), product, np.array([1.0] * 3), packages, 0.5)
    assert packages.names == ["bag", "box"]
    np.testing.assert_equal(found.fits, [[1, 1], [np.nan, np.nan], [1, 0]])
    np.testing.assert_allclose(found.void[:, 1], [1 - 1000 / 8000, 0.0, 1 - 3000 / 8000])
    assert np.isfinite(found.risk).all()
    np.testing.assert_allclose(found.risk[:, 0], 0.6)


@pytest.mark.parametrize("profile", [None, [0.5], [0.5, 1.5], [0.5, -0.1]])
def test_p6_a_broken_package_type_has_no_risk(profile: list[float] | None) -> None:
    packages = package_sets([row("box", "box", profile, (9, 9, 9)), row("bag", "bag", [0, 0], (9, 9, 9))], ATTRIBUTES)[
        "NA"
    ]
    found = cross(Model(), np.array([[0.5]]), np.array([[5.0, 5.0, 5.0]]), np.array([np.nan]), packages, 0.5)
    assert np.isnan(found.risk).tolist() == [[False, True]]
    assert np.isnan(found.damage_rate).tolist() == [[False, True]]


def test_a_box_without_inner_sides_is_invalid() -> None:
    assert not package_sets([row("box", "box", [0, 0], (9, None, 9))], ATTRIBUTES)["NA"].packages[0].valid


def test_p6_a_product_without_a_vector_has_no_risk_and_its_neighbours_have_one() -> None:
    packages = package_sets([row("bag", "bag", [0, 0], (9, 9, 9))], ATTRIBUTES)["NA"]
    vectors = np.array([[0.5], [np.nan], [0.7]])
    found = cross(Model(), vectors, np.full((3, 3), 5.0), np.ones(3), packages, 0.5)
    np.testing.assert_allclose(found.risk[:, 0], [0.5, np.nan, 0.7])
