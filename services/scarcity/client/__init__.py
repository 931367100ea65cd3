"""A client of a domain: learns on its own rows, publishes losses, trades priors with peers."""
