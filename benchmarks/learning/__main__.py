"""python -m benchmarks.learning [TABLE ...] [--rows PATTERN] [--quick] [--list]"""

from benchmarks.learning.registry import TABLES
from benchmarks.tables import main

if __name__ == "__main__":
    main("benchmarks.learning", TABLES)
