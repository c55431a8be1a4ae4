"""What is absurd: values outside these limits are nulled, with a code, and never kept.

The limits are wide on purpose. They catch slips of unit and of keyboard, not rare products.
"""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F

MAX_SIDE_CM = 500.0  # a parcel network takes far less; 999 inches is a placeholder
MIN_SIDE_CM = 0.005  # 50 micrometres, a plastic film
MAX_WEIGHT_G = 200_000.0
MIN_WEIGHT_G = 0.05
# Nothing sold is denser than platinum, and little lighter than aerogel-like foam.
MIN_DENSITY, MAX_DENSITY = 0.002, 22.0  # g/cm3

# A unit that was lost must give a density that ordinary goods have: from a pillow to solid steel.
MIN_USUAL_DENSITY, MAX_USUAL_DENSITY = 0.01, 8.0  # g/cm3
# The prior over densities is log-normal. Half of a real catalog whose weights are in pounds lies below 0.24 g/cm3, the
# middle half between 0.13 and 0.49; its tails, from rounded weights and sizes of other things, are heavier than that.
USUAL_DENSITY = 0.25  # g/cm3
DENSITY_SPREAD = 1.2  # standard deviation of its natural logarithm
# A declared weight in the right unit comes close to a measured one, and within this factor.
MEASURED_SPREAD = 0.3
MAX_WEIGHT_RATIO = 4.0


def plausible_side(side_cm: Column) -> Column:
    """Whether a side can be one."""
    return side_cm.between(MIN_SIDE_CM, MAX_SIDE_CM)


def plausible_weight(weight_g: Column) -> Column:
    """Whether a weight can be one."""
    return weight_g.between(MIN_WEIGHT_G, MAX_WEIGHT_G)


def plausible_density(weight_g: Column, volume_cm3: Column) -> Column:
    """Whether weight and volume can belong together; true where one of them is unknown."""
    density = weight_g / F.nullif(volume_cm3, F.lit(0.0))
    return F.coalesce(density.between(MIN_DENSITY, MAX_DENSITY), F.lit(True))
