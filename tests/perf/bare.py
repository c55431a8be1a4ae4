"""The limit: the encoders in a bare loop, then the model, then one Delta write by delta-rs. No Spark anywhere."""

from __future__ import annotations

import multiprocessing
import shutil
import weakref
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from leastpack.config import Config
from leastpack.encoders.decode import decode
from leastpack.encoders.engines import resolve_engines
from leastpack.encoders.image import ImageEncoder
from leastpack.encoders.text import TextEncoder
from leastpack.model.features import NUMERIC, build_features
from leastpack.model.scorer import Scorer
from leastpack.scoring.cross import cross
from leastpack.scoring.packages import package_sets

PICTURES = 16


class Bare:
    """Encodes and scores a catalog of one marketplace.

    Args:
        config: Where the catalog and the model are, and the engines.
        processes: Python processes; they stay for the next run.
        threads: Threads of each.
    """

    def __init__(self, config: Config, processes: int, threads: int) -> None:
        self._config, self._threads, self._processes = config, threads, processes
        self._pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"))
        weakref.finalize(self, self._pool.shutdown)

    def run(self, target: Path) -> None:
        """Encode and score all products, and write their pairs."""
        products, images = self._read("products"), self._read("product_images")
        titles = [row["title"] for row in products]
        settings = self._config.model_dump_json()
        # Longest first, dealt in turns: the processes end together.
        order = np.argsort([-len(title) for title in titles], kind="stable")
        shares = [order[start :: self._processes] for start in range(self._processes)]
        uris: dict[str, list[str]] = {}
        for row in sorted(images, key=lambda row: row["view"]):
            uris.setdefault(row["product_id"], []).append(row["uri"])
        tasks = [
            self._pool.submit(
                _encode, settings, self._threads, [titles[i] for i in share],
                [uris.get(products[i]["product_id"], []) for i in share],
            )
            for share in shares
        ]  # fmt: skip
        texts: list[Any] = [None] * len(products)
        photos: list[Any] = [None] * len(products)
        for share, task in zip(shares, tasks, strict=True):
            for i, text, views in zip(share, *task.result(), strict=True):
                texts[i], photos[i] = text, views
        _write(self._config, products, texts, photos, self._packages(), target)

    def _read(self, name: str) -> list[dict[str, Any]]:
        path = Path(str(self._config.tables.root)) / name
        rows: list[dict[str, Any]] = DeltaTable(str(path)).to_pyarrow_table().to_pylist()
        return rows

    def _packages(self) -> list[dict[str, Any]]:
        return self._read("package_types")


@cache
def _encoders(settings: str, threads: int, photos: bool) -> tuple[TextEncoder, ImageEncoder | None]:
    encoders = resolve_engines(Config.model_validate_json(settings))
    return TextEncoder(encoders.text, threads=threads), ImageEncoder(
        encoders.image, threads=threads
    ) if photos else None


def _encode(settings: str, threads: int, texts: list[str], uris: list[list[str]]) -> tuple[list[Any], list[Any]]:
    flat = [uri for views in uris for uri in views]
    text, image = _encoders(settings, threads, bool(flat))
    vectors = list(text.encode(texts)[0])
    if image is None:
        return vectors, [[] for _ in uris]
    with ThreadPoolExecutor(1) as ahead:
        parts = [flat[start : start + PICTURES] for start in range(0, len(flat), PICTURES)]
        loaded = ahead.map(_pictures, parts)
        found = np.concatenate([image.encode(pictures) for pictures in loaded])
    ends = np.cumsum([len(views) for views in uris])
    return vectors, np.split(found, ends[:-1])


def _pictures(uris: list[str]) -> np.ndarray[Any, Any]:
    return np.stack([decode(Path(uri).read_bytes()) for uri in uris])


def _write(
    config: Config, products: list[dict[str, Any]], texts: list[Any], photos: list[Any], types: list[dict[str, Any]],
    target: Path,
) -> None:  # fmt: skip
    scorer = Scorer.load(config.model.directory)
    columns = {
        "text": [row["title"] for row in products], "text_vector": texts, "image_vectors": photos,
        **{name: [0] * len(products) for name in NUMERIC}, "marketplace": [row["marketplace"] for row in products],
    }  # fmt: skip
    vectors = scorer.product_vectors(build_features(columns, scorer.spec))
    (packages,) = package_sets(types, scorer.spec.attributes).values()
    sides = np.array([[row[name] for name in ("length_cm", "width_cm", "height_cm")] for row in products], dtype=float)
    weights = np.array([row["weight_g"] for row in products], dtype=float)
    found = cross(scorer, vectors, sides, weights, packages, config.scoring.padding_cm)
    n, p = found.risk.shape
    ids = pa.array([row["product_id"] for row in products])
    table = pa.table(
        {
            "product_id": ids.take(pa.array(np.repeat(np.arange(n), p))),
            "package_type": pa.array(packages.names).take(pa.array(np.tile(np.arange(p), n))),
            "fits": found.fits.ravel() > 0,
            "risk": found.risk.ravel(),
            "damage_rate": found.damage_rate.ravel(),
            "void_share": found.void.ravel(),
        }
    )
    shutil.rmtree(target, ignore_errors=True)
    write_deltalake(str(target), table)
