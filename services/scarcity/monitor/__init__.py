"""Watches every topic with its own consumers: a live view, Prometheus metrics, a health page."""
