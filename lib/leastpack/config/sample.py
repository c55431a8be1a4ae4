"""The invented marketplace of the demo."""

from __future__ import annotations

from pydantic import Field

from leastpack.config.base import Count, LocalFolder, Section, Share


class SampleConfig(Section):
    """Size, seed and the null switches of the invented marketplace."""

    out: LocalFolder = Field("out/demo/sample", description="Folder the raw exports and truth.parquet are written to.")
    seed: int = Field(7, ge=0, description="Everything in the sample follows from it.")
    products: Count = Field(3600, description="Products over all marketplaces.")
    shipments_per_product: float = Field(60.0, gt=0, description="Mean shipments a product over the year.")
    without_photos: Share = Field(0.2, description="Share of products that never passed the tunnel.")
    tested_share: Share = Field(
        0.025, description="Human tests so far, as a share of products: of pairs that someone doubted."
    )
    reporting_rate: Share = Field(0.75, description="Share of damages that come back under a damage reason code.")
    image_width: int = Field(320, ge=64, le=400, description="Photo width in pixels.")
    processes: Count | None = Field(None, description="Processes that draw photos; null takes all cores.")
    tau: float = Field(0.01, gt=0, lt=1, description="Damage rate above which the truth calls a pair unsafe.")
    shuffle_photos: bool = Field(False, description="Null switch: tunnel photos are dealt to random products.")
    shuffle_words: bool = Field(
        False, description="Null switch: all words of a listing are dealt to random products of its language."
    )
    random_shipping: bool = Field(False, description="Null switch: packages are chosen at random among those that fit.")
