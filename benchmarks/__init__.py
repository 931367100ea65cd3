"""Measured, never asserted in tests: each command prints its floor or target beside its result."""
