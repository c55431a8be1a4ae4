"""What is wrong with rows of scores and decisions: the count on arrays is the count of a plain look at every pair."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from leastpack.releases.rows import Allowed, decisions_wrong, scores_wrong
from leastpack.tables.by_pair import TYPES

Row = dict[str, Any]
NAMES = {"NA": ["bag", "box", "mailer"], "EU": ["bag"]}
ALLOWED = Allowed({"c": 0.5, "d": 0.5}, {"c": "m", "d": "other"}, frozenset({("NA", "box")}))
_FLOATS, _STRINGS = pa.list_(pa.float32()), pa.list_(pa.string())
SCORES = pa.schema(
    {
        "marketplace": pa.string(), TYPES: _STRINGS, "risk": _FLOATS, "damage_rate": _FLOATS,
        "void_share": pa.list_(pa.float64()), "error": _STRINGS, "fits": pa.list_(pa.bool_()),
    }
)  # fmt: skip
DECISIONS = pa.schema(
    {
        "marketplace": pa.string(), TYPES: _STRINGS, "decision": _STRINGS, "reason": _STRINGS, "risk": _FLOATS,
        "fits": pa.list_(pa.bool_()), "recommended": pa.string(), "moves": pa.bool_(), "certificate_id": pa.string(),
        "model_version": pa.string(),
    }
)  # fmt: skip
NUMBER = st.one_of(st.none(), st.sampled_from([-0.5, 0.0, 0.25, 1.0, 1.5, float("nan")]))
ERROR = st.sampled_from([None, "INTERNAL", "NO_INPUT"])


@st.composite
def listed(draw: st.DrawFn, lists: dict[str, st.SearchStrategy[Any]], **shared: st.SearchStrategy[Any]) -> list[Row]:
    """Products of two marketplaces; the lists of some are too short."""
    rows = []
    for _ in range(draw(st.integers(0, 5))):
        market = draw(st.sampled_from(sorted(NAMES)))
        names = NAMES[market]
        row: Row = {"marketplace": market, TYPES: names, **{name: draw(one) for name, one in shared.items()}}
        row |= {name: [draw(one) for _ in names] for name, one in lists.items()}
        if draw(st.integers(0, 9)) == 0:
            short = draw(st.sampled_from(sorted(lists)))
            row[short] = row[short][1:]
        rows.append(row)
    return rows


def even(row: Row, lists: dict[str, Any]) -> bool:
    return all(len(row[name]) == len(row[TYPES]) for name in lists)


IN_SCORES = {"risk": NUMBER, "damage_rate": NUMBER, "void_share": NUMBER, "error": ERROR, "fits": st.booleans()}


@settings(deadline=None, max_examples=100)
@given(listed(IN_SCORES))
def test_scores(rows: list[Row]) -> None:
    found = scores_wrong(pa.RecordBatch.from_pylist(rows, schema=SCORES), {})
    for place, row in enumerate(rows):
        counts = {name: int(values[place]) for name, values in found.items()}
        expected = {"pairs": len(row[TYPES]), "uneven": int(not even(row, IN_SCORES)), "rises": 0}
        expected |= dict.fromkeys(("null_rule", "outside_0_1", "failed"), 0)
        if even(row, IN_SCORES):
            for risk, rate, error in zip(row["risk"], row["damage_rate"], row["error"], strict=True):
                expected["null_rule"] += any((one is None) != (error is not None) for one in (risk, rate))
                expected["outside_0_1"] += any(one is not None and not 0 <= one <= 1 for one in (risk, rate))
                expected["failed"] += error == "INTERNAL"
        assert counts == expected


REASON = st.sampled_from(
    ["certified_move", "by_order", "proven_safe", "doubtful", "not_in_use", "banned", "proven_unsafe", "NO_INPUT"]
)
IN_DECISIONS = {
    "decision": st.sampled_from(["CERTIFIED", "TEST", "REJECTED", "UNSCORED"]),
    "reason": REASON,
    "risk": st.one_of(st.none(), st.sampled_from([0.25, 0.5, 0.75])),
    "fits": st.sampled_from([True, False, None]),
}
OF_PRODUCTS = {
    "recommended": st.sampled_from([None, "bag", "box", "gone"]),
    "moves": st.booleans(),
    "certificate_id": st.sampled_from([None, "c", "d", "unknown"]),
    "model_version": st.just("m"),
}


@settings(deadline=None, max_examples=150)
@given(listed(IN_DECISIONS, **OF_PRODUCTS))
def test_decisions(rows: list[Row]) -> None:
    found = decisions_wrong(pa.RecordBatch.from_pylist(rows, schema=DECISIONS), ALLOWED)
    for place, row in enumerate(rows):
        counts = {name: int(values[place]) for name, values in found.items()}
        assert counts == (plain(row) if even(row, IN_DECISIONS) else {**dict.fromkeys(counts, 0), "uneven": 1})


def plain(row: Row) -> dict[str, int]:
    lists = (TYPES, *IN_DECISIONS)
    pairs = [dict(zip(lists, one, strict=True)) for one in zip(*(row[name] for name in lists), strict=True)]
    certificate = row["certificate_id"]
    level = ALLOWED.levels.get(certificate)
    by_certificate = any(pair["reason"] in ("certified_move", "by_order") for pair in pairs)
    unnamed = by_certificate != (certificate is not None)
    other = by_certificate and ALLOWED.models.get(certificate) != "m"
    sound = any(
        pair[TYPES] == row["recommended"]
        and (
            pair["decision"] == "CERTIFIED"
            or (
                (row["marketplace"], pair[TYPES]) in ALLOWED.defaults
                and pair["fits"] is True
                and pair["reason"] not in ("proven_unsafe", "not_in_use", "banned")
            )
        )
        for pair in pairs
    )
    return {
        "uneven": 0,
        "above_level": sum(
            pair["reason"] == "certified_move" and not (level and pair["risk"] is not None and pair["risk"] <= level)
            for pair in pairs
        ),
        "certificate_unnamed": int(unnamed or other),
        "certified_unfit": sum(pair["decision"] == "CERTIFIED" and pair["fits"] is not True for pair in pairs),
        "unscored_rule": sum((pair["decision"] == "UNSCORED") != (pair["risk"] is None) for pair in pairs),
        "unsound_recommendations": int((row["moves"] and not sound) or row["recommended"] not in (None, *row[TYPES])),
    }
