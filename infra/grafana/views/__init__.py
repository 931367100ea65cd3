"""One file a dashboard: the panels, and the query behind every figure."""
