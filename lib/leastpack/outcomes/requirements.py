"""What there must be for any label at all."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Collection, Mapping

from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.sources import Kind
from leastpack.errors import InputError
from leastpack.log import log
from leastpack.outcomes.accounts import QUARANTINED, USED
from leastpack.outcomes.cleaning import DUPLICATE
from leastpack.outcomes.reasons import NOT_DAMAGE, UNMAPPED
from leastpack.outcomes.shipments import TOO_YOUNG


def require_sources(kinds: Collection[Kind]) -> None:
    """Refuse a config whose sources cannot label anything.

    Args:
        kinds: Kinds of the configured sources.

    Raises:
        InputError: There are neither shipments nor human tests, or shipments and nothing that tells of damage.
    """
    if not {"shipments", "human_tests"} & set(kinds):
        raise InputError(
            "zero labels: no source tells what happened to any product",
            expected="a source of kind shipments or human_tests",
            found=", ".join(sorted(set(kinds))) or "no sources",
            todo="add one under `sources`",
        )
    if "shipments" in kinds and not {"returns", "reviews"} & set(kinds):
        raise InputError(
            "shipments alone tell of no damage: every package would look safe",
            expected="a source of kind returns or reviews beside shipments",
            found=", ".join(sorted(set(kinds))),
            todo="add one under `sources`, or leave shipments out and label by human tests",
        )


def require_labels(fates: Mapping[Kind, Counter[str]], rules: OutcomesConfig, as_of: datetime.date | None) -> None:
    """Refuse to go on where no shipment and no human test counts; warn where shipments or damage reasons are lost.

    Args:
        fates: Rows by fate, by kind of source.
        rules: The rules.
        as_of: The day taken as today.

    Raises:
        InputError: Nothing counts.
    """
    shipments, tests, returns = fates["shipments"], fates["human_tests"], fates["returns"]
    told = returns.total() - returns[QUARANTINED] - returns[DUPLICATE]
    if told and returns[NOT_DAMAGE] + returns[UNMAPPED] == told:
        log.warning("no return has a damage reason", returns=told, damage_reasons=rules.damage_reasons)
    if shipments[USED] or tests[USED]:
        if shipments[TOO_YOUNG] and not shipments[USED]:
            log.warning("every shipment is too young; labels come from human tests alone", as_of=str(as_of))
        return
    if shipments[TOO_YOUNG]:
        raise InputError(
            "zero labels: every usable shipment is younger than the return window",
            expected=f"shipments from {rules.return_window_days} days or more before {as_of}",
            found=f"{shipments[TOO_YOUNG]} shipments, all later",
            todo="wait, set outcomes.as_of or outcomes.return_window_days, or add human tests",
        )
    raise InputError(
        "zero labels: no shipment and no human test can be used",
        expected="shipments or human tests of products and package types the catalog knows",
        found=f"shipments: {_told(shipments)}; human tests: {_told(tests)}",
        todo="see the quarantine table, and the mapping of these sources under `sources`",
    )


def _told(fates: Counter[str]) -> str:
    return ", ".join(f"{n} {fate}" for fate, n in sorted(fates.items())) or "no rows"
