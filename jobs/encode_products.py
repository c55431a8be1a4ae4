"""spark-submit entry of the encode step: new texts and photos become vectors."""

from leastpack.cli import job

if __name__ == "__main__":
    job("encode")
