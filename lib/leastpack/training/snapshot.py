"""The training snapshot: the products of every phase and split with their pairs as Parquet files, in seeded order.

Rows and their order follow from hashes of their keys alone, so the files are the same on any number of partitions,
byte for byte. Files are written under new names into a folder of their own; the manifest comes last, and without it
there is no snapshot. What a killed run left behind is deleted by the next one.
"""

from __future__ import annotations

import hashlib
import math
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from leastpack.catalog.geometry import void_share
from leastpack.config.training import TrainingConfig
from leastpack.files import child, delete_folder, is_file, names_in, open_folder
from leastpack.log import log
from leastpack.model.features import NUMERIC, build_features
from leastpack.model.spec import ModelSpec
from leastpack.training.arms import in_phase, phases_of
from leastpack.training.draws import hashes, uniform
from leastpack.training.examples import HELD_OUT, KEY, PRODUCT, USED, Counts
from leastpack.training.manifest import MANIFEST, Manifest, PartFile, read_manifest
from leastpack.training.packages import PackageRow
from leastpack.training.rows import PAIR, ROW, SCHEMA, pack, pack_pairs

GROUPS_PER_FILE = 32
MOST_ROWS = 128  # of a row group: some 2 MB
PRODUCTS_AT_ONCE = 256
SIZES = ("length_cm", "width_cm", "height_cm")
FEATURE_INPUTS = ("marketplace", "text", "text_vector", "image_vectors", *NUMERIC)

TOLD = ("target", "weight", "n", "k", "unsafe", "eligible", "less_protective", "audit_weight")  # of a pair's example

_PLACED = (
    "part string, file int, position bigint, key bigint, marketplace string, product_id string, package_type string, \
group_key bigint, target double, weight double, n bigint, k bigint, unsafe boolean, eligible boolean, \
less_protective boolean, audit_weight double"
)
_PRODUCT = (
    "marketplace string, product_id string, length_cm double, width_cm double, height_cm double, numeric binary, \
market int, text binary, ngrams binary, images binary"
)
_WRITTEN = "part string, file int, path string, products bigint, pairs bigint, digest string"


@dataclass(frozen=True)
class Recipe:
    """What a snapshot is made by.

    Attributes:
        config: The training section.
        spec: The model that will be trained.
        packages: All package types; a pair carries the place of its own.
        counts: What there is to train on.
    """

    config: TrainingConfig
    spec: ModelSpec
    packages: tuple[PackageRow, ...]
    counts: Counts

    @property
    def group_rows(self) -> int:
        """Rows of a row group: no more than a micro-batch, so that small parts have one for every lane of a step."""
        return min(MOST_ROWS, self.config.micro_batch)

    def files_of(self, part: str) -> int:
        """Number of files a part is cut into, by hash."""
        phases = {phase.name: phase for phase in phases_of(self.config)}
        products = self.counts.products["train" if part in phases else part]
        if part in phases:
            products = min(products, self.counts.rows_of(phases[part]).rows)
        return max(1, math.ceil(products / (GROUPS_PER_FILE * self.group_rows)))


def make_snapshot(
    root: str, fingerprint: str, versions: Mapping[str, int], recipe: Recipe, examples: DataFrame, products: DataFrame
) -> Manifest:
    """Write the snapshot, or find it whole from an earlier run; other snapshots under the root are deleted.

    Args:
        root: Absolute location that holds snapshots, one at a time.
        fingerprint: Digest of everything the training follows from; names the snapshot.
        versions: Pinned versions of the tables.
        recipe: What it is made by.
        examples: Output of `used_examples`.
        products: Output of `product_inputs`.

    Returns:
        The manifest of the whole snapshot.
    """
    _delete_others(root, fingerprint)
    place = child(root, fingerprint)
    files = open_folder(place)
    if is_file(files, MANIFEST):
        log.info("snapshot is there already", fingerprint=fingerprint)
        return read_manifest(files, place)
    delete_folder(open_folder(root), fingerprint)
    placed = gather_pairs(place_pairs(examples, recipe))
    used = examples.where(F.col("place").isin(*USED)).select(*PRODUCT).distinct()
    packed = pack_products(products.join(used, on=PRODUCT, how="left_semi"), recipe.spec)
    written = (
        placed.join(packed, on=PRODUCT, how="inner")
        .groupBy("part", "file")
        .applyInArrow(_file_writer(place, recipe), schema=_WRITTEN)
        .collect()
    )
    manifest = Manifest(
        fingerprint=fingerprint,
        versions=dict(versions),
        group_rows=recipe.group_rows,
        packages=tuple(package.name for package in recipe.packages),
        profiles=tuple(package.profile for package in recipe.packages),
        spec=recipe.spec,
        files=tuple(PartFile(*row) for row in sorted(written, key=lambda row: (row["part"], row["file"]))),
    )
    manifest.write(files)
    return manifest


