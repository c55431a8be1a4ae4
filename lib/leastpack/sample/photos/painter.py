"""Draws meshes and flat patches seen by a camera, far ones first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy.spatial import ConvexHull

from leastpack.sample.photos.camera import Camera
from leastpack.sample.photos.mesh import Colour, Mesh, normals, shade

Floats = npt.NDArray[np.float64]
WHITE: Colour = (1.0, 1.0, 1.0)
BLACK: Colour = (0.0, 0.0, 0.0)


class Painter:
    """Paints on one picture.

    Args:
        canvas: The picture, changed in place.
        camera: The camera that sees it; its size is the canvas's.
        light: Strength of the lamp.
    """

    def __init__(self, canvas: Image.Image, camera: Camera, light: float = 1.0) -> None:
        self.canvas = canvas
        self.camera = camera
        self.light = light
        self._draw = ImageDraw.Draw(canvas, "RGBA")

    def mesh(self, mesh: Mesh) -> None:
        """Draw an opaque mesh."""
        facing = self._facing(mesh)
        self._faces(mesh, np.ones(len(facing)), facing > 0)

    def glass(self, mesh: Mesh, alpha: float, rim: float) -> None:
        """Draw a clear mesh, far side and near side; walls seen edgewise are denser by `rim`."""
        edgewise = 1.0 - np.abs(self._facing(mesh))
        self._faces(mesh, alpha + rim * edgewise**3, np.ones(len(edgewise), dtype=bool))

    def _facing(self, mesh: Mesh) -> Floats:
        """(n,) cosine of the angle between each face's normal and the line of sight."""
        sight = self.camera.eye - mesh.faces.mean(axis=1)
        return np.asarray((normals(mesh.faces) * sight).sum(axis=1) / np.linalg.norm(sight, axis=1))

    def _faces(self, mesh: Mesh, alpha: Floats, shown: npt.NDArray[np.bool_]) -> None:
        middle = mesh.faces.mean(axis=1)
        colours = np.clip(shade(mesh, self.camera.eye) * self.light, 0.0, 1.0)
        order = np.argsort(-self.camera.depth(middle))
        corners = self.camera.project(mesh.faces)
        fills = np.column_stack([colours, np.clip(alpha, 0.0, 1.0)])
        fills = (fills * 255).astype(int)
        for face in order[shown[order]]:
            self._draw.polygon(corners[face].ravel().tolist(), fill=tuple(fills[face].tolist()))

    def patch(self, points: Floats, colour: Colour, alpha: float = 1.0) -> None:
        """Fill a flat polygon given by (n, 3) points."""
        self.area(self.camera.project(points), colour, alpha)

    def stroke(self, points: Floats, colour: Colour, alpha: float, width: float = 1.0) -> None:
        """Draw a line through (n, 3) points, width in pixels of the finished picture."""
        self.line(self.camera.project(points), colour, alpha, width)

    def area(self, pixels: Floats, colour: Colour, alpha: float = 1.0) -> None:
        """Fill a polygon given by (n, 2) pixels."""
        self._draw.polygon(pixels.ravel().tolist(), fill=self._ink(colour, alpha))

    def line(self, pixels: Floats, colour: Colour, alpha: float, width: float = 1.0) -> None:
        """Draw a line through (n, 2) pixels."""
        self._draw.line(
            pixels.ravel().tolist(), fill=self._ink(colour, alpha), width=max(1, round(2 * width)), joint="curve"
        )

    def outline(self, points: Floats) -> Floats:
        """(k, 2) pixels of the convex outline of any points."""
        pixels = self.camera.project(points.reshape(-1, 3))
        return np.asarray(pixels[ConvexHull(pixels).vertices])

    def visible(self, corner: Floats, along: Floats, across: Floats) -> bool:
        """Whether the side of a flat face that along x across points to is seen."""
        return bool(np.cross(along, across) @ (self.camera.eye - corner) > 0)

    def _ink(self, colour: Colour, alpha: float) -> tuple[int, int, int, int]:
        r, g, b = (int(min(1.0, part * self.light) * 255) for part in colour)
        return r, g, b, int(min(1.0, alpha) * 255)
