"""Pictures of the invented products: a camera over a conveyor, and a studio with a white background."""
