"""Product groups that must stay on one side of every split: families, identical texts, shared identifiers.

Two products are linked when they share a family within a marketplace, the exact text, or a universal identifier; a
group is everything that links reach. A missing value links nothing, nor does a family or identifier that more products
share than any real one has: it is a filler, and would make one group, one split and one task of unlike products. A text
links however many share it: its products have one vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from leastpack.config.outcomes import SplitConfig
from leastpack.errors import PromiseError
from leastpack.log import log

SPLITS = ("train", "validation", "calibrate", "certify", "test")
SPLIT_STEPS = 1_000_000
MAX_ROUNDS = 64
MOST_TOLD = 20
TEXT = "text"


@dataclass(frozen=True)
class WideLink:
    """A value that more products share than is plausible.

    Attributes:
        kind: `family`, `text` or `universal`.
        value: The family, key of the text, or universal identifier.
        products: How many share it.
    """

    kind: str
    value: str
    products: int


@dataclass(frozen=True)
class Groups:
    """Product groups.

    Attributes:
        products: marketplace, product_id, group_id (16 hex digits).
        wide: Values shared by too many, the widest first, MOST_TOLD at most.
    """

    products: DataFrame
    wide: tuple[WideLink, ...]


def product_groups(products: DataFrame, most_sharing: int) -> Groups:
    """The group of every product, named after its smallest node so that it does not depend on the order of rows.

    Args:
        products: marketplace, product_id, family_id, text_key, universal_id; one row a product.
        most_sharing: A family or universal identifier of more products links nothing.

    Raises:
        PromiseError: The groups did not settle.
    """
    nodes = products.select("marketplace", "product_id", _node().alias("node"), _links().alias("links"))
    shared = _shared(nodes).localCheckpoint()
    too_many = F.col("nodes") > most_sharing
    labels = connected_labels(_linked(shared.where(~too_many | (F.col("kind") == TEXT))))
    label = F.coalesce(F.col("label"), F.col("node"))
    group = F.lpad(F.lower(F.hex(label)), 16, "0")
    joined = nodes.join(labels, on="node", how="left").select("marketplace", "product_id", group.alias("group_id"))
    values = shared.where(too_many).select("kind", "value", "nodes").distinct()
    widest = values.orderBy(F.desc("nodes"), "kind", "value").limit(MOST_TOLD).collect()
    wide = tuple(WideLink(row["kind"], row["value"], row["nodes"]) for row in widest)
    return Groups(joined, wide)


def warn_of_wide_links(products: DataFrame, wide: Sequence[WideLink]) -> None:
    """Tell of each value that too many products share, of a text by the start of its title."""
    for link in wide:
        if link.kind != TEXT:
            todo = "map it to null in the source of products, or raise outcomes.most_sharing if they are one product"
            log.warning("a value shared by too many products links none", **vars(link), todo=todo)
            continue
        title = products.where(F.col("text_key") == link.value).select(F.substring("title", 1, 60)).limit(1).collect()
        log.warning(
            "many products have one text: they are one group, one split and one vector",
            title=title[0][0] if title else None,
            products=link.products,
            todo="map a text that tells them apart, if they are not one product",
        )


def connected_labels(members: DataFrame) -> DataFrame:
    """The smallest node of each node's connected component.

    A round gives every node the smallest label of all nodes it shares a link with. Besides its own links a node counts
    as linked with the nodes its label names and named the round before: labels then travel along labels as well, and a
    chain of a thousand nodes takes about 15 rounds, not a thousand (shortcutting and hooking, after Shiloach and
    Vishkin 1982, Journal of Algorithms 3).
    Each round is cut off from the plan of the one before (kept on the executors, no checkpoint folder needed): nested
    cached plans double in size with every round.

    Args:
        members: node (bigint), links (array of bigint); one row a node.

    Returns:
        node, label.

    Raises:
        PromiseError: Labels still change after `MAX_ROUNDS` rounds.
    """
    state = members.select("node", "links", F.col("node").alias("label"), F.col("node").alias("before"))
    for number in range(1, MAX_ROUNDS + 1):
        state = _round(state).localCheckpoint()
        changed = state.where("label <> before").count()
        log.info("groups", round=number, changed=changed)
        if not changed:
            return state.select("node", "label")
    raise PromiseError(f"product groups did not settle in {MAX_ROUNDS} rounds", found=f"{changed} labels still change")


def split_column(group_id: Column, split: SplitConfig) -> Column:
    """The split of a group, by hash of its name and the salt."""
    place = F.pmod(F.xxhash64(group_id, F.lit(split.salt)), F.lit(SPLIT_STEPS))
    column, reached = F.when(F.lit(False), F.lit(None).cast("string")), 0.0
    for name in SPLITS[:-1]:
        reached += getattr(split, name)
        column = column.when(place < round(reached * SPLIT_STEPS), F.lit(name))
    return column.otherwise(F.lit(SPLITS[-1]))


def _node() -> Column:
    return F.xxhash64(F.lit("product"), F.col("marketplace"), F.col("product_id"))


def _links() -> Column:
    def link(kind: str, *columns: str) -> Column:
        value = F.col(columns[-1])
        hashed = F.xxhash64(F.lit(kind), *map(F.col, columns))
        named = F.struct(F.lit(kind).alias("kind"), value.alias("value"), hashed.alias("link"))
        return F.when(value.isNotNull(), named)

    return F.array_compact(
        F.array(link("family", "marketplace", "family_id"), link(TEXT, "text_key"), link("universal", "universal_id"))
    )


def _shared(nodes: DataFrame) -> DataFrame:
    """Nodes with each link that they share with another node; all others are groups of their own and take no rounds."""
    single = nodes.select("node", F.explode("links").alias("one")).select("node", "one.*")
    return single.withColumn("nodes", F.count("*").over(Window.partitionBy("link"))).where("nodes > 1")


def _linked(shared: DataFrame) -> DataFrame:
    return shared.groupBy("node").agg(F.collect_set("link").alias("links"))


def _round(state: DataFrame) -> DataFrame:
    reach = F.array_union("links", F.array("node", "label", "before"))
    seen = state.select("node", "links", "label", F.explode(reach).alias("link"))
    least = F.min("label").over(Window.partitionBy("link"))
    return (
        seen.withColumn("least", least)
        .groupBy("node", F.array_sort("links").alias("links"), F.col("label").alias("before"))
        .agg(F.min("least").alias("label"))
    )
