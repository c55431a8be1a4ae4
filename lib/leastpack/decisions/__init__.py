"""Certificates, decisions, recommendations, the test queue and releases."""
