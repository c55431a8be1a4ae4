"""A pinhole camera that looks down at the belt."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """Where the camera stands and what it sees.

    Attributes:
        eye: Position in cm; the belt is the plane z = 0.
        right: Unit vector to the right of the picture.
        up: Unit vector to its top.
        ahead: Unit vector of sight.
        focal: Pixels a unit of (offset / depth).
        size: Width and height in pixels.
    """

    eye: Floats
    right: Floats
    up: Floats
    ahead: Floats
    focal: float
    size: tuple[int, int]

    def project(self, points: Floats) -> Floats:
        """(..., 3) points to (..., 2) pixels."""
        depth = np.maximum(self.depth(points), 1.0)
        offset = points - self.eye
        x = self.size[0] / 2 + self.focal * (offset @ self.right) / depth
        y = self.size[1] / 2 - self.focal * (offset @ self.up) / depth
        return np.stack([x, y], axis=-1)

    def depth(self, points: Floats) -> Floats:
        """Distance along the line of sight."""
        return np.asarray((points - self.eye) @ self.ahead)

    def finer(self, times: int) -> Camera:
        """The same camera with a picture `times` times as wide and high."""
        return replace(self, focal=self.focal * times, size=(self.size[0] * times, self.size[1] * times))


def look_at(
    target: Floats, azimuth: float, elevation: float, distance: float, roll: float, zoom: float, size: tuple[int, int]
) -> Camera:
    """A camera `distance` cm from the target; angles in degrees, zoom in picture widths a unit of (offset / depth)."""
    a, e, r = np.radians([azimuth, elevation, roll])
    back = np.array([np.cos(a) * np.cos(e), np.sin(a) * np.cos(e), np.sin(e)])
    right = np.array([-np.sin(a), np.cos(a), 0.0])
    up = np.cross(back, right)
    turned_right = np.cos(r) * right + np.sin(r) * up
    turned_up = np.cos(r) * up - np.sin(r) * right
    return Camera(target + distance * back, turned_right, turned_up, -back, zoom * size[0], size)
