"""spark-submit entry of the certify step: a round of tests is drawn, or read and certified."""

from leastpack.cli import job

if __name__ == "__main__":
    job("certify")
