"""The fold's events/s beside a floor and beside other stream processors: `make bench-fold`."""
