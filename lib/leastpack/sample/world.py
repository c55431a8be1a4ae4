"""The invented products: families, variants, what they are made of, how they are packed, what they withstand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from leastpack.config.sample import SampleConfig
from leastpack.sample.kinds import Kind, kinds
from leastpack.sample.packing import PACKINGS
from leastpack.sample.streams import stream

Floats = npt.NDArray[np.float64]

MARKETPLACES = {"NA": 0.42, "EU": 0.36, "JP": 0.22}
LANGUAGES = {
    "NA": {"en": 0.84, "es": 0.16},
    "EU": {"de": 0.34, "fr": 0.22, "it": 0.17, "es": 0.13, "en": 0.14},
    "JP": {"ja": 1.0},
}
FAMILY_SIZES = (0.62, 0.19, 0.12, 0.07)  # 1 to 4 variants
CROSS_LISTED = 0.07  # share of families also sold in a second marketplace, under the same GTIN
OTHER_PACKING = 0.05  # share of variants packed unlike their family
HIDDEN_SPREAD = 0.06  # log spread of what no text, photo or size can tell
CLEAR_GLASS = 0.6  # share of glass families that start with a clear variant
COLOURS = ("black", "white", "red", "blue", "green", "yellow", "grey", "pink", "brown", "orange", "turquoise")


@dataclass(frozen=True)
class Product:
    """One listing.

    Attributes:
        number: Place in the sample, from 0.
        marketplace: NA, EU or JP.
        product_id: The marketplace's identifier.
        family: Number of its variation family (shared by cross-listed ones).
        variant: Number within the family.
        kind: What it is.
        material: What it is made of.
        packing: How the vendor packed it.
        colour: Colour of the bare product.
        pack: Units in it.
        language: Language of its texts.
        gtin: Trade item number, the same in every marketplace.
        sides_cm: Sides of the bare product, longest first.
        packed_cm: Sides with the vendor's packing, longest first.
        weight_g: Weight with the vendor's packing.
        price: Price in US dollars.
    """

    number: int
    marketplace: str
    product_id: str
    family: int
    variant: int
    kind: Kind
    material: str
    packing: str
    colour: str
    pack: int
    language: str
    gtin: str
    sides_cm: tuple[float, float, float]
    packed_cm: tuple[float, float, float]
    weight_g: float
    price: float


def invent_products(config: SampleConfig) -> list[Product]:
    """Draw families until the marketplaces hold `config.products` listings."""
    rng = stream(config.seed, "products")
    products: list[Product] = []
    family = 0
    while len(products) < config.products:
        for variant in _family(rng, family):
            products += _list(rng, variant, config.seed)
        family += 1
    numbered = [_numbered(product, number) for number, product in enumerate(products[: config.products])]
    return numbered


def what_products_withstand(products: Sequence[Product], seed: int, spread: float = HIDDEN_SPREAD) -> Floats:
    """(n, 4) what each packed product withstands: kind, material, packing, weight and what nobody sees."""
    rng = stream(seed, "withstands")
    rows = [_withstands(product) for product in products]
    families = np.array([product.family * 10 + product.variant for product in products])
    hidden = rng.normal(0.0, spread, (families.max() + 1, 4))
    return np.asarray(np.array(rows) * np.exp(hidden[families]))


def packed_sides(products: Sequence[Product]) -> Floats:
    """(n, 3) true sides as packed by the vendor, longest first."""
    return np.array([product.packed_cm for product in products])


def weights(products: Sequence[Product]) -> Floats:
    """(n,) true weights as packed by the vendor, in grams."""
    return np.array([product.weight_g for product in products])


def _family(rng: np.random.Generator, family: int) -> list[Product]:
    often = np.array([kind.often for kind in kinds()])
    kind = kinds()[rng.choice(len(often), p=often / often.sum())]
    material = kind.materials[rng.integers(len(kind.materials))]
    packing = _packing(rng, kind)
    marketplace = _draw(rng, MARKETPLACES)
    language = _draw(rng, LANGUAGES[marketplace])
    scale = np.exp(rng.normal(0.0, 0.13))
    stretch = np.exp(rng.normal(0.0, 0.05, 3))
    heavy = np.exp(rng.normal(0.0, 0.12))
    price = kind.price * np.exp(rng.normal(0.0, 0.35))
    count = 1 + int(rng.choice(4, p=FAMILY_SIZES))
    colours = [COLOURS[place] for place in rng.permutation(len(COLOURS))]
    if material in ("glass", "crystal") and rng.random() < CLEAR_GLASS:
        colours.insert(0, "clear")
    made = []
    for variant in range(count):
        own = _packing(rng, kind) if rng.random() < OTHER_PACKING else packing
        pack = _units(rng, kind, own)
        base = np.array(kind.sides_cm) * scale * stretch
        sides = np.sort(_grown(base, pack))[::-1]
        weight = kind.weight_g * scale**3 * heavy * pack**0.9
        made.append(
            Product(
                number=0, marketplace=marketplace, product_id="", family=family, variant=variant, kind=kind,
                material=material, packing=own, colour=colours[variant], pack=pack, language=language,
                gtin=_gtin(rng), sides_cm=_three(sides), packed_cm=_three(sides + PACKINGS[own].wall_cm),
                weight_g=float(weight * (1.0 + PACKINGS[own].tare_share)), price=float(price * pack**0.8),
            )
        )  # fmt: skip
    return made


def _list(rng: np.random.Generator, product: Product, seed: int) -> list[Product]:
    """The listings of a product: one, now and then a second one in another marketplace."""
    if stream(seed, "cross", product.family).random() >= CROSS_LISTED:
        return [product]
    others = [name for name in MARKETPLACES if name != product.marketplace]
    second = others[product.family % len(others)]
    return [product, replace(product, marketplace=second, language=_draw(rng, LANGUAGES[second]))]


def _numbered(product: Product, number: int) -> Product:
    return replace(product, number=number, product_id=f"{product.marketplace[0]}{number + 1:06d}")


def _packing(rng: np.random.Generator, kind: Kind) -> str:
    return _draw(rng, kind.packings)


def _units(rng: np.random.Generator, kind: Kind, packing: str) -> int:
    """Units in a product: wrapped multipacks hold several, now and then something else does too."""
    if packing == "wrapped_multipack":
        return int(rng.choice([2, 3, 4, 6]))
    return int(rng.choice([1, 2, 3], p=[0.85, 0.09, 0.06])) if kind.packs else 1


def _grown(sides: Floats, pack: int) -> Floats:
    """Sides of several units side by side, pressed together a little."""
    ordered = np.sort(sides)
    for _ in range(int(np.log2(pack)) if pack in (2, 4) else 0):
        ordered[0] *= 1.8
        ordered = np.sort(ordered)
    if pack in (3, 6):
        ordered = np.sort(ordered * np.array([2.4, 1.0, 1.0]))
        ordered = np.sort(ordered * np.array([1.8 if pack == 6 else 1.0, 1.0, 1.0]))
    return np.asarray(ordered, dtype=np.float64)


def _withstands(product: Product) -> tuple[float, float, float, float]:
    kind, packing = product.kind, PACKINGS[product.packing]
    heavier = (product.weight_g / (kind.weight_g * product.pack**0.9)) ** -0.15
    brittle = {"porcelain": 0.9, "crystal": 0.85, "stoneware": 1.15}.get(product.material, 1.0)
    shock, crush, pierce, leak = kind.withstands
    return (
        shock * packing.shock * heavier * brittle,
        crush * packing.crush,
        pierce * packing.pierce * heavier,
        leak * packing.leak,
    )


def _draw(rng: np.random.Generator, shares: dict[str, float]) -> str:
    names = list(shares)
    return names[int(rng.choice(len(names), p=list(shares.values())))]


def _gtin(rng: np.random.Generator) -> str:
    digits = [int(digit) for digit in f"4{rng.integers(10**11):011d}"]
    check = -sum(digit * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10
    return "".join(map(str, digits)) + str(check)


def _three(values: Floats) -> tuple[float, float, float]:
    a, b, c = (float(value) for value in values)
    return a, b, c
