"""The same cores in one process: an in-process log, virtual time."""
