"""Store texts of the invented products: titles, descriptions, typos."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leastpack.sample.streams import stream
from leastpack.sample.words import words
from leastpack.sample.world import Product

TYPOS = 0.06  # share of titles with one
NO_DESCRIPTION = 0.07
NO_MATERIAL = 0.18  # share of titles that leave the material out
COUNTABLE = ("wrapped_multipack",)


@dataclass(frozen=True)
class Text:
    """Everything a listing says in words."""

    title: str
    description: str | None
    brand: str
    category: str
    language: str


def write_texts(products: Sequence[Product], seed: int, shuffle: bool) -> list[Text]:
    """One text a product, in its language.

    Args:
        products: The products.
        seed: Sample seed.
        shuffle: Deal the texts to random products instead (of the same marketplace and language).

    Returns:
        Texts in the order of the products.
    """
    texts = [_write(product, seed) for product in products]
    if not shuffle:
        return texts
    rng = stream(seed, "shuffle_words")
    dealt = list(texts)
    for place in sorted({(product.marketplace, product.language) for product in products}):
        members = [i for i, p in enumerate(products) if (p.marketplace, p.language) == place]
        for target, source in zip(members, rng.permutation(members), strict=True):
            dealt[target] = texts[source]
    return dealt


def _write(product: Product, seed: int) -> Text:
    """A family shares its brand and template; a variant differs by colour, size and pack."""
    family = stream(seed, "text", product.family, product.marketplace)
    common, sentences = words("common"), words("sentences")
    brand = str(family.choice(common["brand_starts"])) + str(family.choice(common["brand_ends"]))
    language = product.language
    names = words("nouns")[product.kind.key][language]
    noun = names[family.integers(len(names))]
    material = common["materials"].get(product.material, {}).get(language, "")
    if family.random() < NO_MATERIAL:
        material = ""
    templates = sentences["titles" if material else "bare_titles"][language]
    template = templates[family.integers(len(templates))]
    own = stream(seed, "variant", product.number)
    title = template.format(
        brand=brand,
        noun=noun,
        material=material,
        colour=common["colours"][product.colour][language]
        if product.kind.group not in ("food", "pets", "care")
        else "",
        spec=_spec(product, own),
        pack=_pack(product, own),
    )
    title = _clean(title)
    if own.random() < TYPOS:
        title = _typo(title, own)
    return Text(
        title, _describe(product, family, own), brand, common["departments"][product.kind.group][language], language
    )


def _describe(product: Product, family: np.random.Generator, own: np.random.Generator) -> str | None:
    language, sentences = product.language, words("sentences")
    colour = words("common")["colours"][product.colour][language]
    count = int(family.integers(2, 5))
    pool = (*sentences["general"][language], *sentences["by_group"][product.kind.group][language])
    chosen = [str(sentence) for sentence in family.choice(pool, size=min(count, len(pool)), replace=False)]
    size = " x ".join(_number(side, language) for side in product.sides_cm) + " cm"
    filled = [s.format(size=size, colour=colour) for s in chosen]
    if own.random() < NO_DESCRIPTION:
        return None
    return ("\n" if family.random() < 0.4 else " ").join(filled)


def _spec(product: Product, rng: np.random.Generator) -> str:
    us = product.marketplace == "NA"
    longest, middle, _ = product.sides_cm
    match product.kind.spec:
        case "volume":
            ml = max(30, round(product.weight_g / product.pack * rng.uniform(0.7, 0.95), -1))
            return f"{ml / 29.6:.0f} oz" if us else f"{ml:.0f} ml"
        case "weight":
            g = max(10, round(product.weight_g / product.pack * 0.95, -1))
            return f"{g / 28.35:.0f} oz" if us else f"{g:.0f} g"
        case "diameter" | "height":
            return f'{longest / 2.54:.0f}"' if us else f"{longest:.0f} cm"
        case "dims":
            return f'{longest / 2.54:.0f}" x {middle / 2.54:.0f}"' if us else f"{longest:.0f} x {middle:.0f} cm"
        case "length":
            return f"{longest * 4 / 30.5:.0f} ft" if us else f"{longest * 4 / 100:.1f} m"
        case "power":
            return f"{rng.choice([5, 8, 10, 18, 20, 30])} W"
        case "screen":
            return f'{rng.choice([7, 8, 10, 11])}"'
        case "clothes":
            return str(rng.choice(["S", "M", "L", "XL"]))
        case "pages":
            return f"{rng.choice([96, 128, 192, 240, 320])} p."
        case "players":
            return "2-4"
        case "count":
            return str(rng.choice([20, 24, 60, 100, 500]))
        case _:
            return ""


def _pack(product: Product, rng: np.random.Generator) -> str:
    """Several units are a multipack mostly where they are wrapped as one: a soft hint, not a rule."""
    if product.pack == 1:
        return ""
    wrapped = product.packing in COUNTABLE
    style = rng.choice(["multipack", "pack", "set"], p=[0.65, 0.25, 0.1] if wrapped else [0.3, 0.4, 0.3])
    return str(words("common")["sets"][str(style)][product.language]).format(n=product.pack)


def _clean(title: str) -> str:
    title = re.sub(r"\(\s*,?\s*|\s*,?\s*\)", lambda m: "(" if "(" in m.group() else ")", title)
    title = title.replace("()", "")
    title = re.sub(r"(\s*,)+", ",", title)
    title = re.sub(r"(\s[-|])(?:\s+[-|])+", r"\1", title)
    return re.sub(r"\s+", " ", title).strip(" ,-|")


def _typo(title: str, rng: np.random.Generator) -> str:
    """Two neighbouring letters swapped, or one lost, in a word of five letters or more."""
    words = title.split(" ")
    long = [i for i, word in enumerate(words) if len(word) >= 5]
    if not long:
        return title
    at = long[rng.integers(len(long))]
    word, place = words[at], int(rng.integers(1, len(words[at]) - 2))
    swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    words[at] = swapped if rng.random() < 0.6 else word[:place] + word[place + 1 :]
    return " ".join(words)


def _number(value: float, language: str) -> str:
    text = f"{value:.1f}"
    return text if language in ("en", "ja") else text.replace(".", ",")
