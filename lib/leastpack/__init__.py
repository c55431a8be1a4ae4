"""leastpack: which package can each product safely ship in."""

__version__ = "0.1.0"
