"""Takes all photos in several processes, breaks a few files, and lists them as each marketplace would."""

from __future__ import annotations

import datetime
import hashlib
import io
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from leastpack.config.sample import SampleConfig
from leastpack.sample.files import write_csv, write_jsonl
from leastpack.sample.listings import CLOSING
from leastpack.sample.photos.pictures import catalog_photo, tunnel_photo
from leastpack.sample.streams import stream
from leastpack.sample.world import Product

QUALITY = 80
NO_CATALOG_PHOTO = 0.02
NO_CATALOG_PHOTO_NEW = 0.15  # of the products that never passed the tunnel
BROKEN = 0.004  # share of files that cannot be read
LOST = 0.002  # share of listed files that do not exist
PIECE = 12  # products a task

NA_COLUMNS = ("asin", "view", "file", "kind", "bytes", "taken_at")


@dataclass(frozen=True)
class Shot:
    """One photo to take.

    Attributes:
        subject: The product that is seen.
        owner: The product in whose folder it lands.
        view: Name of the file without its ending.
        taken: When.
    """

    subject: Product
    owner: Product
    view: str
    taken: datetime.datetime

    @property
    def kind(self) -> str:
        """`tunnel` or `catalog`."""
        return self.view.split("_")[0]

    @property
    def file(self) -> str:
        """Path inside the sample."""
        return f"images/{self.owner.marketplace.lower()}/{self.owner.product_id}/{self.view}.jpg"


@dataclass(frozen=True)
class Taken:
    """A photo as it lies on disk: its size in bytes, and its MD5 as some exports give it."""

    shot: Shot
    size: int
    md5: str


def passed_tunnel(products: Sequence[Product], without_photos: float, seed: int) -> list[Product]:
    """The products that the tunnel has seen and measured."""
    return [p for p in products if stream(seed, "passed", p.number).random() >= without_photos]


def plan_shots(products: Sequence[Product], config: SampleConfig) -> list[Shot]:
    """Which photos there are: three tunnel views or a few more, and one catalog photo of nearly every product."""
    passed = passed_tunnel(products, config.without_photos, config.seed)
    subjects = dict(zip((p.number for p in passed), passed, strict=True))
    if config.shuffle_photos:
        order = stream(config.seed, "shuffle_photos").permutation(len(passed))
        subjects = {p.number: passed[place] for p, place in zip(passed, order, strict=True)}
    shots = []
    for product in products:
        rng = stream(config.seed, "shots", product.number)
        taken = CLOSING - datetime.timedelta(seconds=int(rng.integers(86400, 400 * 86400)))
        views = int(rng.choice([3, 4, 5], p=[0.88, 0.09, 0.03]))
        seen = product.number in subjects
        if rng.random() >= (NO_CATALOG_PHOTO if seen else NO_CATALOG_PHOTO_NEW):
            shots.append(Shot(product, product, "catalog_0", taken - datetime.timedelta(days=20)))
        if seen:
            shots += [Shot(subjects[product.number], product, f"tunnel_{view}", taken) for view in range(views)]
    return shots


def take_photos(folder: Path, shots: Sequence[Shot], config: SampleConfig) -> Iterator[list[Taken]]:
    """Draw, save and list the photos; yields them piece by piece, in order.

    Args:
        folder: Folder of the sample.
        shots: What to take.
        config: Picture width, seed, and number of processes (the result does not depend on it).
    """
    for parent in {(folder / shot.file).parent for shot in shots}:
        parent.mkdir(parents=True, exist_ok=True)
    pieces = [shots[start : start + 4 * PIECE] for start in range(0, len(shots), 4 * PIECE)]
    work = partial(_take_piece, folder=folder, width=config.image_width, seed=config.seed)
    processes = min(config.processes or os.cpu_count() or 1, len(pieces))
    if processes <= 1:
        yield from map(work, pieces)
        return
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(work, pieces)


def write_listings(folder: Path, taken: Sequence[Taken], seed: int) -> None:
    """images.csv (NA) and images.jsonl (EU); Japan's folder is its own listing. A few listed files are gone."""
    na: list[dict[str, Any]] = []
    eu: list[dict[str, Any]] = []
    for photo in taken:
        shot = photo.shot
        place = shot.owner.marketplace
        at = shot.taken.isoformat(timespec="seconds")
        if place != "JP" and stream(seed, "lost", shot.file).random() < LOST:
            (folder / shot.file).unlink()
        if place == "NA":
            values = (shot.owner.product_id, shot.view, shot.file, shot.kind, photo.size, at)
            na.append(dict(zip(NA_COLUMNS, values, strict=True)))
        elif place == "EU":
            row = {"sku": shot.owner.product_id, "view": shot.view, "uri": shot.file, "type": shot.kind}
            eu.append({**row, "md5": photo.md5, "taken": at})
    write_csv(folder / "na" / "images.csv", na, NA_COLUMNS)
    write_jsonl(folder / "eu" / "images.jsonl", eu)


def _take_piece(shots: Sequence[Shot], folder: Path, width: int, seed: int) -> list[Taken]:
    return [_take(shot, folder, width, seed) for shot in shots]


def _take(shot: Shot, folder: Path, width: int, seed: int) -> Taken:
    name, number = shot.view.split("_")
    if name == "tunnel":
        picture = tunnel_photo(shot.subject, int(number), width, seed)
    else:
        picture = catalog_photo(shot.subject, width, seed)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY)
    content = _broken(buffer.getvalue(), shot, seed)
    path = folder / shot.file
    path.write_bytes(content)
    # The folder's own times are all that Japan's export says of when: they must not depend on when it was written.
    moment = shot.taken.replace(tzinfo=datetime.UTC).timestamp()
    os.utime(path, (moment, moment))
    return Taken(shot, len(content), hashlib.md5(content, usedforsecurity=False).hexdigest())


def _broken(content: bytes, shot: Shot, seed: int) -> bytes:
    """The file's content; of a few files only the first half, nothing, or an error page."""
    rng = stream(seed, "broken", shot.file)
    if rng.random() >= BROKEN:
        return content
    page = b"<html><body><h1>503 Service Unavailable</h1></body></html>"
    return (content[: len(content) // 2], b"", page)[int(rng.integers(3))]
