"""How each vendor packing looks: what the tunnel sees and the store text does not say.

Colours are drawn at random, so that shape, gloss, tape, holes and film tell the packing and no colour does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from leastpack.sample.photos.cartons import carton_colour, perforated_box, sturdy_box
from leastpack.sample.photos.films import blister, blister_model, clear_bag, multipack_model, wrapped_multipack
from leastpack.sample.photos.goods import SHAPES, bare_product
from leastpack.sample.photos.mesh import Mesh, Sides, cuboid
from leastpack.sample.photos.opaque import bare, pouch
from leastpack.sample.photos.painter import Painter
from leastpack.sample.photos.surfaces import any_colour, sticker
from leastpack.sample.world import Product

Draw = Callable[[Painter, Product, Mesh, Sides, np.random.Generator, np.random.Generator], None]
DRAW: dict[str, Draw] = {
    "sturdy_box": sturdy_box,
    "perforated_box": perforated_box,
    "clear_bag": clear_bag,
    "blister": blister,
    "wrapped_multipack": wrapped_multipack,
    "bare": bare,
    "pouch": pouch,
}


def packed_model(product: Product, plan: np.random.Generator) -> tuple[Mesh, Sides]:
    """What stands on the belt under a packing's film or print, and the sides of the whole as it lies.

    Args:
        product: The product.
        plan: Generator that is the same for every view of the product.
    """
    length, width, height = product.packed_cm
    match product.packing:
        case "sturdy_box" | "perforated_box":
            sides = (length, width, height) if plan.random() < 0.7 else (length, height, width)
            return cuboid(*sides, carton_colour(product.packing, plan), gloss=0.08), sides
        case "blister":
            return blister_model(product, plan)
        case "wrapped_multipack":
            return multipack_model(product, plan)
        case "pouch":
            model = SHAPES["pouch"](product.packed_cm, any_colour(plan), plan)
            return model, product.packed_cm
        case _:
            model = bare_product(product, plan)
            size = model.high - model.low
            return model, (float(size[0]), float(size[1]), float(size[2]))


def paint_packing(painter: Painter, product: Product, plan: np.random.Generator, view: np.random.Generator) -> None:
    """Draw the packed product.

    Args:
        painter: Where to.
        product: The product.
        plan: The same for every view: where tape, holes and labels are.
        view: Another for every view: where light glints.
    """
    model, sides = packed_model(product, plan)
    DRAW[product.packing](painter, product, model, sides, plan, view)
    if plan.random() < 0.35:
        sticker(painter, sides, plan)
