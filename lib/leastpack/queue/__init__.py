"""The test queue as a tester's sheet, and its results back."""
