"""What hostile clients and a curious server can try; shipped, so that anyone can measure it."""
