"""Every table leastpack writes: columns, types, keys and what they mean.

docs/tables.md is generated from this module.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql.types import DataType, StructField, StructType


@dataclass(frozen=True)
class Column:
    """A column: name, Spark SQL type, meaning."""

    name: str
    type: str
    doc: str


@dataclass(frozen=True)
class Table:
    """A table: keys first, wide columns last.

    Attributes:
        name: Table name.
        doc: What a row is.
        key: Columns that identify a row; empty for an append-only log.
        columns: All columns in order.
        partition_by: Partition columns.
        step: The step that writes it.
    """

    name: str
    doc: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    step: str
    partition_by: tuple[str, ...] = ()

    @property
    def schema(self) -> StructType:
        """The Spark schema; every column nullable, as Delta readers expect."""
        return StructType([StructField(c.name, DataType.fromDDL(c.type)) for c in self.columns])

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [column.name for column in self.columns]


def _table(
    name: str, step: str, key: str, doc: str, columns: list[tuple[str, str, str]], partition_by: str = ""
) -> Table:
    return Table(
        name=name,
        doc=doc,
        key=tuple(key.split()),
        columns=tuple(Column(*column) for column in columns),
        step=step,
        partition_by=tuple(partition_by.split()),
    )


_PRODUCT = [
    ("marketplace", "string", "Marketplace the product is sold in."),
    ("product_id", "string", "The retailer's identifier, unique in its marketplace."),
]
_PAIR = [*_PRODUCT, ("package_type", "string", "Package type of that marketplace.")]
_RUN = ("run_id", "string", "Run that wrote the row.")

PRODUCTS = _table(
    "products",
    "catalog",
    "marketplace product_id",
    "One cleaned product.",
    [
        *_PRODUCT,
        ("bucket", "int", "pmod(xxhash64(marketplace, product_id), tables.buckets)."),
        ("family_id", "string", "Variation family; the product itself where it has none."),
        ("universal_id", "string", "Identifier shared across marketplaces, null if none."),
        ("brand", "string", "Brand."),
        ("vendor", "string", "Who delivers it; `packaging_rules` may name it."),
        ("hazard_class", "string", "Class of a dangerous good; `packaging_rules` may name it."),
        ("category", "string", "Category."),
        ("language", "string", "Language code of the texts."),
        ("price", "double", "Price, null where absent or absurd."),
        ("currency", "string", "ISO code of the price."),
        ("listed_sides_cm", "array<double>", "Sides as the listing has them, longest first, before they are judged."),
        (
            "listed_weights",
            "array<struct<grams:double,odds:double>>",
            "What the listing's weight may be: several where its unit was lost, judged anew with each measurement.",
        ),
        ("declared_length_cm", "double", "Declared longest side."),
        ("declared_width_cm", "double", "Declared middle side."),
        ("declared_height_cm", "double", "Declared shortest side."),
        ("declared_weight_g", "double", "Declared weight."),
        ("tunnel_length_cm", "double", "Tunnel-measured longest side."),
        ("tunnel_width_cm", "double", "Tunnel-measured middle side."),
        ("tunnel_height_cm", "double", "Tunnel-measured shortest side."),
        ("tunnel_weight_g", "double", "Tunnel-measured weight."),
        ("measured_at", "timestamp", "When the tunnel measured it; null where it did not, or did not tell."),
        ("length_cm", "double", "Chosen longest side."),
        ("width_cm", "double", "Chosen middle side."),
        ("height_cm", "double", "Chosen shortest side."),
        ("weight_g", "double", "Chosen weight."),
        ("size_source", "string", "`tunnel`, `declared` or `none`."),
        ("size_reason", "string", "Why that size was chosen."),
        ("tunnel_defect", "boolean", "The tunnel saw a defect; null without a measurement."),
        ("notes", "array<string>", "Codes of what cleaning changed or nulled, such as ABSURD_WEIGHT."),
        ("source", "string", "Source the row came from."),
        ("updated_at", "timestamp", "When the listing last changed."),
        ("deleted_at", "timestamp", "When it was delisted, null while it is sold."),
        ("text_key", "string", "SHA-256 of the text that is encoded, null where there is none."),
        ("title", "string", "Store title."),
        ("description", "string", "Store description."),
    ],
)
PRODUCT_IMAGES = _table(
    "product_images",
    "catalog",
    "marketplace product_id view",
    "One photo of a product.",
    [
        *_PRODUCT,
        ("view", "string", "Name of the view."),
        ("kind", "string", "`tunnel` or `catalog`."),
        ("image_key", "string", "SHA-256 of uri, size and etag or modification time."),
        ("captured_at", "timestamp", "When it was taken."),
        ("uri", "string", "Where the bytes are."),
    ],
)
PACKAGE_TYPES = _table(
    "package_types",
    "catalog",
    "marketplace package_type",
    "One package type a marketplace ships in.",
    [
        ("marketplace", "string", "Marketplace."),
        ("package_type", "string", "Name of the type."),
        ("kind", "string", "`own_container`, `bag`, `mailer` or `box`."),
        ("profile_hash", "string", "SHA-256 of kind and protection profile, first 16 digits."),
        ("profile", "array<double>", "Protection by attribute, 0..1, in the order of `attributes`."),
        ("attributes", "array<string>", "Names of the protection attributes."),
        ("inner_length_cm", "double", "Longest inner side; null for an own container."),
        ("inner_width_cm", "double", "Middle inner side."),
        ("inner_height_cm", "double", "Shortest inner side; for bags and mailers the depth they open to."),
        ("void_filled", "boolean", "The empty space is filled, so no void is left around the product."),
        ("max_weight_g", "double", "Heaviest content; null if none."),
        ("tare_g", "double", "Weight of the empty package."),
        ("cost", "double", "Cost of one package, in the marketplace's currency."),
        ("currency", "string", "ISO code of the cost."),
        ("safe_default", "boolean", "The type to use where nothing is certified; one or more a marketplace."),
        ("valid_from", "date", "First day of use."),
        (
            "valid_to",
            "date",
            "First day it is no longer used: as its package file says, or when its file lacked it; null while it is.",
        ),
    ],
)
PACKAGING_RULES = _table(
    "packaging_rules",
    "catalog",
    "marketplace rule_id",
    "One rule on what products may ship in, as people made it.",
    [
        ("marketplace", "string", "Marketplace."),
        ("rule_id", "string", "The retailer's identifier of the rule."),
        ("action", "string", "`ban` (its products do not go out in the type) or `pin` (they go out in no other)."),
        ("package_type", "string", "Package type of that marketplace."),
        ("product_id", "string", "The product it is about; null for all that the next two name."),
        ("vendor", "string", "The vendor it is about, in lower case; null for any."),
        ("hazard_class", "string", "The hazard class it is about, in lower case; null for any."),
        ("valid_from", "date", "First day of the rule; null since ever."),
        ("valid_to", "date", "First day on which it no longer holds; null while it does."),
        ("note", "string", "Why there is the rule."),
        ("source", "string", "Source that delivered it."),
        ("updated_at", "timestamp", "When it was last changed; null if the source does not tell."),
    ],
)
SHIPMENT_ITEMS = _table(
    "shipment_items",
    "outcomes",
    "marketplace shipment_id product_id",
    "Items of shipments as last delivered.",
    [
        ("marketplace", "string", "Marketplace the product is sold in."),
        ("shipment_id", "string", "The retailer's identifier of the shipment."),
        ("product_id", "string", "The product; several of it in a shipment are one item."),
        ("package_type", "string", "Package type it went in."),
        ("shipped_at", "timestamp", "When it was shipped."),
        ("items", "bigint", "Items in the same package, as delivered."),
        ("propensity", "double", "Probability of the package where it was drawn at random; null if chosen."),
        ("updated_at", "timestamp", "When the source last corrected the row; null if it does not tell."),
        ("source", "string", "Source that delivered it last."),
        ("period", "string", "Month shipped, yyyy-MM."),
    ],
    "period",
)
DAMAGE_REPORTS = _table(
    "damage_reports",
    "outcomes",
    "source marketplace report_id",
    "Returns and reviews as last delivered, damage or not, and what the rules make of them.",
    [
        ("source", "string", "Source that delivers it."),
        ("marketplace", "string", "Marketplace the product is sold in."),
        ("report_id", "string", "Identifier of the return or review; begins with # where the source gives none."),
        ("kind", "string", "`returns` or `reviews`."),
        ("product_id", "string", "The product it speaks of."),
        ("shipment_id", "string", "The shipment it names; null if none."),
        ("reported_at", "timestamp", "When it was returned or reviewed."),
        ("reason_code", "string", "Reason of a return, as mapped in the source."),
        ("stars", "double", "Stars of a review."),
        ("text", "string", "The customer's words."),
        ("language", "string", "Language code of a review."),
        ("updated_at", "timestamp", "When the source last corrected the row; null if it does not tell."),
        (
            "verdict",
            "string",
            "`damage` of the shipment it names; without one `same_damage` (of a shipment already damaged), `placed` (on a "
            "shipment drawn by hash) or `bounded` (it could belong to several package types); else why it does not count.",
        ),
        (
            "damaged_shipments",
            "array<string>",
            "The shipment it damaged; where bounded, one of each package type that may be meant.",
        ),
        ("period", "string", "Month reported, yyyy-MM."),
    ],
    "period",
)
DAMAGE_READERS = _table(
    "damage_readers",
    "reader",
    "reader_id",
    "Readers learned from what customers wrote; outcomes uses the newest, or the one that `outcomes.damage_reader` names.",
    [
        ("reader_id", "string", "Digest of what the reader reads, and of the list of words that it was measured beside."),
        ("fitted_at", "timestamp", "When it was fitted."),
        ("first_month", "string", "First month of the texts, yyyy-MM."),
        ("last_month", "string", "Last month of the texts."),
        ("texts", "long", "Comments of returns, and reviews that name a shipment, that it was fitted on."),
        ("damage_texts", "long", "Of these, of what came back for damage."),
        ("words", "string", "Digest of the list of words that was measured beside it."),
        ("folds", "map<string, int>", "Month to the row of weights that was fitted without its texts."),
        ("calibrations", "map<string, array<double>>", "Language (`*`: all) to slope and intercept of P(came back for damage)."),
        (
            "weights",
            "binary",
            "Weight of each hashed word and n-gram, float32, little-endian: a row fitted on all texts, which reads later "
            "months, then the rows that `folds` names.",
        ),
        _RUN,
    ],
)
DAMAGE_READER_RATES = _table(
    "damage_reader_rates",
    "reader",
    "reader_id population source language speaker threshold",
    "How often a reader was right about texts that it was not fitted on, as counts.",
    [
        ("reader_id", "string", "The reader."),
        (
            "population",
            "string",
            "`reviews` with few stars that name a shipment, or `comments` of returns, each month read by a reader that was "
            "fitted on others; `last_month_reviews` and `last_month_comments`, by one fitted on the months before.",
        ),
        ("source", "string", "Source of the texts; `*` for all."),
        ("language", "string", "Language of the texts; `*` for all, and for what nobody tells the language of."),
        ("speaker", "string", "`words`, `learned`, or `either`: one of them says damage."),
        ("threshold", "double", "P(came back for damage) from which the learned reader says damage; 0 of words."),
        ("found", "long", "Texts that it takes for damage, of what came back for damage."),
        ("damage", "long", "Texts of what came back for damage."),
        ("false_alarms", "long", "Texts that it takes for damage, of what came back for another reason or not at all."),
        ("others", "long", "Of these."),
    ],
)
HUMAN_TESTS = _table(
    "human_tests",
    "outcomes",
    "marketplace test_id",
    "Human tests as last delivered.",
    [
        ("marketplace", "string", "Marketplace the product is sold in."),
        ("test_id", "string", "Identifier of the test."),
        ("product_id", "string", "The product tested."),
        ("package_type", "string", "The package type tested."),
        ("result", "string", "`SAFE` or `UNSAFE`."),
        ("draw_probability", "double", "Probability with which the pair was drawn; null where a person chose it."),
        ("draw_round", "string", "Which random draw chose the pair."),
        ("tested_at", "timestamp", "When it was tested."),
        ("updated_at", "timestamp", "When the source last corrected the row; null if it does not tell."),
        ("source", "string", "Source that delivered it last."),
    ],
)
OUTCOME_BUCKETS = _table(
    "outcome_buckets",
    "outcomes",
    "bucket",
    "By which rules and up to which day each hash bucket of products was counted; delete it to count all anew.",
    [
        ("bucket", "int", "Hash bucket of the products."),
        ("rules", "string", "Digest of the label rules."),
        ("watermarks", "map<string,date>", "By marketplace, day up to which returns had been delivered."),
        ("pending_from", "date", "Day from which a run that was stopped had new rows; null after one that ended."),
    ],
)
PAIR_OUTCOMES = _table(
    "pair_outcomes",
    "outcomes",
    "marketplace product_id package_type period",
    "Shipments and damages of a pair in a month.",
    [
        *_PAIR,
        ("period", "string", "Month, yyyy-MM."),
        ("n", "bigint", "Shipments whose return window is closed."),
        ("k", "bigint", "Of these, reported damaged."),
        (
            "k_upper",
            "bigint",
            "k and those that reports naming no shipment may mean; what SAFE and certificates count.",
        ),
        ("n_random", "bigint", "Shipments whose package was drawn at random."),
        ("k_random", "bigint", "Of these, reported damaged."),
        ("n_random_single", "bigint", "Of n_random, shipments of one item."),
        (
            "draw_damaged",
            "boolean",
            "Damage, as k_upper counts it, of one shipment of the period drawn by hash (the smallest hash).",
        ),
        ("draw_hash", "bigint", "Hash of the drawn shipment, to draw one over all periods."),
        (
            "random_draw_damaged",
            "boolean",
            "The same among those of n_random_single; null without any.",
        ),
        ("random_draw_hash", "bigint", "Hash of that shipment; null without any."),
        ("random_draw_k", "bigint", "What that shipment adds to k."),
        ("random_draw_k_upper", "bigint", "What it adds to k_upper."),
        ("random_draw_propensity", "double", "Probability of its package."),
        ("propensity_sum", "decimal(20,10)", "Sum of the probabilities of packages drawn at random; null without any."),
        ("least_propensity", "double", "The smallest of those of n_random_single."),
    ],
    "period",
)
PAIR_TESTS = _table(
    "pair_tests",
    "outcomes",
    "marketplace product_id package_type source",
    "What is known of a pair's safety.",
    [
        *_PAIR,
        ("source", "string", "`shipments` or `human_test`."),
        ("label", "string", "SAFE, UNSAFE or UNKNOWN against tau."),
        ("n", "bigint", "Shipments or tests behind it."),
        ("k", "bigint", "Damaged shipments, or tests with UNSAFE."),
        ("k_upper", "bigint", "Shipments that may be damaged, which `upper` counts; null for a human test."),
        ("lower", "double", "Clopper-Pearson lower bound of the damage rate; null for a human test."),
        ("upper", "double", "Clopper-Pearson upper bound; null for a human test."),
        ("eligible", "boolean", "May evaluate or certify, decided without the outcome."),
        (
            "draw_probability",
            "double",
            "Probability of the first random draw that chose the pair for a test; null if none.",
        ),
        ("tested_on", "date", "Day of the first human test; null for shipments."),
        ("draw_round", "string", "Round of that draw; null if none or not told."),
        ("propensity", "double", "Mean probability of the package under random assignment; null if chosen."),
    ],
)
TRAINING_EXAMPLES = _table(
    "training_examples",
    "outcomes",
    "marketplace product_id package_type",
    "One pair the model learns from or is tried on.",
    [
        *_PAIR,
        ("group_id", "string", "Connected component of family, content and universal id."),
        ("split", "string", "train, validation, calibrate, certify or test."),
        (
            "label",
            "string",
            "SAFE, UNSAFE or UNKNOWN; a human test overrules shipments, unless it leaves the pair UNKNOWN.",
        ),
        (
            "target",
            "double",
            "P(damage rate > tau): 0 or 1 by a label from n_min shipments on, else its posterior; after a human test the "
            "posterior of that, 0 or 1 where testers do not err.",
        ),
        ("weight", "double", "Weight in the loss."),
        ("n", "bigint", "Shipments, for the damage rate."),
        ("k", "bigint", "Damaged shipments."),
        ("eligible", "boolean", "May evaluate or certify."),
        ("by_human_test", "boolean", "There is a human test."),
        ("draw_probability", "double", "Of the human test; null if chosen or none."),
        ("draw_round", "string", "Of the human test; null if chosen, none or not told."),
        ("less_protective", "boolean", "Less protective than anything the product was shipped in by policy."),
        ("sample_hash", "bigint", "xxhash64 of the key and the split salt: every draw follows from it."),
    ],
)
EMBEDDINGS = _table(
    "embeddings",
    "encode",
    "modality content_key encoder",
    "One encoded text or photo.",
    [
        ("modality", "string", "`text` or `image`."),
        ("content_key", "string", "text_key or image_key."),
        ("encoder", "string", "Weights, engine, precision and preprocessing."),
        ("error", "string", "Error code, null if encoded."),
        ("error_permanent", "boolean", "True where trying again cannot help; null without error."),
        ("warning", "string", "Code of what is odd about an encoded photo, such as IMAGE_FLAT."),
        ("attempts", "int", "Runs that asked in vain, one after the other; null where asking again is no use or free."),
        ("next_try", "date", "First day of a run that asks again."),
        ("tokens", "int", "Tokens before cutting (text)."),
        ("unknown_tokens", "int", "Of these, unknown to the encoder."),
        ("encoded_at", "timestamp", "When."),
        ("vector", "array<float>", "The vector, null where error is set."),
    ],
    partition_by="modality",
)
PRODUCT_VECTORS = _table(
    "product_vectors",
    "score",
    "model_version content_key",
    "A product's small vector under one model.",
    [
        ("model_version", "string", "Digest of the model directory."),
        ("content_key", "string", "Hash of text_key, encoded image keys, buckets and marketplace."),
        ("vector", "array<float>", "Small vector."),
    ],
    partition_by="model_version",
)
_SCORES: list[tuple[str, str, str]] = [
    *_PRODUCT,
    ("bucket", "int", "Hash bucket of the product."),
    ("package_types", "array<string>", "Package types of the marketplace, in order of name; the lists below go with it."),
    ("fits", "array<boolean>", "The product fits; null where its size is unknown."),
    ("risk", "array<float>", "Calibrated P(damage rate > tau); null exactly where error is set."),
    (
        "damage_rate",
        "array<float>",
        "Calibrated expected rate of reported damages a shipment; null exactly where error is set.",
    ),
    ("void_share", "array<double>", "Share of the package left empty."),
    ("error", "array<string>", "NO_INPUT, PACKAGE_INVALID or INTERNAL; null if scored."),
    ("views_used", "int", "Photos behind the risks."),
    ("warnings", "array<string>", "Codes such as IMAGE_FAILED, NO_TEXT, NO_SIZE."),
    ("fingerprint", "string", "Digest of everything that changes the result."),
    ("model_version", "string", "Digest of the model directory."),
    _RUN,
    ("scored_at", "timestamp", "When."),
]
SCORES = _table(
    "scores",
    "score",
    "marketplace product_id",
    "A product in every package type of its marketplace; `leastpack.pairs` opens it to a row a pair.",
    _SCORES,
    partition_by="bucket",
)
SCORES_OF_CANDIDATE = _table(
    "scores_of_candidate",
    "score --candidate",
    "marketplace product_id",
    "The same under a candidate model, which is not in use.",
    _SCORES,
    partition_by="bucket",
)
# What earlier releases pin; nothing writes it any more.
PAIR_SCORES = _table(
    "pair_scores",
    "score",
    "marketplace product_id package_type",
    "Scores of earlier releases: one product x package type of its marketplace.",
    [
        *_PAIR,
        ("bucket", "int", "Hash bucket of the product."),
        ("fits", "boolean", "The product fits; null where its size is unknown."),
        ("risk", "float", "Calibrated P(damage rate > tau); null exactly where error is set."),
        ("damage_rate", "float", "Calibrated expected rate of reported damages a shipment; null where error is set."),
        ("void_share", "double", "Share of the package left empty."),
        ("views_used", "int", "Photos behind the risk."),
        ("warnings", "array<string>", "Codes such as IMAGE_FAILED, NO_TEXT, NO_SIZE."),
        ("error", "string", "NO_INPUT, PACKAGE_INVALID or INTERNAL; null if scored."),
        ("fingerprint", "string", "Digest of everything that changes the result."),
        ("model_version", "string", "Digest of the model directory."),
        _RUN,
        ("scored_at", "timestamp", "When."),
    ],
    partition_by="bucket",
)
_CELL = (
    "cell",
    "string",
    "Pool of marketplaces (`*` for all), and `photos`, `no_photos` or `either`, such as `*/photos`.",
)
_ROUND_ID = ("round_id", "string", "Round.")
_DIGEST = ("policy_digest", "string", "Digest of all that choices and their promise follow from, besides products.")
_CHOICE = ("choice_digest", "string", "Digest of the model, costs and package types that choices follow from.")
POLICY_ROUNDS = _table(
    "policy_rounds",
    "certify",
    "round_id cell",
    "A round of tests or trial shipments of a policy, as it was planned before any of its results.",
    [
        _ROUND_ID,
        _CELL,
        ("model_version", "string", "Model of the risks."),
        _DIGEST,
        _CHOICE,
        ("settings_digest", "string", "Digest of the same less the model, and of the settings that it is trained by."),
        ("policy", "string", "What the policy's digest is of, as JSON."),
        (
            "labels",
            "string",
            "`audit`: tests of people; `pilot`: trial shipments; `random`: past shipments assigned at random. "
            "Null means audit.",
        ),
        ("method", "string", "`exact` test, or `betting` on all shipments of a product; fixed before labels."),
        (
            "population",
            "string",
            "Audit: drawn from a `panel` of the catalog, or from a `list` of frozen moves. Null means panel.",
        ),
        ("alpha", "double", "Promised bound."),
        ("delta", "double", "What the attempt may spend, for all cells of the round together."),
        ("levels", "array<double>", "Levels of risk in the order of their tests; empty if none is likely to pass."),
        ("planned_moves", "array<double>", "Drawn products expected to move at each level."),
        ("chance", "array<double>", "Probability that each level passes, as planned."),
        ("moving", "array<double>", "Share of the cell's products that moves at each level."),
        ("products", "bigint", "Products of the cell, as estimated from the sample."),
        ("listed", "array<bigint>", "Of a list, and of past shipments: products of the cell that move at each level."),
        ("seed", "int", "Seed of the hash."),
        ("hash_from", "double", "Products whose hash lies from here ..."),
        ("hash_to", "double", "... to below this were drawn: the difference is the probability of each."),
        ("drawn", "bigint", "Products drawn."),
        ("tests", "bigint", "Pairs that the round asks for: each distinct move of a drawn product."),
        ("to_test", "bigint", "Of these, without any test on the day of the draw."),
        ("price_moving", "array<double>", "Share of the cell's products that would move at some levels ..."),
        ("price_tests", "array<bigint>", "... and the tests of moved products that each would take in 9 of 10 cases."),
        ("drawn_on", "date", "Day of the draw."),
        (
            "test_until",
            "date",
            "Audit: tests without a result on this day count as UNSAFE. Pilot: it assigns until here.",
        ),
    ],
)
ROUND_CHOICES = _table(
    "round_choices",
    "certify",
    "round_id marketplace product_id",
    "What a round's policy chooses for a drawn product that moves at one of its levels; of a list, for all on it.",
    [
        _ROUND_ID,
        *_PRODUCT,
        _CELL,
        ("choices", "array<string>", "Package type that it moves to at each level; null where it does not move."),
        ("drawn", "boolean", "Whether its moves are tested; null means that they are."),
    ],
)
ROUND_EXCLUSIONS = _table(
    "round_exclusions",
    "certify",
    "round_id marketplace product_id package_type",
    "A pair that the policy of a round never chooses, whatever is proven or ruled later.",
    [
        _ROUND_ID,
        *_PAIR,
        ("disproved", "boolean", "It was proven unsafe before the round was drawn."),
        ("ruled", "boolean", "A rule banned it then, or pinned its product to another type."),
    ],
)
CERTIFICATE_ATTEMPTS = _table(
    "certificate_attempts",
    "certify",
    "attempt_id",
    "One reading of a round's results, passed or failed, and the delta that it spent.",
    [
        ("attempt_id", "string", "Attempt."),
        _ROUND_ID,
        ("model_version", "string", "Model of the risks."),
        _DIGEST,
        ("attempted_on", "date", "Day."),
        ("delta", "double", "What it spent."),
        ("passed", "boolean", "Some cell was certified."),
        (
            "pair_tests_version",
            "bigint",
            "Version of pair_tests that was read; pilot: of pilot_outcomes, random: of pair_outcomes.",
        ),
        _RUN,
    ],
)
CERTIFICATES = _table(
    "certificates",
    "certify",
    "certificate_id",
    "What became of one cell of a round, also where nothing is certified.",
    [
        ("certificate_id", "string", "Hash of round and cell."),
        _ROUND_ID,
        _CELL,
        ("status", "string", "`certified`, `failed`, `waiting` (for results) or `not_drawn`."),
        ("model_version", "string", "Model it speaks of."),
        _DIGEST,
        _CHOICE,
        ("marketplaces", "array<string>", "Marketplaces of the pool."),
        ("stratum", "string", "`photos`, `no_photos`, or `either` where one alone was too small."),
        ("promise", "string", "The promise as a sentence."),
        ("alpha", "double", "Promised bound: of the unsafe share of products that move, or of their mean damage rate."),
        ("delta", "double", "Probability with which this cell may break it; null before its test."),
        ("level", "double", "Products move to packages with at most this risk; null if none is certified."),
        (
            "labels",
            "string",
            "`audit`: tests of products drawn with equal probability; `pilot`: their trial shipments; `random`: past "
            "shipments assigned at random.",
        ),
        ("n", "bigint", "Drawn products that move at the level (the first one tested, if none passed)."),
        (
            "k",
            "bigint",
            "Audit: of these, unsafe where they move to, or without a result. Pilot, random: damaged shipments.",
        ),
        ("shipments", "bigint", "Pilot, random: shipments of these in the packages that they move to."),
        (
            "missing",
            "bigint",
            "Audit: of k, without a result. Pilot: products without a shipment, in none of the above.",
        ),
        ("upper_bound", "double", "Upper bound of the rate that is promised, at this cell's delta."),
        ("moving", "double", "Share of the cell's products that moves at the level, as planned."),
        ("products", "bigint", "Products of the cell."),
        ("listed", "bigint", "Moves on the list at the level: only they are certified; null if not of a list."),
        ("taken_out", "bigint", "List: of k, found unsafe and left out of the promise, and of the moves."),
        ("why_none", "string", "Why nothing is certified; null if something is."),
        (
            "tests_needed",
            "bigint",
            "Tests that the cheapest level would take, as planned; null where no number would do.",
        ),
        ("price_moving", "array<double>", "Share of the cell's products that would move at some levels ..."),
        ("price_tests", "array<bigint>", "... and the tests of moved products that each would take in 9 of 10 cases."),
        ("issued_on", "date", "Day."),
        _RUN,
    ],
)
PILOTS = _table(
    "pilots",
    "pilot",
    "pilot_id marketplace product_id package_type",
    "What a share of a drawn product's shipments of one item go out in, for packing stations to read.",
    [
        ("pilot_id", "string", "Pilot: the round that it is of."),
        *_PAIR,
        ("control", "boolean", "It is today's package, counted beside the moves."),
        ("begins", "double", "Shipments whose number (docs/pilots.md) is at least this ..."),
        ("ends", "double", "... and below this."),
        ("starts_on", "date", "First day of shipping."),
        ("ends_on", "date", "First day on which nothing is assigned any more."),
        ("stopped_on", "date", "First day on which nothing is assigned since it was stopped; null if it was not."),
        (
            "stopped_by_damage",
            "boolean",
            "Its own shipments broke too often: not a person stopped it, nor the others'.",
        ),
        ("why_stopped", "string", "Why."),
    ],
)
PILOT_OUTCOMES = _table(
    "pilot_outcomes",
    "outcomes",
    "pilot_id marketplace product_id package_type period",
    "Shipments that a pilot assigned to a package, in one month, whatever they went out in.",
    [
        ("pilot_id", "string", "Pilot."),
        *_PAIR,
        ("period", "string", "Month shipped, yyyy-MM."),
        ("n", "bigint", "Shipments whose return window is over."),
        ("k_upper", "bigint", "Of these, damaged or maybe damaged."),
        ("overruled", "bigint", "Of n, gone out in another package."),
        ("k_test", "bigint", "What certifies counts: of n, damaged, maybe damaged, or gone out in another package."),
        ("first_at", "timestamp", "When the first of them was shipped."),
        ("first_bad", "boolean", "Whether that one is among k_test."),
    ],
)
CERTIFICATE_TYPES = _table(
    "certificate_types",
    "certify",
    "certificate_id package_type",
    "What a round's labels say of one package type among the products that move.",
    [
        ("certificate_id", "string", "Certificate."),
        ("package_type", "string", "Package type."),
        ("n", "bigint", "Drawn products that move to it."),
        ("k", "bigint", "Of these, unsafe there."),
        ("upper_bound", "double", "Exact upper bound of the unsafe share."),
        ("verdict", "string", "`shown`, `contradicted` (withdrawn: its products stay) or `open`."),
    ],
)
CERTIFICATE_EVENTS = _table(
    "certificate_events",
    "pause and resume",
    "",
    "Somebody stopped all certified moves, or let them go on: a row, never an edit.",
    [
        ("at", "timestamp", "When."),
        ("event", "string", "`paused` or `resumed` by a person."),
        ("why", "string", "Why."),
        _RUN,
    ],
)
_REASONS = (
    "certified_move, by_order, proven_safe, proven_unsafe, doubtful, high_risk, does_not_fit, size_unknown, not_in_use, "
    "banned, or the score's error."
)
DECISIONS = _table(
    "decisions",
    "decide",
    "marketplace product_id",
    "What happens with a product in every package type of its marketplace; `leastpack.pairs` opens it to a row a pair.",
    [
        *_PRODUCT,
        ("bucket", "int", "Hash bucket of the product."),
        ("package_types", "array<string>", "Package types, in order of name; the lists below go with it."),
        ("decision", "array<string>", "CERTIFIED, TEST, REJECTED, INFEASIBLE or UNSCORED."),
        ("reason", "array<string>", _REASONS),
        ("risk", "array<float>", "The score's risk that it was decided on; null exactly where UNSCORED."),
        ("fits", "array<boolean>", "The score's fit that it was decided on."),
        ("recommended", "string", "The package type recommended for the product; null where nothing fits."),
        ("moves", "boolean", "The recommended type is another than today's package."),
        ("model_version", "string", "Model behind it."),
        ("certificate_id", "string", "Certificate behind a certified move and what follows from it by order."),
        _RUN,
    ],
    partition_by="bucket",
)
# What earlier releases pin; nothing writes it any more.
PAIR_DECISIONS = _table(
    "pair_decisions",
    "decide",
    "marketplace product_id package_type",
    "Decisions of earlier releases: one product x package type of its marketplace.",
    [
        *_PAIR,
        ("bucket", "int", "Hash bucket of the product."),
        ("decision", "string", "CERTIFIED, TEST, REJECTED, INFEASIBLE or UNSCORED."),
        ("reason", "string", _REASONS),
        ("risk", "float", "The score's risk that it was decided on; null exactly where UNSCORED."),
        ("fits", "boolean", "The score's fit that it was decided on."),
        ("recommended", "boolean", "It is the package recommended for the product."),
        ("moves", "boolean", "It is recommended, and another than today's package."),
        ("model_version", "string", "Model behind it."),
        ("certificate_id", "string", "Certificate behind a certified move and what follows from it by order."),
        _RUN,
    ],
    partition_by="bucket",
)
RECOMMENDATIONS = _table(
    "recommendations",
    "decide",
    "marketplace product_id",
    "The package a product should ship in.",
    [
        *_PRODUCT,
        ("package_type", "string", "Chosen type; null where nothing fits or the size is unknown."),
        ("current_package_type", "string", "Most shipped in the last closed month; null if never shipped."),
        ("moved_from", "string", "Type before leastpack moved the product; null if it did not, or it had none."),
        ("on_trial", "array<string>", "Types that leastpack moved it to since, and that nothing has proven safe yet."),
        ("safe_default", "string", "Least costly safe-default type that fits; null if none."),
        (
            "reason",
            "string",
            "moved, first, kept, suspended, away_from_rejected, proven_safe, size_conflict, safe_default or "
            "nothing_fits.",
        ),
        (
            "why_not_moved",
            "string",
            "Of a kept product: unscored, nothing_lighter_fits, proven_unsafe, type_withdrawn, saving_too_small, "
            "unsupported, no_certificate, held_back or above_level; null otherwise.",
        ),
        ("certificate_id", "string", "Certificate that it moves by; null if by none."),
        ("expected_damage_cost", "double", "damage_cost * price * damage rate of the chosen type."),
        ("package_cost", "double", "Cost of the chosen type."),
        (
            "weight_saved_g",
            "double",
            "Tare of the type that it ships in without leastpack minus tare of the chosen one; null without one.",
        ),
        ("alternatives", "array<string>", "Certified or proven types in order of total cost."),
        ("changed_at", "timestamp", "When the row last changed."),
    ],
)
TRIALS = _table(
    "trials",
    "publish",
    "marketplace product_id",
    "A product that the last release moved, or an earlier one, as long as nothing has proven its new package safe.",
    [
        *_PRODUCT,
        ("moved_from", "string", "Type before leastpack moved it: it counts as today's; null if it had none."),
        ("on_trial", "array<string>", "Types that leastpack moved it to since."),
    ],
)
RECOMMENDATION_CHANGES = _table(
    "recommendation_changes",
    "publish",
    "release_id marketplace product_id",
    "A recommendation that a release changed.",
    [
        ("release_id", "string", "Release."),
        *_PRODUCT,
        ("old", "string", "Package type before; null if none."),
        ("new", "string", "Package type now; null if none."),
        (
            "cause",
            "string",
            "new_product, changed_product, delisted_product, new_model, revoked_certificate, withdrawn_package or other.",
        ),
    ],
)
TEST_QUEUE = _table(
    "test_queue",
    "decide",
    "marketplace product_id package_type",
    "A pair a human should test.",
    [
        *_PAIR,
        ("test_id", "string", "Identifier to report the result under."),
        ("rank", "int", "Place in the queue, 1 first."),
        ("why", "string", "`audit`: a round asks for it; `doubtful`: a pass would let the product move."),
        ("risk", "double", "Risk when queued."),
        ("weight_saved_g", "double", "Weight a pass would save a shipment."),
        ("draw_probability", "double", "Probability of the product in the round's draw; null for a doubtful pair."),
        ("draw_round", "string", "The round; null for a doubtful pair."),
        _RUN,
    ],
)
TEST_REQUESTS = _table(
    "test_requests",
    "queue",
    "marketplace test_id",
    "A test that a sheet asked for: what its result will belong to.",
    [
        ("marketplace", "string", "Marketplace the product is sold in."),
        ("test_id", "string", "Identifier of the test."),
        ("product_id", "string", "The product to test."),
        ("package_type", "string", "The package type to test it in."),
        ("draw_probability", "double", "Probability of a random draw, as queued; null for a doubtful pair."),
        ("draw_round", "string", "Name of the random draw; null for a doubtful pair."),
        ("asked_on", "date", "Day of the first sheet that asked for it."),
    ],
)
TEST_RESULTS = _table(
    "test_results",
    "queue",
    "marketplace test_id",
    "A result that came back in a sheet; the outcomes step takes it in as a human test.",
    [
        ("marketplace", "string", "Marketplace the product is sold in."),
        ("test_id", "string", "Identifier of the test."),
        ("product_id", "string", "The product tested."),
        ("package_type", "string", "The package type tested."),
        ("result", "string", "`SAFE` or `UNSAFE`."),
        ("draw_probability", "double", "Of the request."),
        ("draw_round", "string", "Of the request."),
        ("tested_at", "timestamp", "Day of the test, at 12:00 UTC."),
        ("tester", "string", "Who tested it, as the sheet says; null if it does not."),
        ("note", "string", "What the tester noted."),
    ],
)
RELEASES = _table(
    "releases",
    "publish",
    "",
    "One published release; the newest row is current.",
    [
        ("release_id", "string", "Release."),
        ("model_version", "string", "Model of its scores."),
        ("versions", "map<string,bigint>", "Delta version of every released table."),
        ("audit", "string", "Audit results as JSON."),
        ("status", "string", "`published` or `rolled_back_to`."),
        ("published_at", "timestamp", "When."),
        _RUN,
    ],
)
# The figure of training_metrics that names the version of training_examples a model was made from.
EXAMPLES_VERSION = "training_examples_version"
TRAINING_METRICS = _table(
    "training_metrics",
    "train",
    "",
    "A figure of one training, a step or an epoch.",
    [
        ("model_version", "string", "Digest of the model directory it led to."),
        ("phase", "string", "Training phase."),
        ("epoch", "int", "Epoch, from 0."),
        ("step", "int", "Step over all epochs; null for a figure of an epoch."),
        (
            "name",
            "string",
            "loss, learning_rate, validation_loss, validation_pr_auc, rows, ..., training_examples_version.",
        ),
        ("value", "double", "Value."),
        _RUN,
    ],
)
QUARANTINE = _table(
    "quarantine",
    "catalog",
    "step source row_hash",
    "A raw row that could not be used.",
    [
        ("step", "string", "Step that met it."),
        ("source", "string", "Source it came from."),
        ("row_hash", "string", "SHA-256 of the raw row and of its occurrence."),
        ("code", "string", "Typed error code."),
        ("why", "string", "The same as a sentence."),
        ("seen_at", "timestamp", "When first met."),
        ("raw", "string", "The raw row as JSON."),
    ],
)
RUNS = _table(
    "runs",
    "every step",
    "",
    "One run of one step.",
    [
        ("step", "string", "Step."),
        _RUN,
        ("status", "string", "`done` or `failed`."),
        ("started_at", "timestamp", "Start."),
        ("seconds", "map<string,double>", "Seconds by phase."),
        ("code_version", "string", "leastpack's version."),
        ("config_digest", "string", "Digest of the resolved config."),
        ("inputs", "map<string,bigint>", "Delta versions read: of tables, and of sources in Delta as `source:<name>`."),
        ("account", "string", "The balanced account as JSON, and what each guard counted and whether it was accepted."),
        ("figures", "map<string,double>", "Other figures, such as unknown-token shares."),
        ("error", "string", "Why it failed; null if done."),
        ("config", "string", "Resolved config as JSON."),
    ],
)

ALL: tuple[Table, ...] = (
    PRODUCTS,
    PRODUCT_IMAGES,
    PACKAGE_TYPES,
    PACKAGING_RULES,
    SHIPMENT_ITEMS,
    DAMAGE_REPORTS,
    DAMAGE_READERS,
    DAMAGE_READER_RATES,
    HUMAN_TESTS,
    OUTCOME_BUCKETS,
    PAIR_OUTCOMES,
    PILOT_OUTCOMES,
    PAIR_TESTS,
    TRAINING_EXAMPLES,
    EMBEDDINGS,
    PRODUCT_VECTORS,
    SCORES,
    SCORES_OF_CANDIDATE,
    POLICY_ROUNDS,
    PILOTS,
    ROUND_CHOICES,
    ROUND_EXCLUSIONS,
    CERTIFICATE_ATTEMPTS,
    CERTIFICATES,
    CERTIFICATE_TYPES,
    CERTIFICATE_EVENTS,
    DECISIONS,
    RECOMMENDATIONS,
    TRIALS,
    RECOMMENDATION_CHANGES,
    TEST_QUEUE,
    TEST_REQUESTS,
    TEST_RESULTS,
    RELEASES,
    TRAINING_METRICS,
    QUARANTINE,
    RUNS,
)
BY_NAME: dict[str, Table] = {table.name: table for table in (*ALL, PAIR_SCORES, PAIR_DECISIONS)}
