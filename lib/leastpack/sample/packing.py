"""How vendors pack: what it does to size, weight and strength of a product.

Strength of a packing multiplies what the bare product withstands (see `kinds`): a mug that survives 34 cm bare survives
eight times that in a moulded box, and hardly more than 34 cm in a clear bag.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Packing:
    """One vendor packing.

    Attributes:
        name: Name.
        shock: Factor on the drop height survived.
        crush: Factor on the load borne.
        pierce: Factor on the energy of a sharp hit withstood.
        leak: Factor on the closure pressure.
        wall_cm: What it adds to each of the three sides, in all.
        tare_share: What it adds to the weight, as a share.
    """

    name: str
    shock: float
    crush: float
    pierce: float
    leak: float
    wall_cm: float
    tare_share: float


PACKINGS: dict[str, Packing] = {
    packing.name: packing
    for packing in (
        Packing("sturdy_box", 8.0, 9.0, 6.0, 3.2, 2.2, 0.15),
        Packing("perforated_box", 1.35, 1.7, 1.3, 1.1, 0.9, 0.07),
        Packing("clear_bag", 1.05, 1.0, 0.95, 3.2, 0.3, 0.01),
        Packing("blister", 4.0, 4.0, 4.0, 2.0, 1.6, 0.08),
        Packing("bare", 1.0, 1.0, 1.0, 1.0, 0.0, 0.0),
        Packing("wrapped_multipack", 1.8, 3.0, 2.0, 3.2, 0.6, 0.02),
        Packing("pouch", 1.2, 1.2, 1.4, 2.0, 0.3, 0.02),
    )
}
PACKING_NAMES = tuple(PACKINGS)
