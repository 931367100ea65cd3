"""Everything on one machine: child processes that are watched, restarted, and never left behind."""
