"""Shipments, returns, reviews and human tests become labels and training examples."""
