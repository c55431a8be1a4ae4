"""Which test procedure of the ISTA 6-Amazon.com series fits a packaged product: a proposal for the tester's sheet.

Products that ship in their own container are tested as packed (SIOC, types A to E by weight and way of delivery, G
and H for televisions and monitors); those that a retailer packs are tested in their package (Over Boxing). Boundaries
after the overview of the ISTA 6-AMAZON.COM-SIOC project: 50 and 100 lb, and what parcel carriers take: 165 inches of
length and girth, 150 lb.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

POUND_G, INCH_CM = 453.59237, 2.54
MOST_GIRTH_IN, MOST_PARCEL_LB = 165.0, 150.0
OWN_CONTAINER = "own_container"
# Categories of screens, in the languages of the sample; stands, cables and the like have other words beside these.
SCREENS = re.compile(
    r"(?:^|\W)(?:tvs?|televisions?|televisor(?:es)?|fernseher|monitore|monitors?)(?:\W+(?:&|and|und|y)\W.*)?$"
    r"|(?:テレビ|モニター)$",
    re.IGNORECASE,
)
OVER_BOXING, SIOC = "ISTA 6-Amazon.com Over Boxing", "ISTA 6-Amazon.com-SIOC"


def procedure(kind: str, sides_cm: Sequence[float | None], weight_g: float | None, category: str | None = None) -> str:
    """Name of the procedure.

    Args:
        kind: Kind of the package type.
        category: Category of the product; one that ends in a word for screens is of televisions and monitors.
        sides_cm: Three sides of the product; None where one is not known.
        weight_g: Its weight; None where it is not known.

    Returns:
        The procedure, with the type where size and weight tell it.
    """
    if kind != OWN_CONTAINER:
        return OVER_BOXING
    known = [side for side in sides_cm if side is not None]
    if weight_g is None or len(known) < 3:
        return f"{SIOC}, type by weight and size"
    pounds = weight_g / POUND_G
    least, middle, longest = sorted(side / INCH_CM for side in known)
    parcel = pounds <= MOST_PARCEL_LB and longest + 2 * (least + middle) <= MOST_GIRTH_IN
    if category is not None and SCREENS.search(category.strip()):
        return f"{SIOC}, type {'G' if parcel else 'H'}"
    heavier = (pounds >= 50) + (pounds >= 100)
    return f"{SIOC}, type {'ABC'[heavier] if parcel else 'DDE'[heavier]}"
