"""Who trades priors with whom: the pure planner and its service. Imports no torch, no numpy."""
