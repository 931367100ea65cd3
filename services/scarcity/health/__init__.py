"""Whether a service on this machine is alive and ready, by a file that it renews."""
