"""Places on the faces of a block, and what is printed or stuck there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from leastpack.sample.photos.goods import PAINTS
from leastpack.sample.photos.mesh import Colour, Sides, darker
from leastpack.sample.photos.painter import BLACK, Painter

Floats = npt.NDArray[np.float64]
Face = tuple[Floats, Floats, Floats]


def faces_of(sides: Sides) -> list[Face]:
    """Corner, along and across of the five faces that can be seen, each pointing outward."""
    length, width, height = sides
    x, y = length / 2, width / 2
    ex, ey, ez = np.array([length, 0, 0.0]), np.array([0, width, 0.0]), np.array([0, 0, height])
    return [
        (np.array([-x, -y, height]), ex, ey),
        (np.array([-x, -y, 0.0]), ex, ez),
        (np.array([x, y, 0.0]), -ex, ez),
        (np.array([x, -y, 0.0]), ey, ez),
        (np.array([-x, y, 0.0]), -ey, ez),
    ]


def on(face: Face, uv: Floats) -> Floats:
    """(n, 2) shares along and across a face to (n, 3) points."""
    corner, along, across = face
    return np.asarray(corner + uv[:, :1] * along + uv[:, 1:] * across)


def rectangle(u0: float, v0: float, u1: float, v1: float) -> Floats:
    """Corners of a rectangle in shares of a face."""
    return np.array([[u0, v0], [u1, v0], [u1, v1], [u0, v1]])


def any_colour(plan: np.random.Generator) -> Colour:
    """Any colour at all."""
    names = list(PAINTS)
    return darker(PAINTS[names[plan.integers(len(names))]], float(plan.uniform(0.75, 1.2)))


def label(painter: Painter, face: Face, u: float, v: float, plan: np.random.Generator) -> None:
    """A white label with a bar code."""
    if not painter.visible(*face):
        return
    painter.patch(on(face, rectangle(u, v, u + 0.3, v + 0.28)), (0.95, 0.95, 0.93))
    bars = np.cumsum(plan.uniform(0.006, 0.018, 14))
    for at, thick in zip(bars, plan.uniform(0.003, 0.009, 14), strict=True):
        painter.patch(on(face, rectangle(u + 0.02 + at, v + 0.03, u + 0.02 + at + thick, v + 0.14)), BLACK, 0.9)
    for line in (0.18, 0.215, 0.25):
        painter.stroke(on(face, np.array([[u + 0.03, v + line], [u + 0.24, v + line]])), BLACK, 0.6, 0.6)


def sticker(painter: Painter, sides: Sides, plan: np.random.Generator) -> None:
    """A warehouse's bar code on top: any packing may carry one."""
    length, width, height = sides
    size = float(min(5.0, length * 0.35, width * 0.5))
    u, v = plan.uniform(0.1, 0.6), plan.uniform(0.1, 0.6)
    face = (
        np.array([-length / 2 + u * length * 0.7, -width / 2 + v * width * 0.7, height + 0.1]),
        np.array([size, 0, 0.0]),
        np.array([0, size * 0.6, 0.0]),
    )
    painter.patch(on(face, rectangle(0, 0, 1, 1)), (0.95, 0.95, 0.95))
    for at in plan.uniform(0.08, 0.9, 9):
        painter.patch(on(face, rectangle(at, 0.2, at + 0.035, 0.8)), BLACK, 0.9)
