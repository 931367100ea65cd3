"""Reads what was parked, and sends it again when its cause is gone."""
