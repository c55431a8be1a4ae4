"""Text and image encoders, image fetching, and the embeddings they fill."""
