"""The policy of packages on plain arrays: choice, levels, tests, pilots. No Spark, no reading, no writing."""

# Raise it where the code of a choice changes what is chosen: certificates of the one before then end.
POLICY_VERSION = 1
