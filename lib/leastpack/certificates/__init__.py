"""Certificates of the policy: what is promised of the products that move, and the rounds of tests that settle it."""
