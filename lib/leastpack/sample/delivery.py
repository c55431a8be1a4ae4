"""The sample's next delivery: what ships in a pilot, and what came back since the first one."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Mapping
from pathlib import Path

from leastpack.config.packages import load_packages
from leastpack.config.root import Config
from leastpack.errors import ConfigError
from leastpack.log import log
from leastpack.sample.feedback import Period, returns_of, reviews_of, write_returns, write_reviews
from leastpack.sample.generate import declare_all
from leastpack.sample.listings import CLOSING
from leastpack.sample.shipments import ship, write_shipments
from leastpack.sample.trials import Trial, ship_trials
from leastpack.sample.truth import know
from leastpack.sample.world import invent_products


def deliver_next(config: Config, trials: Mapping[tuple[str, str], Trial]) -> dict[str, int]:
    """Put the next delivery in the place of the sample's exports of shipments, returns and reviews.

    It holds the shipments of the products on trial, and what came back since the first delivery, of all products, until
    `decisions.as_of`. What other products ship meanwhile is left out. The sample's own exports can be written again.

    Args:
        config: Sections `sample` and `decisions`.
        trials: `trials_of`.

    Returns:
        Rows by export, over all marketplaces.

    Raises:
        ConfigError: There is no sample, or its first delivery ends later.
    """
    sample = config.sample
    if sample is None or not Path(sample.out).is_dir():
        raise ConfigError("there is no sample", todo="run leastpack sample with the same config")
    until = config.decisions.day
    period = Period(CLOSING, datetime.datetime.combine(until, datetime.time()))
    if period.until <= CLOSING:
        raise ConfigError(
            "the sample's first delivery tells of that time",
            expected=f"decisions.as_of later than {CLOSING.date()}",
            found=str(until),
        )
    out = Path(sample.out)
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    products = invent_products(sample)
    listings = declare_all(products, sample)
    rows = {"shipments": 0, "returns": 0, "reviews": 0}
    for file in load_packages(config.packages):
        market = know(products, file, sample.seed)
        own = [one for one in listings if one.product.marketplace == file.marketplace]
        of_market = {product: trial for (name, product), trial in trials.items() if name == file.marketplace}
        year = ship(market, own, sample.shipments_per_product, sample.random_shipping, sample.seed)
        tried = ship_trials(market, own, year, of_market, sample.shipments_per_product, sample.seed, until)
        returns = [row for one in (year, tried) for row in returns_of(one, sample.reporting_rate, sample.seed, period)]
        reviews = [row for one in (year, tried) for row in reviews_of(one, sample.seed, period)]
        write_shipments(partial, tried, sample.seed)
        write_returns(partial, file.marketplace, returns)
        write_reviews(partial, file.marketplace, reviews)
        for name, count in (("shipments", len(tried.product)), ("returns", len(returns)), ("reviews", len(reviews))):
            rows[name] += count
    for written in sorted(path for path in partial.rglob("*") if path.is_file()):
        written.replace(out / written.relative_to(partial))
    shutil.rmtree(partial)
    log.info("delivered", folder=str(out), until=str(until), on_trial=len(trials), **rows)
    return rows
