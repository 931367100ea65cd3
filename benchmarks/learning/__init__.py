"""Tables that the learning must earn: see docs/results.md."""
