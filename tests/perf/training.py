"""Workload d: an epoch of training over the same products and pairs, in one process.

row_a_pair     every pair with a copy of its product's vectors, which is read and fused once a pair
row_a_product  the snapshot as it is: a product with its pairs
memory         the micro-batches of row_a_product, read and decoded beforehand
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from tests.perf.timing import Contender

from leastpack.config.training import ModelConfig, TrainingConfig
from leastpack.files import open_folder
from leastpack.model.features import ProductFeatures
from leastpack.model.fused import FusedModel, parameter_groups
from leastpack.model.spec import ModelSpec
from leastpack.training.manifest import Manifest, PartFile, read_manifest
from leastpack.training.packages import PackageRow
from leastpack.training.reader import PartReader
from leastpack.training.rows import Batch, pack
from leastpack.training.snapshot import MOST_ROWS, parquet_bytes, snapshot_rows
from leastpack.training.step import Draws, take_step
from leastpack.training.workers import Alone

TYPES = 6  # pairs of a product
VIEWS, WORDS, BLOCK = 3, 60, 1024
CONFIG = TrainingConfig()
SPEC = ModelSpec.from_config(
    ModelConfig(), text_dim=384, image_dim=1280, marketplaces=["NA"], attributes=["a", "b", "c", "d"],
    text_encoder="t", image_encoder="i", tau=0.01,
)  # fmt: skip
PACKAGES = tuple(PackageRow("NA", f"p{i}", "bag", (i / TYPES,) * 4, None, False, None) for i in range(TYPES))


def contenders(root: Path, products: int) -> Mapping[str, Contender]:
    """Name to what is timed; the snapshots are written first."""
    one = _write(root / "products", products, opened=False)
    each = _write(root / "pairs", products, opened=True)
    held = [list(_epoch(one, lane)) for lane in range(CONFIG.groups_per_step)]
    return {
        "row_a_pair": lambda: _train(_epoch(each, lane) for lane in range(CONFIG.groups_per_step)),
        "row_a_product": lambda: _train(_epoch(one, lane) for lane in range(CONFIG.groups_per_step)),
        "memory": lambda: _train(held),
    }


def _train(lanes: Iterable[Iterable[Batch]]) -> None:
    torch.manual_seed(0)
    model = FusedModel(SPEC).train()
    optimizer = torch.optim.AdamW(parameter_groups(model, CONFIG.weight_decay), lr=CONFIG.learning_rate)
    draws = Draws(CONFIG.seed, 0, CONFIG.modality_dropout)
    for batches in zip(*lanes, strict=True):
        take_step(model, optimizer, list(enumerate(batches)), draws, Alone())


def _epoch(root: Path, lane: int) -> Iterable[Batch]:
    files = open_folder(str(root))
    reader = PartReader(files, read_manifest(files, str(root)), "full")
    return reader.drawn(lane, CONFIG.groups_per_step, CONFIG.micro_batch, CONFIG.seed, 0)


def _write(root: Path, products: int, *, opened: bool) -> Path:
    """A snapshot of random products; opened, each pair is a row with its own copy of the product."""
    shutil.rmtree(root, ignore_errors=True)
    files = open_folder(str(root))
    files.create_dir("data", recursive=True)
    written = []
    for number, start in enumerate(range(0, products, BLOCK)):
        table = _rows(min(BLOCK, products - start), number)
        if opened:
            table = _opened(table)
        content = parquet_bytes(snapshot_rows(table, PACKAGES, number, MOST_ROWS), MOST_ROWS)
        path = f"data/{number}.parquet"
        (root / path).write_bytes(content)
        pairs = len(table) * (1 if opened else TYPES)
        written.append(PartFile("full", number, path, len(table), pairs, hashlib.sha256(content).hexdigest()))
    names, profiles = (tuple(getattr(package, name) for package in PACKAGES) for name in ("name", "profile"))
    Manifest("0" * 16, {}, MOST_ROWS, names, profiles, SPEC, tuple(written)).write(files)
    return root


def _rows(n: int, seed: int) -> pa.Table:
    r = np.random.default_rng(seed)
    product = ProductFeatures(
        text=r.normal(size=(n, SPEC.text_dim)).astype(np.float32),
        text_present=np.ones(n, dtype=bool),
        images=r.normal(size=(n, VIEWS, SPEC.image_dim)).astype(np.float32),
        image_mask=np.ones((n, VIEWS), dtype=bool),
        ngram_ids=r.integers(0, SPEC.hash_buckets, n * WORDS),
        ngram_offsets=np.arange(n) * WORDS,
        numeric=r.integers(1, 64, (n, 5)),
        marketplace=np.ones(n, dtype=np.int64),
    )
    target = r.random((n, TYPES))
    shipped = r.integers(0, 100, (n, TYPES))
    pair = {"weight": 1.0, "k": 0, "unsafe": False, "eligible": True, "less_protective": False, "audit_weight": 0.0}
    pairs = [
        [{"package_type": f"p{j}", "target": target[i, j], "n": int(shipped[i, j]), **pair} for j in range(TYPES)]
        for i in range(n)
    ]
    sizes = {name: np.full(n, 10.0) for name in ("length_cm", "width_cm", "height_cm")}
    keys = {"key": r.integers(-(2**62), 2**62, n), "group_key": np.arange(n)}
    return pa.table({"marketplace": ["NA"] * n, **keys, "pairs": pairs, **sizes, **pack(product)})


def _opened(table: pa.Table) -> pa.Table:
    """A row a pair."""
    place, kind = table.schema.get_field_index("pairs"), table.schema.field("pairs").type
    flat = table["pairs"].combine_chunks().flatten()
    single = pa.ListArray.from_arrays(pa.array(np.arange(len(flat) + 1), pa.int32()), flat).cast(kind)
    return table.take(np.repeat(np.arange(len(table)), TYPES)).set_column(place, "pairs", single)
