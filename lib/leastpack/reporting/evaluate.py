"""Figures of the test split: precision-recall by package type, with and without photos, and calibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from leastpack.model.features import build_features, hide
from leastpack.model.scorer import Scorer
from leastpack.reporting.curves import PrecisionRecall, Reliability, paired_difference, precision_recall, reliability
from leastpack.tables.keys import PRODUCT

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """Figures of the test split.

    Attributes:
        curves: Named curves over all package types.
        by_type: Curve a package type.
        photo_gain: Average precision with photos minus without, low and high, on products with photos; None if unknown.
        risk_bins: Calibration of the risk against labels.
        rate_bins: Calibration of the damage rate against shipments.
    """

    curves: dict[str, PrecisionRecall]
    by_type: dict[str, PrecisionRecall]
    photo_gain: tuple[float, float, float] | None
    risk_bins: list[Reliability]
    rate_bins: list[Reliability]


def evaluate(
    pairs: pd.DataFrame, products: pd.DataFrame, scorer: Scorer, profiles: dict[tuple[str, str], list[float]]
) -> Evaluation:
    """Evaluate released scores on eligible pairs of the test split; UNKNOWN counts as UNSAFE, as in certification.

    Args:
        pairs: `gather.test_pairs`.
        products: `gather.products_of` those pairs.
        scorer: The model, for the same pairs with the photos hidden.
        profiles: Protection profile by (marketplace, package_type).
    """
    eligible = pairs[pairs["eligible"].astype(bool)].reset_index(drop=True)
    curves = {"all pairs": _curve(eligible)}
    dark = _without_photos(eligible[eligible["views_used"] > 0], products, scorer, profiles)
    gain = None
    if len(dark):
        curves["products with photos"] = _curve(dark)
        curves["the same, photos hidden"] = _curve(dark, "risk_without_photos")
        gain = paired_difference(
            dark["risk"].to_numpy(), dark["risk_without_photos"].to_numpy(), _unsafe(dark), dark["group_id"].to_numpy()
        )
    less = eligible[eligible["less_protective"].astype(bool)]
    if len(less):
        curves["less protective than ever shipped"] = _curve(less)
    shipped = pairs[pairs["n"] > 0]
    return Evaluation(
        curves=curves,
        by_type={str(name): _curve(rows) for name, rows in eligible.groupby("package_type")},
        photo_gain=gain,
        risk_bins=reliability(eligible["risk"].to_numpy(), _unsafe(eligible).astype(float), np.ones(len(eligible))),
        rate_bins=reliability(
            shipped["damage_rate"].to_numpy(), shipped["k"].to_numpy(float), shipped["n"].to_numpy(float)
        ),
    )


def _without_photos(
    pairs: pd.DataFrame, products: pd.DataFrame, scorer: Scorer, profiles: dict[tuple[str, str], list[float]]
) -> pd.DataFrame:
    """The pairs whose product is in `products`, with `risk_without_photos`."""
    place = {key: row for row, key in enumerate(zip(products["marketplace"], products["product_id"], strict=True))}
    rows = [place.get(key, -1) for key in pairs[PRODUCT].itertuples(index=False, name=None)]
    known = pairs[np.array(rows, dtype=int) >= 0].reset_index(drop=True)
    if known.empty:
        return known
    features = build_features({str(name): products[name].tolist() for name in products.columns}, scorer.spec)
    always = np.ones(len(products), dtype=bool)
    vectors = scorer.product_vectors(hide(features, ~always, always))
    risk = np.zeros(len(known))
    for (marketplace, package_type), members in known.groupby(["marketplace", "package_type"]).groups.items():
        at = np.asarray(members)
        mine = vectors[[place[key] for key in known.loc[at, PRODUCT].itertuples(index=False, name=None)]]
        profile = np.array([profiles[(str(marketplace), str(package_type))]])
        # One package a call, each pair with its own void.
        risk[at] = scorer.risks(mine, profile, known.loc[at, ["void_share"]].to_numpy(float))[0][:, 0]
    return known.assign(risk_without_photos=risk)


def _curve(pairs: pd.DataFrame, column: str = "risk") -> PrecisionRecall:
    return precision_recall(pairs[column].to_numpy(float), _unsafe(pairs), pairs["group_id"].to_numpy())


def _unsafe(pairs: pd.DataFrame) -> npt.NDArray[np.bool_]:
    unsafe: npt.NDArray[np.bool_] = (pairs["label"] != "SAFE").to_numpy(dtype=bool)
    return unsafe
