"""spark-submit entry of the score step: every product is scored in every package type."""

from leastpack.cli import job

if __name__ == "__main__":
    job("score")
