"""Four-sided faces in space, the few solids everything is built of, and their shading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Colour = tuple[float, float, float]
Sides = tuple[float, float, float]

SUN = np.array([0.35, -0.45, 0.82])


@dataclass(frozen=True)
class Mesh:
    """Faces of a thing.

    Attributes:
        faces: (n, 4, 3) corners in cm, counter-clockwise seen from outside.
        colours: (n, 3) colours, 0..1.
        gloss: How strongly light is mirrored, 0..1.
    """

    faces: Floats
    colours: Floats
    gloss: float = 0.2

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
        """The same, elsewhere."""
        return Mesh(self.faces + np.array([x, y, z]), self.colours, self.gloss)

    def stretched(self, x: float, y: float, z: float = 1.0) -> Mesh:
        """The same, longer or shorter along each axis."""
        return Mesh(self.faces * np.array([x, y, z]), self.colours, self.gloss)

    def laid(self) -> Mesh:
        """Tipped over, so that what stood along z lies along x."""
        tipped = np.stack([self.faces[..., 2], self.faces[..., 1], -self.faces[..., 0]], axis=-1)
        low = tipped[..., 2].min()
        middle = (tipped[..., 0].max() + tipped[..., 0].min()) / 2
        return Mesh(tipped - np.array([middle, 0.0, low]), self.colours, self.gloss)

    @property
    def low(self) -> Floats:
        """Least coordinates."""
        return np.asarray(self.faces.min(axis=(0, 1)))

    @property
    def high(self) -> Floats:
        """Greatest coordinates."""
        return np.asarray(self.faces.max(axis=(0, 1)))


def darker(colour: Colour, by: float) -> Colour:
    """A darker (or, above 1, lighter) shade."""
    r, g, b = (min(1.0, part * by) for part in colour)
    return r, g, b


def join(meshes: Sequence[Mesh]) -> Mesh:
    """All faces as one thing, as glossy as the first part."""
    return Mesh(
        np.concatenate([mesh.faces for mesh in meshes]),
        np.concatenate([mesh.colours for mesh in meshes]),
        meshes[0].gloss,
    )


def cuboid(
    length: float, width: float, height: float, colour: Colour, top: Colour | None = None, gloss: float = 0.2
) -> Mesh:
    """A block that stands on z = 0, centred in x and y."""
    x, y, z = length / 2, width / 2, height
    faces = [
        [(-x, -y, z), (x, -y, z), (x, y, z), (-x, y, z)],
        [(-x, -y, 0), (x, -y, 0), (x, -y, z), (-x, -y, z)],
        [(x, y, 0), (-x, y, 0), (-x, y, z), (x, y, z)],
        [(x, -y, 0), (x, y, 0), (x, y, z), (x, -y, z)],
        [(-x, y, 0), (-x, -y, 0), (-x, -y, z), (-x, y, z)],
    ]
    colours = np.tile(np.array(colour), (5, 1))
    colours[0] = top or colour
    return Mesh(np.array(faces, dtype=np.float64), colours, gloss)


def lathe(
    profile: Sequence[tuple[float, float]], colours: Sequence[Colour] | Colour, sides: int = 18, gloss: float = 0.5
) -> Mesh:
    """A solid of revolution about z.

    Args:
        profile: (radius, height) from bottom to top; open ends are closed, the upper one with a dark opening.
        colours: One colour, or one for each stretch between two points of the profile.
        sides: Faces around.
        gloss: See Mesh.
    """
    one = isinstance(colours[0], float | int)
    each = np.array([colours] * (len(profile) - 1) if one else colours, dtype=np.float64)
    (_, bottom), (_, top) = profile[0], profile[-1]
    closed = [(0.0, bottom), *profile, (0.0, bottom + (top - bottom) * 0.96)]
    each = np.concatenate([each[:1] * 0.8, each, each[-1:] * 0.4])
    turn = np.linspace(0.0, 2 * np.pi, sides + 1)
    ring = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    points = np.array([[[r * cx, r * cy, z] for cx, cy in ring] for r, z in closed])
    low, high = points[:-1], points[1:]
    faces = np.stack([low[:, :-1], low[:, 1:], high[:, 1:], high[:, :-1]], axis=2).reshape(-1, 4, 3)
    return Mesh(faces, np.repeat(each, sides, axis=0), gloss)


def tube(path: Floats, radius: float, colour: Colour, sides: int = 6, gloss: float = 0.4) -> Mesh:
    """A bent tube along (n, 3) points: handles, cables, headbands."""
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    aside = np.cross(along, np.array([0.13, 0.29, 0.95]))
    aside /= np.maximum(np.linalg.norm(aside, axis=1, keepdims=True), 1e-9)
    across = np.cross(along, aside)
    turn = np.linspace(0.0, 2 * np.pi, sides + 1)
    rings = path[:, None] + radius * (
        np.cos(turn)[None, :, None] * aside[:, None] + np.sin(turn)[None, :, None] * across[:, None]
    )
    low, high = rings[:-1], rings[1:]
    faces = np.stack([low[:, :-1], low[:, 1:], high[:, 1:], high[:, :-1]], axis=2).reshape(-1, 4, 3)
    return Mesh(faces, np.tile(np.array(colour), (len(faces), 1)), gloss)


def normals(faces: Floats) -> Floats:
    """(n, 3) outward unit normals."""
    normal = np.cross(faces[:, 2] - faces[:, 0], faces[:, 3] - faces[:, 1])
    return np.asarray(normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9))


def shade(mesh: Mesh, eye: Floats, ambient: float = 0.45) -> Floats:
    """(n, 3) colours under one lamp above the belt: what is scattered, and what is mirrored to the eye."""
    normal = normals(mesh.faces)
    light = SUN / np.linalg.norm(SUN)
    scattered = ambient + (1.0 - ambient) * np.clip(normal @ light, 0.0, 1.0)
    sight = eye - mesh.faces.mean(axis=1)
    sight /= np.maximum(np.linalg.norm(sight, axis=1, keepdims=True), 1e-9)
    half = sight + light
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    mirrored = mesh.gloss * np.clip((normal * half).sum(axis=1), 0.0, 1.0) ** 24
    return np.asarray(np.clip(mesh.colours * scattered[:, None] + mirrored[:, None], 0.0, 1.0))
