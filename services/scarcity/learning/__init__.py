"""Pure arithmetic of the learning: no I/O, no clock, no generator but public seeds.

The meta-learner's side is numpy (integer sums and elementwise IEEE operations only, so that a
version is the same bytes on every machine); the clients' side is torch in float64.
"""
