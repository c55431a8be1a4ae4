"""The bare products: one small model a shape, in the product's own size and colour."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from leastpack.sample.photos import solids, vessels
from leastpack.sample.photos.mesh import Colour, Mesh, Sides
from leastpack.sample.world import Product

PAINTS: dict[str, Colour] = {
    "black": (0.13, 0.13, 0.14), "white": (0.92, 0.92, 0.90), "red": (0.75, 0.13, 0.13), "blue": (0.15, 0.28, 0.68),
    "green": (0.16, 0.50, 0.24), "yellow": (0.90, 0.76, 0.16), "grey": (0.52, 0.53, 0.55), "pink": (0.90, 0.55, 0.65),
    "brown": (0.45, 0.29, 0.18), "orange": (0.88, 0.45, 0.12), "turquoise": (0.18, 0.64, 0.65),
    "clear": (0.80, 0.88, 0.88),
}  # fmt: skip
NATURAL: dict[str, Colour] = {
    "steel": (0.66, 0.67, 0.69), "aluminium": (0.72, 0.73, 0.75), "metal": (0.60, 0.61, 0.63),
    "wood": (0.70, 0.52, 0.33),
    "bamboo": (0.80, 0.66, 0.42),
}  # fmt: skip
TALL = ("goblet", "tumbler", "bottle", "jar", "vase", "cylinder", "mug", "bulb")
SEE_THROUGH = ("glass", "crystal")

Builder = Callable[[Sides, Colour, np.random.Generator], Mesh]
SHAPES: dict[str, Builder] = {
    "mug": vessels.mug,
    "teapot": vessels.teapot,
    "bear": vessels.bear,
    "disc": vessels.disc,
    "goblet": vessels.goblet,
    "tumbler": vessels.tumbler,
    "jar": vessels.jar,
    "bottle": vessels.bottle,
    "vase": vessels.vase,
    "bulb": vessels.bulb,
    "globe": vessels.globe,
    "flacon": vessels.flacon,
    "cylinder": vessels.cylinder,
    "block": solids.block,
    "slab": solids.slab,
    "frame": solids.frame,
    "stick": solids.stick,
    "soft": solids.soft,
    "book": solids.book,
    "roll": solids.roll,
    "sheet": solids.slab,
    "hammer": solids.hammer,
    "coil": solids.coil,
    "pouch": solids.pouch,
    "headphones": solids.headphones,
    "figure": solids.figure,
    "car": solids.car,
}


def bare_product(product: Product, rng: np.random.Generator, sides: Sides | None = None, upright: bool = False) -> Mesh:
    """The product without any packing, on z = 0 and centred.

    Args:
        product: The product.
        rng: Draws pose and shades.
        sides: Another size than the product's own, as for one unit of a multipack.
        upright: Never lay tall things down.
    """
    mesh = SHAPES[product.kind.shape](sides or product.sides_cm, paint(product, rng), rng)
    if product.kind.shape in TALL and not upright and rng.random() < 0.6:
        mesh = mesh.laid()
    middle = (mesh.low + mesh.high) / 2
    return mesh.moved(-middle[0], -middle[1], -mesh.low[2])


def paint(product: Product, rng: np.random.Generator) -> Colour:
    """The product's colour, a little off."""
    colour = NATURAL.get(product.material, PAINTS[product.colour])
    r, g, b = np.clip(np.array(colour) * rng.normal(1.0, 0.06) + rng.normal(0.0, 0.02, 3), 0.03, 0.97)
    return float(r), float(g), float(b)


def sees_through(product: Product) -> bool:
    """Whether light passes through the bare product."""
    return product.material in SEE_THROUGH and product.kind.shape not in ("slab", "frame")
