"""spark-submit entry of the catalog step: raw exports become clean products."""

from leastpack.cli import job

if __name__ == "__main__":
    job("catalog")
