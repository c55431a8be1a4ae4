"""The mapping from any raw export to leastpack's fields."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from leastpack.config.base import Currency, Day, Section
from leastpack.config.guards import GuardsConfig, guards_of
from leastpack.errors import ConfigError

Kind = Literal[
    "products", "product_images", "tunnel", "shipments", "returns", "reviews", "human_tests", "package_codes", "rules"
]  # fmt: skip

FIELDS: dict[str, dict[str, str]] = {
    "products": {
        "product_id": "required; the retailer's own identifier",
        "marketplace": "required, unless the source sets `marketplace`",
        "family_id": "variation family; null makes the product its own family",
        "universal_id": "identifier shared across marketplaces (GTIN or the like)",
        "title": "store title",
        "description": "store description",
        "brand": "brand",
        "vendor": "who delivers the product; `rules` may name it",
        "hazard_class": "class of a dangerous good; `rules` may name it",
        "category": "category path or name",
        "language": "language code of the texts",
        "price": "number or text with a currency sign",
        "currency": "ISO code; null takes it from the price text's sign",
        "size_text": "all sides in one text, such as `7.6 x 4.8 x 1.4 inches`",
        "length": "one side, number or text",
        "width": "one side, number or text",
        "height": "one side, number or text",
        "weight": "number or text with a unit",
        "updated_at": "when the listing last changed",
        "deleted_at": "when the listing was delisted; null while it is sold",
    },
    "product_images": {
        "product_id": "required",
        "marketplace": "required, unless the source sets `marketplace`",
        "view": "required; name of the view, unique a product, such as `tunnel_0`",
        "uri": "required; path, file://, s3:// or s3a://",
        "kind": "required; `tunnel` or `catalog`",
        "size_bytes": "file size, part of the image's key",
        "etag": "content tag or modification time, part of the image's key",
        "captured_at": "when the photo was taken",
    },
    "tunnel": {
        "product_id": "required",
        "marketplace": "required, unless the source sets `marketplace`",
        "length": "measured side",
        "width": "measured side",
        "height": "measured side",
        "weight": "measured weight",
        "defect": "true where the tunnel saw a defect, such as leaking or torn packing",
        "measured_at": "when it was measured",
    },
    "shipments": {
        "shipment_id": "required; one item of a shipment is one row",
        "product_id": "required",
        "marketplace": "required, unless the source sets `marketplace`",
        "package_type": "required; as in conf/packages, or a code of `package_codes`",
        "shipped_at": "required",
        "items": "items in the same package; null counts as 1 (for certificates from random shipments it does not)",
        "propensity": "probability that the package was drawn at random; null where a person or policy chose it",
        "updated_at": "when the row was last corrected; of two rows of an item the later one counts",
    },
    "returns": {
        "return_id": "identifier of the return; null takes shipment, product and reason, or the row itself",
        "shipment_id": "the shipment that came back; null where unknown",
        "product_id": "required",
        "marketplace": "required, unless the source sets `marketplace`",
        "reason_code": "required; mapped by outcomes.damage_reasons",
        "comment": "the customer's words",
        "returned_at": "required",
        "updated_at": "when the row was last corrected; of two rows of a return the later one counts",
    },
    "reviews": {
        "review_id": "required",
        "product_id": "required",
        "marketplace": "required, unless the source sets `marketplace`",
        "shipment_id": "the shipment it speaks of; null where unknown",
        "stars": "1 to 5",
        "text": "the review",
        "language": "language code of the text",
        "reviewed_at": "required",
        "updated_at": "when the row was last corrected; of two rows of a review the later one counts",
    },
    "human_tests": {
        "test_id": "required",
        "product_id": "required",
        "marketplace": "required, unless the source sets `marketplace`",
        "package_type": "required",
        "result": "required; `SAFE` or `UNSAFE`",
        "draw_probability": "probability with which the pair was drawn; null where a person chose it",
        "draw_round": "which random draw chose the pair, a name; rows without one count as one round",
        "tested_at": "required",
        "updated_at": "when the row was last corrected; of two rows of a test the later one counts",
    },
    "package_codes": {
        "code": "required; what shipments have in place of a package type, such as a carton number",
        "marketplace": "required, unless the source sets `marketplace`",
        "package_type": "required; the type it means, as in conf/packages",
        "valid_from": "first day on which the code means it; null since ever",
        "valid_to": "first day on which it no longer does; null while it does",
    },
    "rules": {
        "rule_id": "required; unique in its marketplace",
        "marketplace": "required, unless the source sets `marketplace`",
        "action": "required; `ban`: the products do not go out in the package type; `pin`: they go out in no other",
        "package_type": "required; as in conf/packages",
        "product_id": "the product it is about; null for all of the vendor or hazard class",
        "vendor": "the vendor it is about, in any case; null for any",
        "hazard_class": "the hazard class it is about, in any case; null for any",
        "valid_from": "first day of the rule; null since ever",
        "valid_to": "first day on which it no longer holds; null while it does",
        "note": "why there is the rule",
        "updated_at": "when the rule was last changed; of two rows of a rule the later one counts",
    },
}

# Fields that hold a number with or without a unit or sign in text; the catalog reads them.
MEASURES = frozenset({"length", "width", "height", "weight", "price"})

# Spark SQL types of the other fields; those not named here are strings.
TYPES = {
    "updated_at": "timestamp",
    "deleted_at": "timestamp",
    "captured_at": "timestamp",
    "measured_at": "timestamp",
    "shipped_at": "timestamp",
    "returned_at": "timestamp",
    "reviewed_at": "timestamp",
    "tested_at": "timestamp",
    "defect": "boolean",
    "size_bytes": "bigint",
    "items": "bigint",
    "stars": "double",
    "propensity": "double",
    "draw_probability": "double",
    "valid_from": "date",
    "valid_to": "date",
}

# Sources that leastpack adds itself where their tables are there.
OWN_SOURCES = frozenset({"test_results"})
# Kinds whose rows are kept from delivery to delivery, so that a source says what a delivery holds.
HISTORY_KINDS: tuple[Kind, ...] = ("shipments", "returns", "reviews", "human_tests")
REPORT_KINDS: tuple[Kind, ...] = ("returns", "reviews")
# Of what each kind of history tells when it happened.
EVENT_TIMES: dict[Kind, str] = {
    "shipments": "shipped_at",
    "returns": "returned_at",
    "reviews": "reviewed_at",
    "human_tests": "tested_at",
}

# Fields that identify something.
IDENTIFIERS = frozenset(
    {"product_id", "family_id", "universal_id", "shipment_id", "return_id", "review_id", "test_id", "rule_id", "code"}
)

Epoch = Literal["s", "ms", "us", "excel"]
LostUnit = Literal["oz", "lb", "g", "kg"]
LOST_UNITS: tuple[LostUnit, ...] = ("oz", "lb", "g", "kg")
Odds = Annotated[float, Field(gt=0)]


def required_fields(kind: Kind) -> tuple[str, ...]:
    """Fields without which a row of that kind cannot be used, in the order they are checked."""
    return tuple(field for field, meaning in FIELDS[kind].items() if meaning.startswith("required"))


class SourceConfig(Section):
    """One raw export: what it holds, how Spark reads it, and our fields from its columns."""

    name: str = Field(description="Unique name, used in quarantine and accounts.")
    kind: Kind = Field(description="What a row of it is.")
    format: str = Field(
        description="Any Spark reader (csv, json, parquet, delta, ...), `binaryFile` for a folder, `table` for a name."
    )
    path: str = Field(
        description="File, folder or glob (relative ones start at the working directory), or a table's name."
    )
    options: dict[str, str] = Field(
        default_factory=dict,
        description="Options of the Spark reader; csv starts from RFC quoting with a header, a row a line.",
    )
    row_schema: str | None = Field(
        None, description="Columns of the export, as Spark DDL; null reads them from the files (a whole pass for json)."
    )
    explode: str | None = Field(
        None, description="Array expression: every element is a row, as columns `element` and `position` (from 0)."
    )
    where: str | None = Field(
        None,
        description="Condition over the export's columns; rows that do not meet it are set aside as `not_wanted`.",
    )
    marketplace: str | None = Field(None, description="Marketplace of every row; null where a column tells.")
    columns: dict[str, str] = Field(description="Our field: Spark SQL expression over the export's columns.")
    length_unit: Literal["mm", "cm", "m", "in", "ft"] = Field("cm", description="Unit of sides that carry none.")
    weight_unit: Literal["g", "kg", "oz", "lb", "lost"] = Field(
        "g", description="Unit of weights that carry none; `lost` has density decide."
    )
    lost_units: dict[LostUnit, Odds] = Field(
        default_factory=lambda: dict.fromkeys(LOST_UNITS, 1.0),
        min_length=1,
        description="Units a lost one may have been, each with how often it was, such as `{lb: 9, oz: 1}`.",
    )
    currency: Currency | None = Field(None, description="Currency of prices that carry none.")
    decimal_comma: bool = Field(False, description="Numbers in texts use a decimal comma.")
    epoch: Epoch = Field(
        "s", description="What times count that are numbers: seconds, ms or us since 1970, or a spreadsheet's days."
    )
    delivers: Literal["changes", "months", "whole"] = Field(
        "changes",
        description="What a delivery of shipments, returns, reviews or human tests holds: rows to add and correct; "
        "whole months, each replacing what was delivered of it; or everything there is.",
    )
    delivered_until: Day | None = Field(
        None,
        description="Day up to which returns or reviews have been delivered; null takes that of the latest row. "
        "Shipments whose return window ends later do not count yet.",
    )
    closed: bool = Field(
        False, description="Nothing more will come of these returns or reviews: no shipment waits for them."
    )
    guards: GuardsConfig = Field(default_factory=GuardsConfig, description="What refuses a delivery of it.")

    @model_validator(mode="after")
    def _known_fields(self) -> SourceConfig:
        known = FIELDS[self.kind]
        for field in self.columns:
            if field not in known:
                raise ValueError(f"{self.kind} has no field {field!r}; its fields are {', '.join(known)}")
        for field in required_fields(self.kind):
            given = field in self.columns or (field == "marketplace" and self.marketplace is not None)
            if not given:
                raise ValueError(f"source {self.name!r} ({self.kind}) must map the field {field!r}")
        return self

    @model_validator(mode="after")
    def _own_guards(self) -> SourceConfig:
        known = guards_of(self.kind)
        for name in self.guards.model_fields_set:
            if name not in known:
                raise ValueError(f"source {self.name!r} ({self.kind}) has no guard {name!r}; it has {', '.join(known)}")
        return self

    @model_validator(mode="after")
    def _history_where_kept(self) -> SourceConfig:
        given = self.model_fields_set
        if "delivers" in given and self.kind not in HISTORY_KINDS:
            raise ValueError(f"source {self.name!r}: `delivers` is for {', '.join(HISTORY_KINDS)}, not {self.kind}")
        for key in sorted(given & {"delivered_until", "closed"}):
            if self.kind not in REPORT_KINDS:
                raise ValueError(f"source {self.name!r}: `{key}` is for {' and '.join(REPORT_KINDS)}, not {self.kind}")
        return self


def named_sources(sources: Sequence[SourceConfig], names: Collection[str]) -> list[SourceConfig]:
    """The sources of these names; all without any.

    Raises:
        ConfigError: A name is none of theirs.
    """
    require_names("--source", names, [source.name for source in sources])
    return [source for source in sources if not names or source.name in names]


def require_names(option: str, names: Collection[str], known: Sequence[str]) -> None:
    """Refuse names of sources that an option cannot mean.

    Raises:
        ConfigError: A name is not known.
    """
    if unknown := sorted(set(names) - set(known)):
        raise ConfigError(f"{option} names no source: {', '.join(unknown)}", expected=", ".join(known))
