"""What runs the services: images, compose, Helm, Prometheus, Grafana; Python writes their files."""
