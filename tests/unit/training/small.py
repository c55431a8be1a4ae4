"""A small snapshot without Spark, and a model that fits it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leastpack.config.training import TrainingConfig
from leastpack.files import open_folder
from leastpack.model.features import ProductFeatures
from leastpack.model.spec import ModelSpec
from leastpack.training.loop import Job
from leastpack.training.manifest import Manifest, PartFile
from leastpack.training.packages import PackageRow
from leastpack.training.rows import pack
from leastpack.training.snapshot import parquet_bytes, snapshot_rows

MICRO_BATCH = 8
SPEC = ModelSpec(
    text_dim=6, image_dim=5, marketplaces=("EU", "NA"), attributes=("rigidity", "seal"), knots=(0.0, 0.5, 1.0),
    hash_buckets=64, hash_dim=4, hidden=16, vector=8, dropout=0.2, text_encoder="t", image_encoder="i", tau=0.01,
)  # fmt: skip
PACKAGES = (
    PackageRow("NA", "bag", "bag", (0.0, 0.2), (30.0, 20.0, 5.0), False, None),
    PackageRow("NA", "box", "box", (0.8, 0.6), (30.0, 20.0, 10.0), False, None),
    PackageRow("NA", "mailer", "mailer", (0.3, 0.4), (30.0, 20.0, 5.0), False, None),
)
PARTS = {"balanced": 20, "full": 75, "validation": 30, "calibrate": 40, "test": 40}


def features(n: int, seed: int) -> ProductFeatures:
    """Products with and without text, photos and words."""
    r = np.random.default_rng(seed)
    counts = r.integers(0, 6, n)
    return ProductFeatures(
        text=r.normal(size=(n, SPEC.text_dim)).astype(np.float32),
        text_present=r.random(n) < 0.8,
        images=r.normal(size=(n, 3, SPEC.image_dim)).astype(np.float32),
        image_mask=np.arange(3) < r.integers(0, 4, n)[:, None],
        ngram_ids=r.integers(0, SPEC.hash_buckets, counts.sum()),
        ngram_offsets=np.cumsum(counts) - counts,
        numeric=r.integers(0, 64, (n, 5)),
        marketplace=r.integers(0, 3, n),
    )


def placed(n: int, seed: int) -> pa.Table:
    """Products of one to three pairs joined to their packed features, as Spark hands them to the writer."""
    r = np.random.default_rng(seed)
    product = features(n, seed)
    photos = product.images[:, 0, 0] * product.image_mask[:, 0]
    fragile = photos + r.normal(size=n) * 0.3 > 0.5
    return pa.table(
        {
            "marketplace": ["NA"] * n,
            "product_id": [f"p{i}" for i in range(n)],
            "key": r.integers(-(2**62), 2**62, n),
            "group_key": np.arange(n) // 2,
            "pairs": [[pair(r, name, fragile[i]) for name in ("bag", "box", "mailer")[i % 3 :]] for i in range(n)],
            **{name: r.uniform(1, 20, n) for name in ("length_cm", "width_cm", "height_cm")},
            **pack(product),
        }
    )


def pair(r: np.random.Generator, package: str, fragile: bool) -> dict[str, object]:
    """A pair of a product, unsafe if that is fragile."""
    shipped = int(r.integers(0, 50))
    return {
        "package_type": package,
        "target": 0.9 if fragile else 0.05,
        "weight": r.uniform(0.2, 1.0),
        "n": shipped,
        "k": int(r.binomial(shipped, 0.1)),
        "unsafe": bool(fragile),
        "eligible": bool(r.random() < 0.7),
        "less_protective": bool(r.random() < 0.3),
        "audit_weight": 4.0 if r.random() < 0.5 else 0.0,
    }


def pairs_of(n: int) -> int:
    """Pairs of n products."""
    return sum(3 - i % 3 for i in range(n))


def write_snapshot(
    folder: Path, parts: Mapping[str, int] = PARTS, size: int = MICRO_BATCH, file_rows: int = 40
) -> Manifest:
    """A whole snapshot of the given parts: row groups of `size` products, files of at most `file_rows`."""
    tables = [
        (part, number, placed(n, place).slice(start, file_rows))
        for place, (part, n) in enumerate(parts.items())
        for number, start in enumerate(range(0, n, file_rows))
    ]
    return write_tables(folder, tables, size)


def write_tables(folder: Path, tables: Iterable[tuple[str, int, pa.Table]], size: int = MICRO_BATCH) -> Manifest:
    """A whole snapshot of the given files: part, number in it and rows of each."""
    files = open_folder(str(folder))
    written = []
    for part, number, table in tables:
        content = parquet_bytes(snapshot_rows(table, PACKAGES, number, size), size)
        path = f"data/{part}/{number}.parquet"
        files.create_dir(f"data/{part}", recursive=True)
        (folder / path).write_bytes(content)
        pairs = pc.sum(pc.list_value_length(table["pairs"])).as_py()
        written.append(PartFile(part, number, path, len(table), pairs, hashlib.sha256(content).hexdigest()))
    names, profiles = (tuple(getattr(package, name) for package in PACKAGES) for name in ("name", "profile"))
    manifest = Manifest("0" * 16, {"products": 3}, size, names, profiles, SPEC, tuple(written))
    manifest.write(files)
    return manifest


def job(folder: Path, **settings: object) -> Job:
    """A short training on the snapshot in the folder."""
    wanted = {"launcher": "local", "processes": 1, "micro_batch": MICRO_BATCH, "phase_one_epochs": 2, "epochs": 3}
    return Job(str(folder), TrainingConfig(**{**wanted, **settings}), (0.3, 0.1))  # type: ignore[arg-type]
