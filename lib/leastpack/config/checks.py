"""Whether sources, package files and currencies go together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from leastpack.config.packages import PackageFile
from leastpack.config.root import Config
from leastpack.errors import ConfigError


def check_catalog(config: Config, files: Iterable[PackageFile]) -> None:
    """Check package files against the rest of the configuration.

    Raises:
        ConfigError: A package currency has no unit, a source's marketplace has no packages, or there is no source of
            products.
    """
    if not any(source.kind == "products" for source in config.sources):
        raise ConfigError(
            "there is no source of products",
            expected="an entry of kind `products` under `sources`",
            todo="see docs/your-data.md",
        )
    known = {file.marketplace for file in files}
    for source in config.sources:
        if source.marketplace is not None and source.marketplace not in known:
            raise ConfigError(
                f"source {source.name!r} is of marketplace {source.marketplace!r}, which has no package file",
                expected=f"one of {', '.join(sorted(known))}",
                todo="correct `marketplace`, or add a package file to `packages`",
            )
    check_currencies({file.currency for file in files}, config.currency_units)


def check_currencies(used: Iterable[str], currency_units: Mapping[str, float]) -> None:
    """Check that costs and prices can be compared.

    Args:
        used: Currencies of package costs.
        currency_units: Rough value of one unit of each currency.

    Raises:
        ConfigError: A package currency has no unit.
    """
    if unknown := sorted(set(used) - set(currency_units)):
        raise ConfigError(
            f"package costs are in {', '.join(unknown)}, whose rough value is not known",
            expected=f"one of {', '.join(sorted(currency_units))}",
            todo="add the currency to currency_units",
        )
