"""Writes the invented marketplace: raw exports, photos and the hidden truth, whole or not at all."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from rich.progress import track

from leastpack.config.packages import PackageFile, load_packages
from leastpack.config.root import Config
from leastpack.config.sample import SampleConfig
from leastpack.errors import ConfigError
from leastpack.log import log
from leastpack.sample.exports import write_products
from leastpack.sample.feedback import FIRST, returns_of, reviews_of, write_returns, write_reviews
from leastpack.sample.files import write_parquet
from leastpack.sample.human_tests import write_human_tests
from leastpack.sample.listings import Listing, declare, export_rows
from leastpack.sample.photos.shoot import PIECE, passed_tunnel, plan_shots, take_photos, write_listings
from leastpack.sample.physics import ATTRIBUTES
from leastpack.sample.rules import write_rules
from leastpack.sample.shipments import ship, write_shipments
from leastpack.sample.texts import write_texts
from leastpack.sample.truth import TRUTH_SCHEMA, Market, know, truth_columns
from leastpack.sample.tunnel import write_tunnel
from leastpack.sample.world import MARKETPLACES, Product, invent_products

TRUTH = "truth.parquet"


def generate_sample(config: Config) -> None:
    """Write the sample to `config.sample.out`, replacing an earlier one in a single move.

    Everything is written beside it first; a run that is killed leaves the earlier sample as it was, and the next one
    starts over. The same config gives the same bytes, whatever the number of processes.

    Raises:
        ConfigError: There is no `sample` section, the package files are not those of its marketplaces, or the folder
            holds something else than a sample.
    """
    sample = config.sample
    if sample is None:
        raise ConfigError("there is no `sample` section", todo="add one, or run the step with the demo's config")
    packages = _packages(config)
    out = Path(sample.out)
    if out.exists() and not (out / TRUTH).is_file() and any(out.iterdir()):
        raise ConfigError(
            f"sample.out {out} holds something else",
            expected="an earlier sample, or nothing",
            todo="name another folder",
        )
    started = time.monotonic()
    partial, old = out.with_name(f".{out.name}.partial"), out.with_name(f".{out.name}.old")
    for leftover in (partial, old):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir(parents=True)
    products = invent_products(sample)
    markets = [know(products, file, sample.seed) for file in packages]
    write_parquet(partial / TRUTH, truth_columns(markets, sample.tau), TRUTH_SCHEMA)
    rows = _write_rows(partial, products, markets, sample)
    photos = _write_photos(partial, products, sample)
    if out.exists():
        out.rename(old)
    partial.rename(out)
    shutil.rmtree(old, ignore_errors=True)
    seconds = round(time.monotonic() - started, 1)
    log.info("sample written", folder=str(out), products=len(products), shipped=rows, photos=photos, seconds=seconds)


def _packages(config: Config) -> list[PackageFile]:
    files = load_packages(config.packages)
    found = sorted(file.marketplace for file in files)
    if found != sorted(MARKETPLACES):
        raise ConfigError(
            "the sample needs one package file for each of its marketplaces",
            expected=", ".join(sorted(MARKETPLACES)),
            found=", ".join(found),
        )
    missing = [name for name in ATTRIBUTES if name not in files[0].attributes]
    if missing:
        raise ConfigError("the package files lack attributes the sample's truth needs", expected=", ".join(missing))
    return sorted(files, key=lambda file: list(MARKETPLACES).index(file.marketplace))


def _write_rows(folder: Path, products: list[Product], markets: list[Market], sample: SampleConfig) -> int:
    """All exports but the photos; returns the number of shipped items."""
    seed, shipped_items = sample.seed, 0
    listings = declare_all(products, sample)
    listed = [[one for one in listings if one.product.marketplace == m.packages.marketplace] for m in markets]
    write_rules(folder, [(market.packages, own) for market, own in zip(markets, listed, strict=True) if own])
    for market, own in zip(markets, listed, strict=True):
        marketplace = market.packages.marketplace
        write_products(folder, marketplace, export_rows(own, seed, marketplace))
        passed = passed_tunnel(market.products, sample.without_photos, seed)
        write_tunnel(folder, marketplace, passed, seed)
        shipped = ship(market, own, sample.shipments_per_product, sample.random_shipping, seed)
        write_shipments(folder, shipped, seed)
        write_returns(folder, marketplace, returns_of(shipped, sample.reporting_rate, seed, FIRST))
        write_reviews(folder, marketplace, reviews_of(shipped, seed, FIRST))
        shipped_items += len(shipped.product)
    write_human_tests(folder, markets, sample.tau, sample.tested_share, seed)
    return shipped_items


def declare_all(products: Sequence[Product], sample: SampleConfig) -> list[Listing]:
    """The listing of every product, in the same order."""
    texts = write_texts(products, sample.seed, sample.shuffle_words)
    return [declare(product, text, sample.seed) for product, text in zip(products, texts, strict=True)]


def _write_photos(folder: Path, products: list[Product], sample: SampleConfig) -> int:
    """All photos and their listings; returns their number."""
    shots = plan_shots(products, sample)
    pieces = take_photos(folder, shots, sample)
    taken = [photo for piece in track(pieces, "photos", total=-(-len(shots) // (4 * PIECE))) for photo in piece]
    write_listings(folder, taken, sample.seed)
    return len(taken)
