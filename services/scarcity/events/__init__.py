"""What crosses the broker: one typed struct a file, its codec, its topic. Imports no torch."""
