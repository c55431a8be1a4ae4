"""What is said of each pair, and what a product ships in by the certificate of its cell."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import Row
from tests.spark.market import package_rows

from leastpack.certificates.in_force import InForce, Standing
from leastpack.certificates.marks import ALARMED, BANNED, DISPROVED, RULED, SAFE, SETTLED, UNSAFE, policy_bit
from leastpack.certificates.terms import Terms, make_terms
from leastpack.config.decisions import CertifyConfig, DecisionsConfig
from leastpack.config.root import Config
from leastpack.config.storage import TablesConfig
from leastpack.decisions.decided import Grounds, decide_batch

# In NA products with photos move at a level of 0.1, in EU no label supports anything.
CERTIFICATES = {"NA/photos": InForce("c-na", "round", 0.1, frozenset())}
WITHDRAWN = {"NA/photos": InForce("c-na", "round", 0.1, frozenset({"bag"}))}
MOVE, BY_ORDER = ("CERTIFIED", "certified_move", "c-na"), ("CERTIFIED", "by_order", "c-na")
DOUBT = ("TEST", "doubtful", None)
BROKEN = ("REJECTED", "proven_unsafe", None)
# What other packages of a product are, that a test says nothing of.
ABSENT = {"fits": False, "risk": 0.9, "damage_rate": 0.09, "void_share": 0.0, "views_used": 0}
# Bits of the marks of a pair, as the joins of facts leave them.
OF_ROUND = policy_bit(1)
KNOWN_UNSAFE, FOUND_UNSAFE = UNSAFE | DISPROVED | OF_ROUND, UNSAFE | DISPROVED
# A ban that the round of the certificate knew, and one that came later.
OLD_BAN, NEW_BAN = BANNED | RULED | OF_ROUND * RULED // DISPROVED, BANNED | RULED
KNOWN_SAFE = SAFE | SETTLED


def pair(product: str, package: str, risk: float | None = 0.05, **other: Any) -> dict[str, Any]:
    row = {"marketplace": "NA", "product_id": product, "package_type": package, "fits": True, "risk": risk}
    return {**row, "damage_rate": risk and risk / 100, "void_share": 0.0, "views_used": 3, **other}


SCORES = [
    pair("at", "bag", 0.0999999),
    pair("over", "bag", 0.1000001),
    pair("half", "bag", 0.5),
    pair("high", "bag", 0.5000001),
    pair("error", "bag", None, error="NO_INPUT", fits=None),
    pair("sizeless", "bag", fits=None),
    pair("large", "bag", fits=False),
    pair("early", "future_box", 0.001),
    pair("late", "past_box", 0.001),
    *(pair("under", name) for name in ("bag", "mailer", "box")),
    *(pair("above", name, 0.2) for name in ("bag", "mailer", "box")),
    pair("void", "bag", void_share=0.2),
    pair("void", "mailer", void_share=0.3),
    pair("void", "box", void_share=0.2),
    pair("unfit", "bag", fits=False),
    pair("unfit", "mailer"),
    pair("blind", "bag", views_used=0),
    pair("european", "bag", marketplace="EU"),
    pair("unsafe", "bag"),
    *(pair("found", name) for name in ("bag", "mailer", "box")),
    pair("safe", "bag", 0.9),
    *(pair("broken", name) for name in ("bag", "mailer", "box")),
    pair("broken_void", "bag", void_share=0.1),
    pair("broken_void", "box", void_share=0.5),
    pair("disputed", "bag"),
    pair("disputed", "box"),
    *(pair("alarmed", name) for name in ("bag", "mailer")),
    *(pair("stays", name) for name in ("bag", "mailer")),
    *(pair("trial", name) for name in ("bag", "mailer")),
    *(pair("proven", name) for name in ("bag", "mailer")),
    *(pair("panel", name) for name in ("bag", "mailer")),
    *(pair("gone", name) for name in ("bag", "mailer")),
    *(pair("ended", name) for name in ("box", "past_box")),
    *(pair("broken_today", name) for name in ("mailer", "box")),
    *(pair(f"{age}_ban", name) for age in ("old", "new") for name in ("bag", "mailer", "box")),
    *(pair("banned_today", name) for name in ("bag", "mailer", "box")),
    pair("banned_proven", "bag", 0.4),
    *(pair("banned_proven", name) for name in ("mailer", "box")),
    *(pair("pinned", name) for name in ("bag", "mailer", "box")),
    *(pair("pinned_late", name) for name in ("mailer", "past_box")),
]
MARKS = {
    ("unsafe", "bag"): KNOWN_UNSAFE,
    ("found", "bag"): FOUND_UNSAFE,
    ("safe", "bag"): KNOWN_SAFE,
    ("broken", "mailer"): KNOWN_UNSAFE,
    ("broken_void", "box"): KNOWN_UNSAFE,
    ("disputed", "box"): KNOWN_UNSAFE,
    ("disputed", "bag"): KNOWN_SAFE,
    ("alarmed", "bag"): ALARMED,
    ("proven", "bag"): KNOWN_SAFE,
    ("panel", "bag"): SAFE,
    ("old_ban", "bag"): OLD_BAN,
    ("new_ban", "bag"): NEW_BAN,
    ("banned_today", "bag"): NEW_BAN | KNOWN_SAFE,
    ("banned_today", "mailer"): NEW_BAN,
    ("banned_proven", "box"): NEW_BAN,
    ("banned_proven", "bag"): KNOWN_SAFE,
    ("pinned", "bag"): NEW_BAN,
    ("pinned", "mailer"): NEW_BAN,
}
# What a product ships in, the package before its move, and what is on trial.
STATE = {
    "alarmed": ("mailer", None, None),
    "stays": ("mailer", None, None),
    "trial": ("bag", "mailer", ["bag"]),
    "proven": ("bag", "mailer", ["bag"]),
    "panel": ("bag", "mailer", ["bag"]),
    "gone": ("bag", "carton", ["bag"]),
    "ended": ("past_box", None, None),
    "broken_today": ("mailer", None, None),
    **dict.fromkeys(("old_ban", "new_ban"), ("box", None, None)),
    "banned_today": ("mailer", None, None),
    "banned_proven": ("box", None, None),
    "pinned": ("bag", "mailer", ["bag"]),
    "pinned_late": ("mailer", None, None),
}
PINS = {"pinned": "box", "pinned_late": "past_box"}
Found = dict[tuple[str, str], tuple[str, str, str | None]]


def terms_of(**decisions: Any) -> Terms:
    future = {"package_type": "future_box", "profile_hash": "profile-bag", "valid_from": date(2024, 6, 2)}
    ended = {**future, "package_type": "past_box", "valid_from": date(2020, 1, 1), "valid_to": date(2024, 6, 1)}
    more = [{**package_rows()[0], **changes} for changes in (future, ended)]
    config = Config(
        tables=TablesConfig(root="none"),
        certify=CertifyConfig(pool_marketplaces=False),
        decisions=DecisionsConfig(**{"as_of": date(2024, 6, 1), **decisions}),
    )
    return make_terms(config, [Row(**row) for row in (*package_rows(), *more)], "model-1")


def decided(product: str, grounds: Grounds, turn: float = 0.0) -> dict[str, Any]:
    """The row of a product, with what is chosen for it; what is said of its pairs as `decisions` and `reasons`."""
    own = {row["package_type"]: row for row in SCORES if row["product_id"] == product}
    (marketplace,) = {row["marketplace"] for row in own.values()}
    names = grounds.terms.markets[marketplace].names
    scores = [own.get(name, ABSENT) for name in names]
    marks = [MARKS.get((product, name), 0) for name in names]
    state = (*STATE.get(product, (None, None, None)), PINS.get(product))
    batch = product_batch(marketplace, scores, marks, state, turn)
    row = decide_batch(batch, marketplace, grounds).to_pylist()[0]
    return {**row, **row["chosen"], "decisions": row["decision"], "reasons": row["reason"]}


def product_batch(
    marketplace: str, scores: list[dict[str, Any]], marks: list[int], state: tuple[Any, ...], turn: float
) -> pa.RecordBatch:
    """One product, as `products.product_rows` leaves it."""
    kinds = {"fits": pa.bool_(), "risk": pa.float32(), "damage_rate": pa.float32(), "void_share": pa.float64()}
    lists = {name: pa.array([[row[name] for row in scores]], pa.list_(kind)) for name, kind in kinds.items()}
    shipped, before, on_trial, pinned = state
    return pa.RecordBatch.from_pydict(
        {
            **lists, "marketplace": pa.array([marketplace]), "product_id": pa.array(["P"]), "bucket": pa.array([0]),
            "error": pa.array([[row.get("error") for row in scores]], pa.list_(pa.string())),
            "views_used": pa.array([max(row["views_used"] for row in scores)], pa.int32()),
            "marks": pa.array([marks if any(marks) else None], pa.list_(pa.int32())),
            "value": pa.array([10.0]), "current_package_type": pa.array([shipped], pa.string()),
            "shipments": pa.array([3], pa.int64()), "moved_from": pa.array([before], pa.string()),
            "on_trial": pa.array([on_trial], pa.list_(pa.string())), "pinned": pa.array([pinned], pa.string()),
            "turn": pa.array([turn]), "in_panel": pa.array([False]),
        }
    )  # fmt: skip


def grounds_of(certificates: dict[str, InForce], **more: Any) -> Grounds:
    standing = Standing(certificates, frozenset(certificates), "round", None)
    return Grounds(terms_of(**more), standing, {}, {"round": OF_ROUND})


@pytest.fixture(scope="module")
def found() -> Found:
    """Decision, reason and certificate by product and package type."""
    grounds = grounds_of(CERTIFICATES)
    answer = {}
    for product in {row["product_id"] for row in SCORES}:
        row = decided(product, grounds)
        for name, decision, reason in zip(row["package_types"], row["decisions"], row["reasons"], strict=True):
            certified = reason in ("certified_move", "by_order")
            answer[product, name] = decision, reason, row["certificate_id"] if certified else None
    return answer


def test_levels(found: Found) -> None:
    assert found["at", "bag"] == MOVE
    assert found["over", "bag"] == found["half", "bag"] == DOUBT
    assert found["high", "bag"] == ("REJECTED", "high_risk", None)


def test_a_pair_without_a_risk_or_a_fit_is_not_decided_by_its_risk(found: Found) -> None:
    assert found["error", "bag"] == ("UNSCORED", "NO_INPUT", None)
    assert found["sizeless", "bag"] == ("INFEASIBLE", "size_unknown", None)
    assert found["large", "bag"] == ("INFEASIBLE", "does_not_fit", None)


def test_a_package_type_is_not_certified_before_its_first_day_nor_once_it_is_withdrawn(found: Found) -> None:
    assert found["early", "future_box"] == ("INFEASIBLE", "not_in_use", None)
    assert found["late", "past_box"] == ("INFEASIBLE", "not_in_use", None)


def test_only_the_move_is_certified_and_what_protects_more_by_order(found: Found) -> None:
    assert found["under", "bag"] == MOVE
    assert found["under", "mailer"] == found["under", "box"] == BY_ORDER
    assert found["above", "box"] == DOUBT
    assert found["void", "mailer"] == DOUBT  # it leaves more void than the bag
    assert found["void", "box"] == BY_ORDER
    assert found["unfit", "mailer"] == MOVE


def test_a_cell_without_a_certificate_moves_nothing(found: Found) -> None:
    assert found["blind", "bag"] == found["european", "bag"] == DOUBT


def test_proven_labels_decide(found: Found) -> None:
    assert found["unsafe", "bag"] == BROKEN
    assert found["safe", "bag"] == ("CERTIFIED", "proven_safe", None)


def test_where_a_chosen_pair_is_found_unsafe_later_nothing_takes_its_place(found: Found) -> None:
    assert found["found", "bag"] == BROKEN
    # Nobody tested the mailer as the choice of this product.
    assert found["found", "mailer"] == found["found", "box"] == DOUBT


def test_what_breaks_in_a_box_is_not_certified_in_a_bag(found: Found) -> None:
    assert found["broken", "bag"] == found["broken", "mailer"] == BROKEN
    assert found["broken", "box"] == MOVE
    assert found["broken_void", "bag"] == MOVE  # the box left more void
    assert found["disputed", "bag"] == MOVE  # its own test says more


def test_a_kept_product_says_why(found: Found) -> None:
    row = decided("stays", grounds_of({}))
    assert (row["package_type"], row["reason"], row["why_not_moved"]) == ("mailer", "kept", "unsupported")
    assert not row["moves"]
    row = decided("stays", grounds_of(CERTIFICATES))
    assert (row["package_type"], row["reason"], row["why_not_moved"]) == ("bag", "moved", None)
    assert (row["moved_from"], row["on_trial"], row["weight_saved_g"]) == ("mailer", ["bag"], 40.0)
    assert row["alternatives"] == ["bag", "mailer"]


def test_own_shipments_send_a_product_back(found: Found) -> None:
    row = decided("alarmed", grounds_of(CERTIFICATES))
    assert (row["package_type"], row["reason"], row["certificate_id"]) == ("mailer", "suspended", None)
    assert found["alarmed", "bag"] == BROKEN


def test_a_certificate_that_ends_sends_its_moves_back_unless_they_are_proven() -> None:
    row = decided("trial", grounds_of({}))
    assert (row["package_type"], row["reason"], row["moved_from"], row["on_trial"]) == (
        "mailer", "kept", "mailer", ["bag"],
    )  # fmt: skip
    row = decided("proven", grounds_of({}))
    assert (row["package_type"], row["reason"], row["moved_from"], row["on_trial"]) == ("bag", "kept", None, None)


def test_a_contradicted_type_is_withdrawn_and_its_products_stay() -> None:
    row = decided("stays", grounds_of(WITHDRAWN))
    assert (row["package_type"], row["reason"], row["why_not_moved"]) == ("mailer", "kept", "type_withdrawn")
    # A withdrawn type is no alternative either.
    row = decided("stays", grounds_of({"NA/photos": InForce("c-na", "round", 0.1, frozenset({"mailer"}))}))
    assert (row["package_type"], row["alternatives"]) == ("bag", ["bag"])


def test_a_panel_s_own_results_do_not_change_what_counts_as_today_s_package() -> None:
    row = decided("panel", grounds_of({}))
    # It goes on in the package that is proven, as a move.
    assert (row["package_type"], row["reason"], row["moves"]) == ("bag", "proven_safe", True)
    assert (row["moved_from"], row["on_trial"]) == ("mailer", ["bag"])


def test_where_the_package_before_is_gone_no_move_can_be_sent_back() -> None:
    row = decided("gone", grounds_of({}))
    assert (row["package_type"], row["reason"], row["moved_from"], row["on_trial"]) == ("bag", "kept", None, None)


def test_a_package_that_is_not_used_any_more_gives_way_to_a_safe_default() -> None:
    row = decided("ended", grounds_of({}))
    assert (row["package_type"], row["reason"]) == ("box", "safe_default")


def test_away_from_a_package_that_own_shipments_prove_unsafe_to_one_that_is_proven_whatever_it_costs() -> None:
    MARKS["broken_today", "mailer"] = FOUND_UNSAFE
    assert decided("broken_today", grounds_of(CERTIFICATES))["reason"] == "kept"
    MARKS["broken_today", "box"] = KNOWN_SAFE
    row = decided("broken_today", grounds_of(CERTIFICATES))
    assert (row["package_type"], row["reason"]) == ("box", "proven_safe")


def test_a_product_waits_for_its_turn_unless_it_has_moved_before() -> None:
    grounds = grounds_of(CERTIFICATES)
    some = replace(grounds, released={"NA": 0.5})
    assert decided("stays", some, turn=0.49)["package_type"] == "bag"
    late = decided("stays", some, turn=0.5)
    assert (late["package_type"], late["why_not_moved"]) == ("mailer", "held_back")
    assert decided("trial", some, turn=0.9)["package_type"] == "bag"


def test_a_ban_that_the_round_knew_lets_the_policy_choose_the_next_package(found: Found) -> None:
    assert decided("old_ban", grounds_of(CERTIFICATES))["package_type"] == "mailer"
    assert found["old_ban", "bag"] == ("INFEASIBLE", "banned", None)
    assert found["old_ban", "mailer"] == MOVE


def test_a_later_ban_stops_the_move_and_nothing_untested_takes_its_place() -> None:
    row = decided("new_ban", grounds_of(CERTIFICATES))
    assert (row["package_type"], row["reason"], row["why_not_moved"]) == ("box", "kept", "banned")


def test_a_product_leaves_a_banned_package_for_a_safe_default_and_takes_no_banned_proof() -> None:
    row = decided("banned_today", grounds_of({}))
    assert (row["package_type"], row["reason"]) == ("box", "banned")
    assert row["alternatives"] == []


def test_away_from_a_banned_package_a_proof_is_no_move_by_certificate(found: Found) -> None:
    row = decided("banned_proven", grounds_of(CERTIFICATES))
    assert (row["package_type"], row["reason"], row["certificate_id"], row["moves"]) == ("bag", "banned", None, True)
    assert found["banned_proven", "bag"] == ("CERTIFIED", "proven_safe", None)


def test_a_pin_stands_above_certificates_and_ends_what_was_on_trial() -> None:
    row = decided("pinned", grounds_of(CERTIFICATES))
    assert (row["package_type"], row["reason"], row["moves"]) == ("box", "pinned", False)
    assert (row["moved_from"], row["on_trial"], row["alternatives"]) == (None, None, [])


def test_nothing_is_pinned_to_a_package_that_is_not_used_any_more() -> None:
    assert decided("pinned_late", grounds_of({}))["reason"] == "kept"


def test_a_small_saving_moves_nothing() -> None:
    # Mailer to bag saves .2 and the weight of 40 g.
    assert decided("stays", grounds_of(CERTIFICATES, least_saving=0.21))["why_not_moved"] == "saving_too_small"
    assert decided("stays", grounds_of(CERTIFICATES, least_saving=0.21, weight_cost=1.0))["reason"] == "moved"


def test_the_digest_tells_policies_apart() -> None:
    same = terms_of().digest
    assert terms_of(reject_risk=0.9, queue_size=7, most_moves=3).digest == same
    announced = terms_of(as_of=date(2024, 6, 2))  # a type comes into use
    assert announced.digest != same
    for change in ({"weight_cost": 1.0}, {"damage_cost": 3.0}, {"least_saving": 0.1}, {"price_when_unknown": 1.0}):
        assert terms_of(**change).digest != same
