"""spark-submit entry of the outcomes step: shipments, returns, reviews and tests become labels."""

from leastpack.cli import job

if __name__ == "__main__":
    job("outcomes")
