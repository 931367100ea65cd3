"""What a stretch of the topics comes to: charts, one HTML page, tables. Publishes nothing."""
