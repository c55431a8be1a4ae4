"""spark-submit entry of the report step: the HTML report is written."""

from leastpack.cli import job

if __name__ == "__main__":
    job("report")
