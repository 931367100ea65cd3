"""How far each expert sees; apart from the feature maps, so that a report needs no torch."""

from math import inf
from typing import Final

# The last one is linear. Fixed for years: the number of an expert names its length scale.
LENGTH_SCALES: Final = (0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, inf)
