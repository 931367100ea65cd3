"""The one place that speaks to Kafka: topics.yaml, the embedded broker, producers and consumers."""
