"""How a client gets its certificate: token, request, certificate, and how it loses it. By files."""
