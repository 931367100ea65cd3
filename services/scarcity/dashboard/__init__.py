"""One page that shows what the topics say: aggregated here, pushed as it happens, kept nowhere."""
