"""Sizes, weights, prices and trade item numbers out of texts as people and systems write them; no Spark."""
