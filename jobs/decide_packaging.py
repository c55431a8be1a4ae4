"""spark-submit entry of the decide step: packages are recommended and tests queued."""

from leastpack.cli import job

if __name__ == "__main__":
    job("decide")
