"""The chart `scarcity`, the value sets it is tried with, and what checks them."""
