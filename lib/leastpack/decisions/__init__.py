"""Decisions on pairs, recommendations for products, and the queue of tests."""
