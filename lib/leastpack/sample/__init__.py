"""The invented marketplace of the demo: products, photos, shipments and the hidden truth behind them."""
