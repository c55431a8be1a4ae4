"""Rows of `certificates` and `certificate_types`: how each cell of a policy stands."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from pyspark.sql import Row

from leastpack.certificates.attempt import CellResult
from leastpack.certificates.cells import POOLED, pool_and_stratum
from leastpack.certificates.in_force import CERTIFIED, CONTRADICTED, FAILED, NOT_DRAWN, OPEN, SHOWN, WAITING
from leastpack.certificates.planning import CellPlan
from leastpack.certificates.terms import PILOT, RANDOM, Terms, hash_of

Told = dict[str, object]


def _blank(terms: Terms, cell: str, status: str, products: int, moving: Sequence[float], tests: Sequence[int]) -> Told:
    pool, stratum = pool_and_stratum(cell)
    return {
        "certificate_id": hash_of(terms.digest, cell),
        "cell": cell,
        "status": status,
        "model_version": terms.model_version,
        "policy_digest": terms.digest,
        "choice_digest": terms.choice_digest,
        "marketplaces": tuple(sorted(terms.markets)) if pool == POOLED else (pool,),
        "stratum": stratum,
        "promise": _promise(terms),
        "alpha": terms.alpha,
        "labels": terms.labels,
        "products": products,
        "tests_needed": min(tests, default=None),
        "price_moving": tuple(moving),
        "price_tests": tuple(tests),
    }


def _promise(terms: Terms) -> str:
    if terms.labels == PILOT:
        return (
            f"of the products that move or get their first package, and ship, at most {terms.alpha:g} of the shipments "
            "in it are damaged on average, each product counted once"
        )
    if terms.labels == RANDOM:
        return (
            "of the moves on a frozen list, of products that the model was not trained on and that had a shipment "
            f"assigned at random, at most {terms.alpha:g} of the shipments are damaged on average, each product "
            "counted once"
        )
    if terms.of_list:
        return (
            f"of the products on a frozen list of moves and first packages, less those found unsafe, at most "
            f"{terms.alpha:g} are unsafe in the new package, each product counted once"
        )
    return (
        f"at most {terms.alpha:g} of the products that move or get their first package are unsafe in it, "
        "each product counted once"
    )


def not_drawn(terms: Terms, cell: str, plan: CellPlan, why: str) -> Told:
    """A cell without a round, and why."""
    return {
        **_blank(
            terms,
            cell,
            NOT_DRAWN,
            plan.products,
            [price.moving for price in plan.prices],
            [price.tests for price in plan.prices],
        ),
        "why_none": why,
    }


def waiting(terms: Terms, row: Row, why: str) -> Told:
    """A cell whose round waits, and for what."""
    return {
        **_blank(terms, row.cell, WAITING, row.products, row.price_moving, row.price_tests),
        "round_id": row.round_id,
        "why_none": why,
        "issued_on": row.drawn_on,
    }


def tested(terms: Terms, row: Row, result: CellResult, day: datetime.date) -> Told:
    """A cell whose round was read."""
    test, place = result.test.test, result.place
    n, k = int(test.n[place]), int(test.k[place])
    certified = test.last is not None
    why = None
    if not certified:
        bad = f"{k} of {n} drawn products that move at the first level, {row.levels[0]:.3g}, are unsafe"
        if terms.of_shipments:
            bad = f"{k} of {result.shipments} shipments of {n} products that move at the first level are damaged"
        why = result.why_none or f"{bad}: p = {test.p_values[0]:.2g}, not {result.test.delta:.2g}"
    return {
        **_blank(terms, row.cell, CERTIFIED if certified else FAILED, row.products, row.price_moving, row.price_tests),
        "round_id": row.round_id,
        "delta": result.delta,
        "level": row.levels[place] if certified else None,
        "n": n,
        "k": k,
        "shipments": result.shipments,
        "missing": result.missing,
        "listed": result.listed,
        "taken_out": result.taken_out,
        "upper_bound": result.upper,
        "moving": row.moving[place],
        "why_none": why,
        "issued_on": day,
    }


def type_rows(terms: Terms, cell: str, result: CellResult) -> list[tuple[object, ...]]:
    """What its labels say of each package type."""
    judged = result.judged
    verdicts = [
        CONTRADICTED if contradicted else SHOWN if shown else OPEN
        for contradicted, shown in zip(judged.contradicted, judged.shown, strict=True)
    ]
    return [
        (hash_of(terms.digest, cell), name, int(n), int(k), float(upper), verdict)
        for name, (n, k), upper, verdict in zip(result.types, result.of_types, judged.upper, verdicts, strict=True)
    ]
