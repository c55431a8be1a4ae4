"""Cartons: the sturdy corrugated box and the thin one with holes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from leastpack.sample.photos.mesh import Colour, Mesh, Sides, darker
from leastpack.sample.photos.painter import BLACK, WHITE, Painter
from leastpack.sample.photos.surfaces import Face, any_colour, faces_of, label, on, rectangle
from leastpack.sample.world import Product

Floats = npt.NDArray[np.float64]
KRAFT: Colour = (0.66, 0.49, 0.32)


def carton_colour(packing: str, plan: np.random.Generator) -> Colour:
    """Kraft brown, white or printed."""
    draw = plan.random()
    kraft = 0.62 if packing == "sturdy_box" else 0.4
    if draw < kraft:
        return darker(KRAFT, float(plan.uniform(0.8, 1.2)))
    if draw < kraft + 0.2:
        return darker((0.9, 0.89, 0.86), float(plan.uniform(0.85, 1.05)))
    return any_colour(plan)


def sturdy_box(
    painter: Painter,
    product: Product,
    model: Mesh,
    sides: Sides,
    plan: np.random.Generator,
    view: np.random.Generator,
) -> None:
    """A corrugated box: flutes on its walls, flaps that meet under glossy tape, a shipping label."""
    painter.mesh(model)
    faces = faces_of(sides)
    tape: Colour = ((0.80, 0.66, 0.42), (0.72, 0.55, 0.30), (0.9, 0.88, 0.82))[plan.integers(3)]
    shine = float(plan.uniform(0.15, 0.8))
    wide = min(0.28, float(plan.uniform(2.5, 5.5)) / sides[1] * 0.5 + 0.03)
    arrows, labelled = plan.random() < 0.4, plan.random() < 0.6
    drop = min(0.45, 5.5 / sides[2])
    for number, face in enumerate(faces):
        if not painter.visible(*face):
            continue
        for at in np.linspace(0.06, 0.94, 16):
            painter.stroke(on(face, np.array([[0.0, at], [1.0, at]])), BLACK if number else WHITE, 0.07, 0.5)
        painter.stroke(on(face, rectangle(0.005, 0.005, 0.995, 0.995)[[0, 1, 2, 3, 0]]), BLACK, 0.35, 0.8)
        if number == 0:
            painter.stroke(on(face, np.array([[0.0, 0.5], [1.0, 0.5]])), BLACK, 0.7, 0.8)
            strip = rectangle(0.0, 0.5 - wide / 2, 1.0, 0.5 + wide / 2)
            painter.patch(on(face, strip), tape, shine)
            glint = float(view.uniform(0.1, 0.7))
            painter.patch(on(face, rectangle(glint, 0.5 - wide / 2, glint + 0.16, 0.5 + wide / 2)), WHITE, shine / 2)
        if number in (3, 4):
            painter.patch(on(face, rectangle(0.5 - wide / 2, 1.0 - drop, 0.5 + wide / 2, 1.0)), tape, shine)
        if arrows and number in (1, 2):
            _arrows(painter, face)
    if labelled:
        label(painter, faces[0], 0.04, 0.58 + wide / 4, plan)


def perforated_box(
    painter: Painter,
    product: Product,
    model: Mesh,
    sides: Sides,
    plan: np.random.Generator,
    view: np.random.Generator,
) -> None:
    """A thin carton with rows of punched holes and a dotted line to tear it open along."""
    painter.mesh(model)
    rows, columns, size = int(plan.integers(1, 4)), int(plan.integers(3, 7)), float(plan.uniform(0.1, 0.2))
    tear = plan.uniform(0.3, 0.7)
    punched = plan.random(5) < 0.6
    ink = darker(model.colours[0].tolist(), 0.25)
    for number, face in enumerate(faces_of(sides)):
        if not painter.visible(*face):
            continue
        painter.stroke(on(face, rectangle(0.0, 0.0, 1.0, 1.0)[[0, 1, 2, 3, 0]]), BLACK, 0.25, 0.6)
        long, tall = (float(np.linalg.norm(side)) for side in face[1:])
        radius = size * min(long / columns, tall / rows, 5.0)
        turn = np.linspace(0, 2 * np.pi, 13)[:-1]
        low, high = (0.16, 0.84) if number else (0.12, 0.55)
        for u in np.linspace(0.12, 0.88, columns if punched[number] else 0):
            for v in np.linspace(low, high, rows):
                hole = np.stack([u + np.cos(turn) * radius / long, v + np.sin(turn) * radius / tall], axis=-1)
                painter.patch(on(face, hole), ink, 0.95)
                painter.stroke(on(face, hole[:6]), WHITE, 0.35, 0.5)
        dots = np.linspace(0.02, 0.98, 34)
        height = tear + 0.25 * np.sin(dots * np.pi * 2) * (0.4 if number else 1.0)
        line = np.stack([dots, np.clip(height, 0.05, 0.95)], axis=-1)
        for first, second in zip(line[:-1:2], line[1::2], strict=True):
            painter.stroke(on(face, np.stack([first, second])), WHITE if number % 2 else BLACK, 0.8, 0.8)


def _arrows(painter: Painter, face: Face) -> None:
    for at in (0.78, 0.88):
        head = np.array([[at - 0.035, 0.6], [at + 0.035, 0.6], [at, 0.82]])
        painter.patch(on(face, head), BLACK, 0.7)
        painter.patch(on(face, rectangle(at - 0.012, 0.3, at + 0.012, 0.6)), BLACK, 0.7)
