"""What there must be for any label at all."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Collection, Mapping

from leastpack.catalog.versions import DUPLICATE
from leastpack.config.outcomes import OutcomesConfig
from leastpack.config.sources import Kind
from leastpack.errors import InputError
from leastpack.log import log
from leastpack.outcomes.accounts import QUARANTINED, USED
from leastpack.outcomes.intake import Intake
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


def require_history(fates: Mapping[Kind, Counter[str]], intakes: Mapping[str, Intake]) -> None:
    """Refuse a first delivery of which nothing can be used; warn where no return has a damage reason.

    Args:
        fates: Rows by fate, by kind of source.
        intakes: What was delivered for each table.

    Raises:
        InputError: Neither a shipment nor a human test is kept, nor delivered.
    """
    shipments, tests, returns = fates["shipments"], fates["human_tests"], fates["returns"]
    told = returns.total() - returns[QUARANTINED] - returns[DUPLICATE]
    if told and returns[NOT_DAMAGE] + returns[UNMAPPED] == told:
        log.warning("no return has a damage reason", returns=told)
    usable = shipments[USED] + shipments[TOO_YOUNG] + tests[USED]
    if not usable and all(intakes[name].stored.isEmpty() for name in ("shipment_items", "human_tests")):
        raise InputError(
            "zero labels: no shipment and no human test can be used",
            expected="shipments or human tests of products and package types the catalog knows",
            found=f"shipments: {_told(shipments)}; human tests: {_told(tests)}",
            todo="see the quarantine table, and the mapping of these sources under `sources`",
        )


def require_labels(
    labelled: int, fates: Mapping[Kind, Counter[str]], rules: OutcomesConfig, until: Mapping[str, datetime.date]
) -> None:
    """Refuse to go on without any label; the history is kept by then.

    Args:
        labelled: Pairs with shipments that count, or with a test.
        fates: Rows by fate, by kind of source.
        rules: The rules.
        until: By marketplace, day up to which reports have been delivered.

    Raises:
        InputError: There is none.
    """
    if labelled:
        return
    days = ", ".join(f"{name} {day}" for name, day in sorted(until.items())) or "unknown in every marketplace"
    raise InputError(
        "zero labels: every usable shipment is younger than the return window",
        expected=f"shipments from {rules.return_window_days} days or more before the day up to which reports have been "
        f"delivered: {days}",
        found=f"shipments: {_told(fates['shipments'])}",
        todo="wait (what was delivered is kept), set `delivered_until` of the sources of returns, or add human tests",
    )


def _told(fates: Counter[str]) -> str:
    return ", ".join(f"{n} {fate}" for fate, n in sorted(fates.items())) or "no rows"
