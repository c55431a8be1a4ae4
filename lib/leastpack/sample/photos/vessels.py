"""Bare products that are round: turned solids, some with a handle."""

from __future__ import annotations

import numpy as np

from leastpack.sample.photos.mesh import Colour, Mesh, Sides, cuboid, darker, join, lathe, tube


def mug(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A cup with a handle."""
    length, width, height = sides
    r, z = height / 2, width
    inside = darker(colour, 0.55)
    cup = lathe(
        [(r * 0.9, 0), (r, z * 0.1), (r, z), (r * 0.88, z), (r * 0.85, z * 0.9), (0.0, z * 0.85)],
        [colour, colour, colour, inside, inside],
    )
    turn = np.linspace(-1.2, 1.2, 9)
    handle = np.stack(
        [r * 0.95 + np.cos(turn) * (length - height) * 0.9, 0 * turn, z * 0.52 + np.sin(turn) * z * 0.27], axis=-1
    )
    return join([cup, tube(handle, r * 0.13, colour)])


def teapot(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A round body with a lid, a spout and a handle."""
    length, width, _ = sides
    r = width / 2
    body = _ball(r, 12, colour)
    lid = _ball(r * 0.22, 8, darker(colour, 0.8)).moved(z=2 * r)
    spout = np.stack([np.linspace(r * 0.7, length * 0.55, 6), np.zeros(6), np.linspace(r * 0.7, r * 1.7, 6)], axis=-1)
    turn = np.linspace(-1.2, 1.2, 8)
    handle = np.stack([-r * 0.85 - np.cos(turn) * r * 0.5, 0 * turn, r + np.sin(turn) * r * 0.6], axis=-1)
    return join([body, lid, tube(spout, r * 0.14, colour), tube(handle, r * 0.1, colour)])


def bear(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A stuffed bear that sits: round body, head, ears, paws."""
    length, width, _ = sides
    r = width / 2
    dark = darker(colour, 0.75)
    head = _ball(r * 0.72, 12, colour, 0.03).moved(z=1.6 * r)
    ears = [_ball(r * 0.25, 8, dark, 0.03).moved(y=side * r * 0.55, z=2.75 * r) for side in (-1, 1)]
    paws = [_ball(r * 0.38, 8, dark, 0.03).moved(r * 0.75, side * r * 0.7) for side in (-1, 1)]
    arms = [_ball(r * 0.34, 8, colour, 0.03).moved(r * 0.35, side * r * 0.95, r * 0.85) for side in (-1, 1)]
    muzzle = _ball(r * 0.24, 8, darker(colour, 1.3), 0.03).moved(r * 0.62, z=1.95 * r)
    whole = join([_ball(r, 12, colour, 0.03), head, *ears, *paws, *arms, muzzle])
    return whole.stretched(1.0, 1.0, length / float(whole.high[2]))


def _ball(radius: float, sides: int, colour: Colour, gloss: float = 0.5) -> Mesh:
    turn = np.linspace(0.1, np.pi, sides // 2 + 2)
    return lathe([(radius * np.sin(t), radius * (1 - np.cos(t))) for t in turn], colour, sides=sides, gloss=gloss)


def disc(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A plate; with a handle, a pan."""
    length, width, height = sides
    r = width / 2
    plate = lathe(
        [(r * 0.6, 0), (r, height), (r * 0.95, height), (r * 0.6, height * 0.35), (0.0, height * 0.3)],
        [darker(colour, 0.9), colour, colour, darker(colour, 0.85)],
    )
    if length < 1.25 * width:
        return plate
    return join(
        [
            plate,
            cuboid(length - width, width * 0.09, height * 0.3, (0.12, 0.12, 0.12)).moved(x=length / 2, z=height * 0.6),
        ]
    )


def goblet(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A glass on a stem."""
    r, z = sides[2] / 2, sides[0]
    return lathe(
        [
            (r * 0.85, 0),
            (r * 0.8, z * 0.02),
            (r * 0.1, z * 0.06),
            (r * 0.1, z * 0.42),
            (r * 0.75, z * 0.55),
            (r, z * 0.72),
            (r * 0.8, z),
        ],
        colour,
        gloss=0.9,
    )


def tumbler(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A glass."""
    r, z = sides[2] / 2, sides[0]
    return lathe([(r * 0.8, 0), (r * 0.82, z * 0.12), (r, z), (r * 0.9, z), (r * 0.75, z * 0.15)], colour, gloss=0.9)


def jar(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A jar with a label and a lid."""
    r, z = sides[2] / 2, sides[0]
    lid = darker((0.85, 0.75, 0.4), rng.uniform(0.4, 1.1))
    label = (0.9, 0.88, 0.8)
    return lathe(
        [
            (r * 0.9, 0),
            (r, z * 0.08),
            (r, z * 0.3),
            (r, z * 0.62),
            (r, z * 0.8),
            (r * 0.85, z * 0.84),
            (r * 0.88, z),
            (0, z),
        ],
        [colour, colour, label, colour, colour, lid, lid],
        gloss=0.8,
    )


def bottle(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A bottle with a label and a cap."""
    r, z = max(sides[2] / 2, 0.7 * sides[1] / 2), sides[0]
    cap = darker((0.8, 0.8, 0.8), rng.uniform(0.2, 1.15))
    label = (0.92, 0.9, 0.84)
    return lathe(
        [
            (r * 0.9, 0),
            (r, z * 0.04),
            (r, z * 0.2),
            (r, z * 0.5),
            (r, z * 0.68),
            (r * 0.4, z * 0.83),
            (r * 0.4, z * 0.88),
            (r * 0.45, z),
            (0, z),
        ],
        [colour, colour, label, colour, colour, colour, cap, cap],
        gloss=0.7,
    )


def vase(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A vase."""
    r, z = sides[2] / 2, sides[0]
    return lathe(
        [
            (r * 0.5, 0),
            (r * 0.9, z * 0.25),
            (r, z * 0.45),
            (r * 0.6, z * 0.75),
            (r * 0.4, z * 0.87),
            (r * 0.6, z),
            (r * 0.5, z),
        ],
        colour,
        gloss=0.8,
    )


def bulb(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A light bulb."""
    r, z = sides[2] / 2, sides[0]
    base = (0.7, 0.7, 0.7)
    return lathe(
        [(r * 0.35, 0), (r * 0.4, z * 0.25), (r * 0.6, z * 0.4), (r, z * 0.68), (r * 0.75, z * 0.92), (0, z)],
        [base, (0.9, 0.9, 0.86), (0.95, 0.93, 0.85), (0.96, 0.94, 0.86), (0.95, 0.93, 0.85)],
        gloss=0.9,
    )


def globe(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A ball on a base."""
    r, z = sides[1] / 2, sides[0]
    base = lathe([(r * 0.8, 0), (r * 0.85, z * 0.25), (r * 0.5, z * 0.27)], darker(colour, 0.7))
    ball = lathe(
        [(r * 0.95 * np.sin(t), z * 0.22 + r * 0.9 * (1 - np.cos(t))) for t in np.linspace(0.5, np.pi, 9)],
        (0.82, 0.9, 0.93),
        gloss=1.0,
    )
    return join([ball, base])


def flacon(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A flat bottle with a round cap."""
    length, width, height = sides
    body = cuboid(width, height, length * 0.7, colour, gloss=0.9)
    cap = lathe([(height * 0.3, length * 0.7), (height * 0.3, length), (0, length)], (0.75, 0.66, 0.4))
    return join([body, cap])


def cylinder(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A loudspeaker."""
    r, z = sides[2] / 2, sides[0]
    return lathe(
        [(r, 0), (r, z * 0.12), (r, z * 0.88), (r, z), (0, z)],
        [darker(colour, 1.3), darker(colour, 0.7), darker(colour, 1.3), darker(colour, 0.5)],
        gloss=0.4,
    )
