"""Traces across services through a header, and logs that name the trace they belong to."""