def place_pairs(examples: DataFrame, recipe: Recipe) -> DataFrame:
    """One row for every part an example is in, with the file its product goes to and its position there; see `_PLACED`.

    Whether a pair is in a phase is drawn by its own key, where its product stands by the product's.
    """
    weighted = with_audit_weight(examples.where(F.col("place").isin(*USED)))
    narrow = weighted.select(
        "place",
        *KEY,
        "sample_hash",
        F.xxhash64(*PRODUCT).alias("key"),
        F.xxhash64("group_id").alias("group_key"),
        *(F.col(name).cast("double") for name in ("target", "weight")),
        *(F.col(name).cast("bigint") for name in ("n", "k")),
        (F.coalesce(F.col("label"), F.lit("UNKNOWN")) != "SAFE").alias("unsafe"),
        F.coalesce("eligible", F.lit(False)).alias("eligible"),
        F.coalesce("less_protective", F.lit(False)).alias("less_protective"),
        "audit_weight",
    )
    config, probability = recipe.config, recipe.counts.keep_probability
    phases = phases_of(config)
    cuts = {part: recipe.files_of(part) for part in (*(phase.name for phase in phases), *HELD_OUT)}

    def place(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for frame in frames:
            keys, target = frame["key"].to_numpy(np.int64), frame["target"].to_numpy(np.float64)
            draws = frame["sample_hash"].to_numpy(np.int64)
            split = frame["place"]
            members = {name: (split == name).to_numpy() for name in HELD_OUT}
            for phase in phases:
                members[phase.name] = (split == "train").to_numpy() & in_phase(
                    phase, draws, target, probability, config.seed
                )
            for part, inside in members.items():
                salts = (config.seed, "order", part)
                rows = frame.loc[inside].drop(columns=["place", "sample_hash"])
                rows["part"] = part
                rows["file"] = (uniform(keys[inside], *salts) * cuts[part]).astype(np.int32)
                rows["position"] = hashes(keys[inside], *salts).view(np.int64)
                yield rows

    return narrow.mapInPandas(place, schema=_PLACED)  # type: ignore[arg-type]


def gather_pairs(placed: DataFrame) -> DataFrame:
    """One row a part and product of `place_pairs`, with its `pairs` in order of package name."""
    pair = F.struct("package_type", *TOLD)
    # All pairs of a product are of one group.
    return placed.groupBy("part", "file", "position", "key", *PRODUCT).agg(
        F.min("group_key").alias("group_key"), F.sort_array(F.collect_list(pair)).alias("pairs")
    )


def with_audit_weight(examples: DataFrame) -> DataFrame:
    """Add `audit_weight`: 1 / probability of the human test's draw, over its mean in the round; 0 where nobody drew it.

    Each round estimates the whole population by itself, and rounds count by their rows. Weights compared across rounds
    would have one result of a rare draw outweigh hundreds of an audit.
    """
    drawn = F.col("by_human_test") & (F.col("draw_probability") > 0)
    inverse = F.when(drawn, 1.0 / F.col("draw_probability"))
    named = examples.withColumns({"_inverse": inverse, "_round": F.coalesce("draw_round", F.lit(""))})
    # Decimals add up to the same sum in any order, doubles do not.
    mean = F.mean(F.col("_inverse").cast("decimal(28,8)")).cast("double").alias("_mean")
    means = named.where("_inverse IS NOT NULL").groupBy("place", "_round").agg(mean)
    joined = named.join(F.broadcast(means), on=["place", "_round"], how="left")
    weight = F.coalesce(F.col("_inverse") / F.col("_mean"), F.lit(0.0))
    return joined.withColumn("audit_weight", weight).drop("_inverse", "_round", "_mean")


def pack_products(products: DataFrame, spec: ModelSpec) -> DataFrame:
    """Rows of `product_inputs` as the Parquet columns of a snapshot; see `_PRODUCT`."""

    def pack_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for whole in batches:
            for start in range(0, whole.num_rows, PRODUCTS_AT_ONCE):
                batch = whole.slice(start, PRODUCTS_AT_ONCE)
                inputs = {name: batch.column(name).to_pandas().to_numpy() for name in FEATURE_INPUTS}
                kept = {name: batch.column(name) for name in (*PRODUCT, *SIZES)}
                yield pa.RecordBatch.from_pydict({**kept, **pack(build_features(inputs, spec))})

    columns = list(dict.fromkeys((*PRODUCT, *SIZES, *FEATURE_INPUTS)))
    return products.select(*columns).mapInArrow(pack_batches, schema=_PRODUCT)  # type: ignore[arg-type]


def _file_writer(place: str, recipe: Recipe) -> Callable[[tuple[pa.Scalar, ...], pa.Table], pa.Table]:
    """A function that writes the rows of one file and tells what it wrote."""
    packages, group_rows = recipe.packages, recipe.group_rows

    def write(key: tuple[pa.Scalar, ...], table: pa.Table) -> pa.Table:
        part, number = (scalar.as_py() for scalar in key)
        ordered = table.take(pc.sort_indices(table, [(name, "ascending") for name in ("position", *PRODUCT)]))
        content = parquet_bytes(snapshot_rows(ordered, packages, number, group_rows), group_rows)
        # A new name for every attempt: a second attempt of the same task never writes over what is read already.
        path = f"data/{part}/{number:05d}-{uuid.uuid4().hex[:8]}.parquet"
        files = open_folder(place)
        files.create_dir(f"data/{part}", recursive=True)
        with files.open_output_stream(path) as stream:
            stream.write(content)
        pairs = pc.sum(pc.list_value_length(table["pairs"])).as_py()
        values = [part, number, path, len(table), pairs, hashlib.sha256(content).hexdigest()]
        fields = [name.split()[0] for name in _WRITTEN.split(", ")]
        types = [pa.string(), pa.int32(), pa.string(), pa.int64(), pa.int64(), pa.string()]
        return pa.table([pa.array([v], t) for v, t in zip(values, types, strict=True)], names=fields)

    return write


def snapshot_rows(table: pa.Table, packages: Sequence[PackageRow], number: int, group_rows: int) -> pa.Table:
    """The rows of one file in `SCHEMA`.

    Args:
        table: Output of `gather_pairs` joined to the packed products, in order.
        packages: All package types.
        number: The file's place in its part.
        group_rows: Rows of a row group.
    """
    listed = table["pairs"].combine_chunks()
    counts = pc.list_value_length(listed).to_numpy(zero_copy_only=False).astype(np.int64)
    product = np.repeat(np.arange(len(table)), counts)
    told = listed.flatten()
    pairs = np.zeros(len(told), dtype=PAIR)
    for name in TOLD:
        pairs[name] = told.field(name).to_numpy(zero_copy_only=False)
    places = {(package.marketplace, package.package_type): place for place, package in enumerate(packages)}
    markets = table["marketplace"].to_pandas().to_numpy()[product]
    pairs["package"] = [places[pair] for pair in zip(markets, told.field("package_type").to_pylist(), strict=True)]
    sizes = np.stack([table[name].to_numpy() for name in SIZES], axis=1).astype(np.float64)
    for place in np.unique(pairs["package"]):
        own = pairs["package"] == place
        pairs["void"][own] = void_share(sizes[product[own]], packages[place])
    index = np.arange(len(table))
    made = {
        "file": pa.array(np.full(len(table), number), pa.int32()),
        "group": pa.array(index // group_rows, pa.int32()),
        "pairs": pack_pairs(pairs, counts),
    }
    kept = {name: table[name].cast(kind) for name, kind in ROW.items() if name not in made}
    columns = {**kept, **made}
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA).combine_chunks()


def parquet_bytes(table: pa.Table, group_rows: int) -> bytes:
    """The rows as a Parquet file, in row groups of `group_rows` rows."""
    sink = pa.BufferOutputStream()
    # Vectors of floats neither repeat nor compress; plain pages are what is read fastest.
    pq.write_table(
        table, sink, row_group_size=group_rows, compression="none", use_dictionary=False, write_statistics=False
    )
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _delete_others(root: str, fingerprint: str) -> None:
    files = open_folder(root)
    for name in names_in(files, ""):
        if name != fingerprint and re.fullmatch(r"[0-9a-f]{16}", name):
            log.info("old snapshot deleted", fingerprint=name)
            delete_folder(files, name)
