"""The conveyor below the product, its shadow, and what light and sensor do to a picture."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter
from scipy.spatial import ConvexHull

from leastpack.sample.photos.camera import Camera
from leastpack.sample.photos.mesh import SUN, Mesh

Floats = npt.NDArray[np.float64]

REACH_CM = 90.0  # half the stretch of belt that is drawn; beyond it the tunnel is dark
TEXTURE = 640
BELTS = 6
NOISES = 4
SHADOW_COARSER = 2


@cache
def belt_texture(which: int) -> Image.Image:
    """One of a few conveyors, from above: rubber, ribbed, modular or rollers, between rails."""
    rng = np.random.default_rng([99, which])
    x, y = np.meshgrid(np.linspace(-REACH_CM, REACH_CM, TEXTURE), np.linspace(-REACH_CM, REACH_CM, TEXTURE))
    kind = which % 4
    tone = np.array([(44, 45, 47), (34, 35, 37), (52, 60, 68), (88, 90, 93)][kind]) * rng.uniform(0.85, 1.15)
    light = np.ones_like(x)
    if kind == 1:
        light += 0.35 * (np.sin(2 * np.pi * x / 4.0) > 0.8)
    if kind == 2:
        light -= 0.35 * (np.abs(x % 5.0 - 2.5) > 2.25) + 0.2 * (np.abs((y + 2.5 * ((x // 5.0) % 2)) % 5.0 - 2.5) > 2.3)
    if kind == 3:
        light *= 0.25 + 0.9 * np.clip(np.sin(np.pi * (x % 7.5) / 7.5), 0, 1) ** 0.7
    light += 0.08 * np.repeat(rng.normal(0, 1, (TEXTURE, 1)), TEXTURE, axis=1)
    light += 0.10 * rng.normal(0, 1, x.shape)
    picture = tone[None, None] * light[..., None]
    rail = np.abs(y) > 52
    steel = 120 + 60 * np.cos((np.abs(y) - 57) / 6)
    picture[rail] = (steel * (1 + 0.04 * rng.normal(0, 1, x.shape)))[rail][:, None]
    picture[np.abs(y) > 64] = 22
    blurred = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.8))
    marks = ImageDraw.Draw(blurred, "RGBA")
    for _ in range(14):
        mx, my, size = rng.uniform(0, TEXTURE), rng.uniform(0.25, 0.75) * TEXTURE, rng.uniform(2, 26)
        marks.line(
            [mx, my, mx + size * 2, my + rng.normal(0, 4)], fill=(130, 130, 130, 40), width=int(rng.integers(1, 4))
        )
    return blurred


def belt_seen(which: int, camera: Camera) -> Image.Image:
    """The belt as a camera sees it: every pixel's line of sight cut with the plane z = 0."""
    width, height = camera.size
    scale = TEXTURE / (2 * REACH_CM)
    columns = np.stack(
        [
            camera.right / camera.focal,
            -camera.up / camera.focal,
            camera.ahead - camera.right * width / 2 / camera.focal + camera.up * height / 2 / camera.focal,
        ]
    )
    eye_x, eye_y, eye_z = camera.eye
    below = -columns[:, 2]
    u = scale * ((eye_x + REACH_CM) * below + eye_z * columns[:, 0])
    v = scale * ((eye_y + REACH_CM) * below + eye_z * columns[:, 1])
    data = np.concatenate([u, v, below]) / below[2]
    return belt_texture(which).transform(
        camera.size, Image.Transform.PERSPECTIVE, data[:8].tolist(), Image.Resampling.BILINEAR, fillcolor=(18, 18, 20)
    )


def cast_shadow(canvas: Image.Image, camera: Camera, mesh: Mesh, strength: float, softness: float) -> Image.Image:
    """The canvas with the mesh's shadow on the plane z = 0; softness in pixels of a coarser picture."""
    points = mesh.faces.reshape(-1, 3)
    ground = points - points[:, 2:] * SUN / SUN[2] * 0.7
    pixels = camera.project(ground) / SHADOW_COARSER
    small = Image.new("L", (canvas.width // SHADOW_COARSER, canvas.height // SHADOW_COARSER), 0)
    ImageDraw.Draw(small).polygon(pixels[ConvexHull(pixels).vertices].ravel().tolist(), fill=int(255 * strength))
    mask = small.filter(ImageFilter.BoxBlur(softness)).resize(canvas.size, Image.Resampling.BILINEAR)
    return Image.composite(Image.new("RGB", canvas.size, (8, 8, 10)), canvas, mask)


def sensor(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Uneven light, colour cast, blur and noise of a tunnel camera."""
    if rng.random() < 0.4:
        sharpness = float(rng.uniform(0.4, 1.2))
        moving = float(rng.uniform(0.5, 5.0)) if rng.random() < 0.35 else 0.0
        picture = picture.filter(ImageFilter.BoxBlur((sharpness + moving, sharpness)))
    width, height = picture.size
    x, y = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    lean = rng.normal(0.0, 0.12, 2)
    fall = rng.uniform(0.08, 0.3)
    light = np.float32(rng.uniform(0.6, 1.35)) * ((1 + lean[0] * x)[None] * (1 + lean[1] * y)[:, None])
    light -= np.float32(fall) * (x[None] ** 2 + y[:, None] ** 2) / 2
    cast = (1.0 + rng.normal(0.0, 0.025, 3)).astype(np.float32)
    pixels = np.asarray(picture, dtype=np.float32) * light.astype(np.float32)[..., None] * cast
    grain = _noise(int(rng.integers(NOISES)), width, height)
    pixels += np.roll(grain, int(rng.integers(height)), axis=0) * np.float32(rng.uniform(2.0, 12.0))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


@cache
def _noise(which: int, width: int, height: int) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng([98, which])
    shared = rng.normal(0.0, 0.8, (height, width, 1))
    return (shared + rng.normal(0.0, 0.5, (height, width, 3))).astype(np.float32)
