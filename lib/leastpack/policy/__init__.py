"""The policy that moves products to lighter packages, and the statistics that let it: plain arrays, no Spark."""
