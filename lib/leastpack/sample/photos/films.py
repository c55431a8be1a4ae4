"""Films: the loose bag, the blister, the shrink-wrapped multipack."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from leastpack.sample.photos.goods import SHAPES, bare_product, paint
from leastpack.sample.photos.mesh import Mesh, Sides, cuboid, darker, join
from leastpack.sample.photos.painter import WHITE, Painter
from leastpack.sample.photos.surfaces import any_colour, faces_of, on
from leastpack.sample.world import Product

Floats = npt.NDArray[np.float64]


def clear_bag(
    painter: Painter,
    product: Product,
    model: Mesh,
    sides: Sides,
    plan: np.random.Generator,
    view: np.random.Generator,
) -> None:
    """The product inside a loose glossy film: pale veil, crinkles, glints, a sealed edge."""
    painter.mesh(model)
    length, width, height = sides
    film = float(plan.uniform(0.25, 1.0))
    turn = np.linspace(0, 2 * np.pi, 29)[:-1]
    ragged = 1.12 + plan.uniform(0.0, 0.16, 28)
    rim = np.stack(
        [
            np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.45 * length / 2 * ragged,
            np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** 0.45 * width / 2 * ragged,
            np.full(28, 0.2),
        ],
        axis=-1,
    )
    top = rim * np.array([0.86, 0.86, 1.0]) + np.array([0, 0, height])
    veil = painter.outline(np.concatenate([rim, top]))
    painter.area(painter.camera.project(rim), WHITE, 0.10 * film)
    painter.area(veil, (0.93, 0.96, 1.0), 0.16 * film)
    painter.line(np.vstack([veil, veil[:1]]), WHITE, 0.5 * film, 0.8)
    _seal(painter, length, width, film)
    centre = veil.mean(axis=0)
    reach = veil - centre
    for _ in range(int(30 * film)):
        a, b = view.integers(len(veil), size=2)
        start, end = centre + reach[a] * view.uniform(0.1, 0.97), centre + reach[b] * view.uniform(0.1, 0.97)
        end = start + (end - start) * min(1.0, 45.0 / max(float(np.hypot(*(end - start))), 1.0))
        bend = (start + end) / 2 + view.normal(0, 5.0, 2)
        painter.line(np.stack([start, bend, end]), WHITE, float(view.uniform(0.2, 0.85)), float(view.uniform(0.4, 1.3)))
    for _ in range(int(7 * film)):
        spot = centre + reach[view.integers(len(veil))] * view.uniform(0.15, 0.9)
        blob = spot + view.normal(0, 1, (5, 2)) * np.array([11.0, 4.0]) @ _turned(view)
        painter.area(blob, WHITE, float(view.uniform(0.35, 0.8)))


def blister_model(product: Product, plan: np.random.Generator) -> tuple[Mesh, Sides]:
    """A printed card with the product on it."""
    inner = bare_product(product, plan)
    size = inner.high - inner.low
    length, width = float(size[0]) * 1.5 + 3.0, float(size[1]) * 1.4 + 3.0
    colour = any_colour(plan)
    card = cuboid(length, width, 0.4, colour, top=colour, gloss=0.3)
    band = cuboid(length * 0.2, width, 0.06, darker(colour, 0.55 if sum(colour) > 1.2 else 2.2)).moved(
        x=length * 0.4, z=0.4
    )
    return join([card, band, inner.moved(x=-length * 0.08, z=0.45)]), (length, width, float(size[2]) + 0.5)


def blister(
    painter: Painter,
    product: Product,
    model: Mesh,
    sides: Sides,
    plan: np.random.Generator,
    view: np.random.Generator,
) -> None:
    """A hard clear bubble over the product on its card, which hangs by a slot."""
    painter.mesh(model)
    length, width, height = sides
    turn = np.linspace(0, 2 * np.pi, 21)[:-1]
    clear = float(plan.uniform(0.35, 1.0))
    slot = np.stack([length * 0.43 + np.cos(turn) * 0.9, np.sin(turn) * 2.4, np.full(20, 0.5)], axis=-1)
    painter.patch(slot, (0.06, 0.06, 0.07), 0.95)
    half_x, half_y, middle = length / 3.0 + 0.6, width / 2.8 + 0.6, -length * 0.08
    curve = np.stack(
        [
            np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** 0.35 * half_x + middle,
            np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** 0.35 * half_y,
            np.full(20, 0.5),
        ],
        axis=-1,
    )
    roof = (curve - [middle, 0, 0]) * [0.88, 0.84, 1.0] + [middle, 0, height + 0.3]
    dome = painter.outline(np.concatenate([curve, roof]))
    painter.area(dome, (0.88, 0.95, 1.0), 0.20 * clear)
    for rim, alpha in ((curve, 0.55), (roof, 0.8)):
        painter.stroke(np.vstack([rim, rim[:1]]), WHITE, alpha * clear, 1.2)
    start = int(view.integers(20))
    arc = roof[(start + np.arange(7)) % 20]
    inner = (arc - [middle, 0, 0]) * [0.8, 0.8, 1.0] + [middle, 0, 0]
    painter.patch(np.concatenate([arc, inner[::-1]]), WHITE, 0.75 * clear)
    pane = roof[(start + 10 + np.arange(4)) % 20]
    painter.patch(np.concatenate([pane, (pane * [0.45, 0.45, 1.0])[::-1]]), WHITE, 0.28)


def multipack_model(product: Product, plan: np.random.Generator) -> tuple[Mesh, Sides]:
    """Units side by side in rows, all alike."""
    across, along = {2: (1, 2), 3: (1, 3), 4: (2, 2), 6: (2, 3)}.get(product.pack, (2, 2))
    length, width, height = product.packed_cm
    unit = tuple(sorted((length / along, width / across, height), reverse=True))
    colour = paint(product, plan)
    parts = []
    piece = plan.integers(1, 1000)
    for row in range(across):
        for column in range(along):
            one = SHAPES[product.kind.shape]((unit[0], unit[1], unit[2]), colour, np.random.default_rng(piece))
            size = one.high - one.low
            middle = (one.low + one.high) / 2
            one = one.moved(-middle[0], -middle[1], -one.low[2])
            one = one.stretched(length / along / size[0] * 0.97, width / across / size[1] * 0.97)
            parts.append(
                one.moved((column - (along - 1) / 2) * length / along, (row - (across - 1) / 2) * width / across)
            )
    model = join(parts)
    return model, (length, width, float(model.high[2]))


def wrapped_multipack(
    painter: Painter,
    product: Product,
    model: Mesh,
    sides: Sides,
    plan: np.random.Generator,
    view: np.random.Generator,
) -> None:
    """Several units under one tight film: long streaks of light across them, gathered ends."""
    painter.mesh(model)
    length, width, height = sides[0] * 1.02, sides[1] * 1.02, sides[2] * 1.02
    faces = faces_of((length, width, height))
    film = float(plan.uniform(0.25, 1.0))
    edge = painter.outline(cuboid(length, width, height, WHITE).faces)
    painter.area(edge, (0.92, 0.95, 1.0), 0.13 * film)
    painter.line(np.vstack([edge, edge[:1]]), WHITE, 0.6 * film, 0.8)
    for number, face in enumerate(faces):
        if not painter.visible(*face):
            continue
        if number < 3:
            for _ in range(int(2 + 4 * film)):
                v, thick, u0 = view.uniform(0.03, 0.9), view.uniform(0.012, 0.05), view.uniform(0.0, 0.25)
                streak = np.array(
                    [[u0, v], [u0 + 0.7, v + view.normal(0, 0.03)], [u0 + 0.7, v + thick], [u0, v + thick * 1.5]]
                )
                painter.patch(on(face, np.clip(streak, 0, 1)), WHITE, film * float(view.uniform(0.3, 0.75)))
        else:
            for angle in np.linspace(0, 2 * np.pi, 19)[:-1]:
                ray = np.array(
                    [
                        [0.5 + 0.16 * np.cos(angle), 0.5 + 0.16 * np.sin(angle)],
                        [0.5 + 0.48 * np.cos(angle), 0.5 + 0.48 * np.sin(angle)],
                    ]
                )
                painter.stroke(on(face, ray), WHITE, 0.5 * film, 0.6)
            turn = np.linspace(0, 2 * np.pi, 17)
            painter.stroke(
                on(face, np.stack([0.5 + 0.16 * np.cos(turn), 0.5 + 0.16 * np.sin(turn)], axis=-1)),
                WHITE,
                0.8 * film,
                1.0,
            )
    painter.stroke(on(faces[0], np.array([[0.0, 0.5], [1.0, 0.5]])), WHITE, 0.6 * film, 0.8)


def _seal(painter: Painter, length: float, width: float, film: float) -> None:
    """The heat-sealed end of a bag."""
    x0, x1 = length * 0.55, length * 0.66
    band = np.array(
        [[x0, -width * 0.55, 0.3], [x1, -width * 0.55, 0.3], [x1, width * 0.55, 0.3], [x0, width * 0.55, 0.3]]
    )
    painter.patch(band, (0.9, 0.93, 0.97), 0.28 * film)
    for at in np.linspace(x0, x1, 4):
        painter.stroke(np.array([[at, -width * 0.55, 0.3], [at, width * 0.55, 0.3]]), WHITE, 0.55 * film, 0.6)


def _turned(view: np.random.Generator) -> Floats:
    angle = view.uniform(0, np.pi)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
