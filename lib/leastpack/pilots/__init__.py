"""Pilots: trial shipments of products drawn by chance, which certify moves as tests of people do."""
