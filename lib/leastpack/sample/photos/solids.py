"""Bare products that are not round: blocks, cloth, tools, rolls, bags, toys."""

from __future__ import annotations

import numpy as np

from leastpack.sample.photos.mesh import Colour, Mesh, Sides, cuboid, darker, join, lathe, tube


def block(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A block of two tones."""
    length, width, height = sides
    bottom = cuboid(length, width, height * 0.8, colour, gloss=0.4)
    return join([bottom, cuboid(length * 0.9, width * 0.86, height * 0.2, darker(colour, 1.25)).moved(z=height * 0.8)])


def slab(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A flat thing with a panel on top."""
    length, width, height = sides
    body = cuboid(length, width, height, colour, gloss=0.5)
    inner = darker(colour, float(rng.uniform(0.35, 1.5)))
    return join([body, cuboid(length * 0.86, width * 0.82, 0.15, inner, gloss=0.7).moved(z=height)])


def frame(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A frame around glass."""
    length, width, height = sides
    return join(
        [
            cuboid(length, width, height, colour),
            cuboid(length * 0.78, width * 0.72, 0.1, (0.78, 0.85, 0.88), gloss=1.0).moved(z=height),
        ]
    )


def stick(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """Tools: rods with handles."""
    length, width, height = sides
    count = int(np.clip(round(width / 3.0), 1, 5))
    parts = []
    for place in range(count):
        y = (place - (count - 1) / 2) * width / count
        size = length * (1.0 - 0.12 * place)
        handle = lathe(
            [(height * 0.3, 0), (height * 0.34, size * 0.2), (height * 0.25, size * 0.42)],
            darker((0.7, 0.15, 0.1), rng.uniform(0.3, 1.3)),
            sides=8,
        ).laid()
        rod = cuboid(size * 0.58, width / count * 0.35, height * 0.3, colour, gloss=0.9)
        parts += [rod.moved(x=size * 0.2, y=y, z=height * 0.2), handle.moved(x=-size * 0.29, y=y)]
    return join(parts)


def soft(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """Folded cloth."""
    length, width, height = sides
    layers = []
    for layer in range(4):
        bulge = (0.94, 1.0, 0.99, 0.9)[layer]
        tone = darker(colour, float(rng.uniform(0.88, 1.08)))
        shift = rng.normal(0.0, 0.015, 2) * length
        layers.append(
            cuboid(length * bulge, width * bulge, height / 4, tone, gloss=0.03).moved(
                shift[0], shift[1], layer * height / 4
            )
        )
    return join(layers)


def book(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A book."""
    length, width, height = sides
    pages = cuboid(length * 0.97, width * 0.97, height * 0.9, (0.93, 0.91, 0.85), gloss=0.02)
    cover = cuboid(length, width, height * 0.08, colour, gloss=0.4).moved(z=height * 0.9)
    title = cuboid(length * 0.25, width * 0.7, 0.05, darker(colour, float(rng.uniform(0.3, 1.9)))).moved(
        x=length * 0.15, z=height * 0.98
    )
    return join([pages, cover, title])


def roll(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A roll that lies."""
    r, z = sides[2] / 2, sides[0]
    end = darker(colour, 0.6)
    return lathe(
        [(0, 0), (r * 0.45, 0), (r, 0), (r, z), (r * 0.5, z), (0, z)],
        [(0.2, 0.2, 0.2), end, colour, end, (0.2, 0.2, 0.2)],
        gloss=0.2,
    ).laid()


def coil(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A coiled cable with a plug."""
    length, width, height = sides
    turn = np.linspace(0, 6 * np.pi, 46)
    path = np.stack([np.cos(turn) * length * 0.42, np.sin(turn) * width * 0.42, height * (0.2 + 0.02 * turn)], axis=-1)
    plug = cuboid(length * 0.15, width * 0.12, height * 0.5, (0.8, 0.8, 0.8))
    return join(
        [
            tube(path + rng.normal(0, 0.01, path.shape) * length, height * 0.16, colour, sides=5),
            plug.moved(x=length * 0.35),
        ]
    )


def hammer(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A handle with a head across its end."""
    length, width, height = sides
    grip = darker((0.55, 0.16, 0.1), float(rng.uniform(0.4, 1.4)))
    handle = cuboid(length * 0.95, height * 0.6, height * 0.5, grip, gloss=0.4).moved(z=height * 0.2)
    head = cuboid(height * 0.9, width, height * 0.9, (0.42, 0.43, 0.45), gloss=0.9).moved(x=length * 0.43)
    return join([handle, head])


def pouch(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A filled, opaque bag with crimped ends, its seam a little above the ground."""
    length, width, height = sides
    along = np.linspace(-1, 1, 11)
    bulge = np.array([0.03, 0.35, 0.68, 0.88, 0.97, 1.0, 0.97, 0.88, 0.68, 0.35, 0.03])
    ring = np.linspace(0, 2 * np.pi, 15)
    seam = height * 0.15
    points = np.array(
        [
            [
                [
                    x * length / 2,
                    np.cos(t) * width / 2 * (0.94 + 0.06 * abs(x)),
                    seam + np.sin(t) * high * (height - seam if np.sin(t) > 0 else seam),
                ]
                for t in ring
            ]
            for x, high in zip(along, bulge, strict=True)
        ]
    )
    low, high_ = points[:-1], points[1:]
    faces = np.stack([low[:, :-1], low[:, 1:], high_[:, 1:], high_[:, :-1]], axis=2).reshape(-1, 4, 3)
    colours = np.tile(np.array(colour), (len(faces), 1)) * rng.uniform(0.8, 1.15, (len(faces), 1))
    return Mesh(faces, np.clip(colours, 0, 1), 0.55)


def headphones(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A band between two cups."""
    length, width, height = sides
    turn = np.linspace(0.2, np.pi - 0.2, 14)
    band = np.stack(
        [np.cos(turn) * length * 0.42, np.sin(turn) * width * 0.8 - width * 0.35, np.full(14, height * 0.4)], axis=-1
    )
    cup = lathe(
        [(height * 0.5, 0), (height * 0.55, height * 0.5), (height * 0.3, height * 0.8), (0, height * 0.8)],
        darker(colour, 0.8),
    )
    return join(
        [
            tube(band, height * 0.1, colour),
            cup.moved(x=length * 0.4, y=-width * 0.3),
            cup.moved(x=-length * 0.4, y=-width * 0.3),
        ]
    )


def figure(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A small statue."""
    r, z = sides[2] / 2, sides[0]
    body = lathe(
        [(r, 0), (r, z * 0.06), (r * 0.45, z * 0.1), (r * 0.6, z * 0.4), (r * 0.75, z * 0.62), (r * 0.25, z * 0.7)],
        colour,
        sides=12,
        gloss=0.6,
    )
    head = lathe(
        [(r * 0.42 * np.sin(t), z * 0.68 + z * 0.15 * (1 - np.cos(t))) for t in np.linspace(0.2, np.pi, 7)],
        (0.87, 0.7, 0.58),
        sides=10,
        gloss=0.5,
    )
    arms = np.stack(
        [np.linspace(-r * 1.1, r * 1.1, 9), np.zeros(9), z * 0.6 - np.abs(np.linspace(-1, 1, 9)) * z * 0.16], axis=-1
    )
    return join([body, head, tube(arms, r * 0.16, darker(colour, 1.2))])


def car(sides: Sides, colour: Colour, rng: np.random.Generator) -> Mesh:
    """A toy car."""
    length, width, height = sides
    body = cuboid(length, width, height * 0.45, colour, gloss=0.9).moved(z=height * 0.2)
    cab = cuboid(length * 0.5, width * 0.85, height * 0.35, (0.25, 0.32, 0.38), top=colour, gloss=0.9).moved(
        z=height * 0.65
    )
    wheel = lathe(
        [(0, 0), (height * 0.24, 0), (height * 0.24, width * 0.15), (0, width * 0.15)], (0.1, 0.1, 0.1), sides=10
    )
    upright = Mesh(wheel.faces[..., [0, 2, 1]][:, ::-1], wheel.colours).moved(z=height * 0.24)
    wheels = [upright.moved(x=sx * length * 0.3, y=sy * width * 0.5) for sx in (-1, 1) for sy in (-1.1, 0.9)]
    return join([body, cab, *wheels])
