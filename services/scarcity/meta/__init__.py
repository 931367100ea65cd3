"""The meta-learner: turns what the clients of a domain reported into its next version."""
