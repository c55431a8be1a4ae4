"""Training: the Parquet snapshot, the guarded reader, the sampling arms, the loop and where it runs."""
