"""The auditor: recomputes from the topics alone what the services say they did."""
