"""spark-submit entry of the decide step: pairs are certified and packages recommended."""

from leastpack.cli import job

if __name__ == "__main__":
    job("decide")
