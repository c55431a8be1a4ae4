"""Readers of what customers write: whether a text tells that the product arrived damaged."""
