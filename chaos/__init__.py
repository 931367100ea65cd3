"""Kills everything at random moments and compares what is left with an undisturbed run."""
