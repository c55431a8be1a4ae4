"""spark-submit entry of the train step: the fused model is trained and its directory written."""

from leastpack.cli import job

if __name__ == "__main__":
    job("train")
