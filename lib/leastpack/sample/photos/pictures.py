"""One tunnel photo, one studio photo."""

from __future__ import annotations

import numpy as np
from PIL import Image

from leastpack.sample.photos.belt import BELTS, belt_seen, cast_shadow, sensor
from leastpack.sample.photos.camera import look_at
from leastpack.sample.photos.goods import bare_product, sees_through
from leastpack.sample.photos.mesh import Mesh
from leastpack.sample.photos.packs import packed_model, paint_packing
from leastpack.sample.photos.painter import Painter
from leastpack.sample.streams import stream
from leastpack.sample.world import Product

FINER = 2  # pictures are drawn this many times finer and then reduced
OFF_CENTRE = 0.12  # share of views taken too early or too late
# Azimuth and elevation of the tunnel's cameras in degrees: from above, from both sides, along the belt.
STATIONS = ((-90.0, 68.0), (-35.0, 36.0), (150.0, 40.0), (60.0, 30.0), (-125.0, 52.0))


def tunnel_photo(product: Product, view: int, width: int, seed: int) -> Image.Image:
    """The packed product on the belt, from one of the tunnel's cameras.

    Args:
        product: The product.
        view: Number of the camera.
        width: Picture width in pixels; its height is three quarters of it.
        seed: Sample seed.
    """
    rng = stream(seed, "view", product.number, view)
    scene = stream(seed, "scene", product.number)
    turned, belt = float(scene.uniform(0, 360)), int(scene.integers(BELTS))
    size = (width, width * 3 // 4)
    model, sides = packed_model(product, _plan(product, seed))
    reach = float(np.linalg.norm(sides))
    off = 0.09 if rng.random() > OFF_CENTRE else 0.3
    target = np.array([*rng.normal(0, off * reach, 2), sides[2] * 0.45])
    azimuth, elevation = np.array(STATIONS[view % len(STATIONS)]) + rng.normal(0, 4.0, 2)
    roll, zoom = float(rng.normal(0, 2.0)), float(rng.uniform(1.15, 1.4))
    distance = (reach * 0.9 + 8.0) * 1.6 * float(rng.uniform(0.9, 1.6))
    ground = look_at(target * np.array([0.0, 0.0, 1.0]), float(azimuth), float(elevation), distance, roll, zoom, size)
    camera = look_at(target, float(azimuth) + turned, float(elevation), distance, roll, zoom, size)
    canvas = belt_seen(belt, ground)
    strength = 0.3 if product.packing == "bare" and sees_through(product) else float(rng.uniform(0.55, 0.8))
    canvas = cast_shadow(canvas, camera, model, strength, float(rng.uniform(2.0, 5.0)))
    canvas = canvas.resize((size[0] * FINER, size[1] * FINER), Image.Resampling.BILINEAR)
    painter = Painter(canvas, camera.finer(FINER), float(rng.uniform(0.85, 1.12)))
    paint_packing(painter, product, _plan(product, seed), rng)
    return sensor(canvas.reduce(FINER), rng)


def catalog_photo(product: Product, width: int, seed: int) -> Image.Image:
    """The bare product before a white background, whatever it is packed in."""
    rng = stream(seed, "studio", product.number)
    size = (width, width * 3 // 4)
    model = bare_product(product, rng, upright=True)
    sides = model.high - model.low
    reach = float(np.linalg.norm(sides))
    target = np.array([0.0, 0.0, sides[2] * 0.5])
    camera = look_at(target, float(rng.uniform(-75, -40)), float(rng.uniform(18, 32)), reach * 2.6, 0.0, 1.7, size)
    canvas = cast_shadow(Image.new("RGB", size, (252, 252, 252)), camera, model, 0.22, 5.0)
    canvas = canvas.resize((size[0] * FINER, size[1] * FINER), Image.Resampling.BILINEAR)
    painter = Painter(canvas, camera.finer(FINER), 1.12)
    if sees_through(product):
        painter.glass(Mesh(model.faces, np.clip(model.colours * 0.6 + 0.1, 0, 1), 1.0), 0.25, 0.5)
    else:
        painter.mesh(model)
    return canvas.reduce(FINER)


def _plan(product: Product, seed: int) -> np.random.Generator:
    """Drawn anew for every view, so that the product is the same in all of them."""
    return stream(seed, "plan", product.number)
