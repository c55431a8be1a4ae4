"""Releases: the audit of tables that belong together, and what a new release changes for a reader."""
