"""Ed25519 keys of writers, operators and clients: made, kept in files, and used. No broker."""
