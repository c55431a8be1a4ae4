"""spark-submit entry of the publish step: table versions are audited and released."""

from leastpack.cli import job

if __name__ == "__main__":
    job("publish")
