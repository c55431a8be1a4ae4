"""The fused model: torch and numpy only, no Spark."""
