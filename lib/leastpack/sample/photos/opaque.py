"""What hides nothing or everything: the bare product, and the opaque bag."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from leastpack.sample.photos.goods import sees_through
from leastpack.sample.photos.mesh import Mesh, Sides, darker
from leastpack.sample.photos.painter import BLACK, WHITE, Painter
from leastpack.sample.photos.surfaces import any_colour
from leastpack.sample.world import Product

Floats = npt.NDArray[np.float64]


def bare(
    painter: Painter,
    product: Product,
    model: Mesh,
    sides: Sides,
    plan: np.random.Generator,
    view: np.random.Generator,
) -> None:
    """The product as it is; light falls through glass, brightens it and the belt behind it."""
    if not sees_through(product):
        painter.mesh(model)
        return
    length, width, height = sides
    turn = np.linspace(0, 2 * np.pi, 17)[:-1]
    for size, alpha in ((0.75, 0.12), (0.5, 0.2), (0.28, 0.35)):
        glow = np.stack(
            [-0.35 * height + np.cos(turn) * length * size, 0.45 * height + np.sin(turn) * width * size, np.zeros(16)],
            axis=-1,
        )
        painter.patch(glow, (1.0, 0.98, 0.9), alpha)
    painter.glass(Mesh(model.faces, np.clip(model.colours * 0.45 + 0.6, 0, 1), 1.0), 0.3, 0.6)
    edge = painter.outline(model.faces)
    centre = edge.mean(axis=0)
    long_way = edge[np.argmax(np.hypot(*(edge - centre).T))] - centre
    side = np.array([-long_way[1], long_way[0]]) / max(float(np.hypot(*long_way)), 1.0)
    short = np.abs((edge - centre) @ side).max()
    for place in (-0.62, -0.45, 0.05, 0.5, 0.66):
        at = centre + side * short * (place + view.normal(0, 0.05))
        reach = long_way * view.uniform(0.35, 0.75)
        thick = side * short * view.uniform(0.03, 0.1)
        painter.area(
            np.stack([at - reach, at + reach, at + reach * 0.9 + thick, at - reach * 0.9 + thick]),
            WHITE,
            float(view.uniform(0.35, 0.9)),
        )


def pouch(
    painter: Painter,
    product: Product,
    model: Mesh,
    sides: Sides,
    plan: np.random.Generator,
    view: np.random.Generator,
) -> None:
    """An opaque crinkled bag with crimped ends and a printed panel."""
    painter.mesh(model)
    length, width, height = sides
    panel = any_colour(plan)
    turn = np.linspace(0, 2 * np.pi, 21)[:-1]
    print_ = np.stack([np.cos(turn) * length * 0.24, np.sin(turn) * width * 0.26, np.full(20, height)], axis=-1)
    painter.patch(print_, panel, 0.9)
    for line in (-0.08, 0.02, 0.1):
        painter.stroke(
            np.array([[-length * 0.13, width * line, height], [length * 0.13, width * line, height]]),
            darker(panel, 0.4),
            0.8,
            1.0,
        )
    for end in (-1, 1):
        for at in np.linspace(-0.48, 0.48, 22):
            painter.stroke(
                np.array(
                    [[end * length * 0.5, width * at, height * 0.08], [end * length * 0.44, width * at, height * 0.25]]
                ),
                BLACK if int(at * 100) % 2 else WHITE,
                0.4,
                0.5,
            )
    for _ in range(7):
        x, y = view.uniform(-0.4, 0.4) * length, view.uniform(-0.4, 0.4) * width
        fold = np.array(
            [[x, y, height * 0.98], [x + view.normal(0, 0.06) * length, y + view.normal(0, 0.1) * width, height * 0.95]]
        )
        painter.stroke(fold, WHITE, float(view.uniform(0.2, 0.5)), float(view.uniform(0.5, 1.2)))
