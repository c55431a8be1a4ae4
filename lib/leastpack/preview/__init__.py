"""`leastpack preview`: what the first rows of each source would become, before any table is written.

Spark reads, cleans and judges as the catalog and outcomes steps do; what is a few thousand rows then comes to the
driver, where it is counted and shown.
"""
