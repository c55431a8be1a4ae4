"""Does a packed product go into a package, and how much air is left: the truth's own rule."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from leastpack.config.packages import PackageType

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

BOX_GAP_CM = 1.0  # half a centimetre on both ends of every axis


def goes_in(packed_cm: Floats, weight_g: Floats, package: PackageType) -> Bools:
    """Whether each packed product goes into the package and is not too heavy for it.

    Args:
        packed_cm: (n, 3) sides of the packed products, longest first.
        weight_g: (n,) weights.
        package: The package type.

    Returns:
        (n,) true where it fits; always true for an own container.
    """
    if package.inner_cm is None:
        return np.ones(len(packed_cm), dtype=bool)
    longest, middle, shortest = sorted(package.inner_cm, reverse=True)
    length, width, height = packed_cm.T
    if package.kind == "box":
        inside = (length + BOX_GAP_CM <= longest) & (width + BOX_GAP_CM <= middle) & (height + BOX_GAP_CM <= shortest)
    else:
        inside = (length + height <= longest) & (width + height <= middle) & (height <= shortest)
    limit = np.inf if package.max_weight_g is None else package.max_weight_g
    return np.asarray(inside & (weight_g <= limit))


def air(packed_cm: Floats, package: PackageType) -> Floats:
    """Share of an unfilled box that holds nothing but air; 0 for all that are filled or close around the product.

    Returns:
        (n,) in [0, 1].
    """
    if package.kind != "box" or package.inner_cm is None or package.void_filled:
        return np.zeros(len(packed_cm))
    length, width, height = packed_cm.T
    inner = package.inner_cm[0] * package.inner_cm[1] * package.inner_cm[2]
    return np.asarray(np.clip((inner - length * width * height) / inner, 0.0, 1.0))
