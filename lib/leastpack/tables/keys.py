"""Columns that name a pair and a product."""

PAIR = ["marketplace", "product_id", "package_type"]
PRODUCT = PAIR[:2]
