"""Federated meta-learning as an event-driven pipeline on Kafka."""

__version__ = "0.1.0"
