"""From an insight to the parameters it moved."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from infra.grafana.panels import buckets, domain_variable, lines, view

IN = '{domain=~"$domain"}'
SECONDS = "scarcity_insight_to_parameters_seconds"


def latency() -> Dashboard:
    """From an insight to the parameters it moved."""
    about = "From an insight to the parameters it moved."
    return view("latency", about, PANELS, domain_variable(multi=True))


def quantile(share: float) -> str:
    """A quantile over five minutes, by domain."""
    by_bucket = f"sum by (domain, le) (rate({SECONDS}_bucket{IN}[5m]))"
    return f"histogram_quantile({share}, {by_bucket})"


PANELS = (
    lines(
        "From insight to parameters",
        "Newest insight of a version to that version's record, in five minutes.",
        {"{{domain}} p50": quantile(0.5), "{{domain}} p99": quantile(0.99)},
        unit="s",
    ),
    buckets(
        "All versions",
        "How many took how long.",
        f"sum by (le) (increase({SECONDS}_bucket{IN}[1m]))",
    ),
    lines(
        "Mean",
        "In five minutes.",
        {
            "{{domain}}": f"rate({SECONDS}_sum{IN}[5m]) / (rate({SECONDS}_count{IN}[5m]) > 0)",
        },
        unit="s",
    ),
    lines(
        "Phases of the last round",
        "Where its time went.",
        {"{{domain}} {{phase}}": f"scarcity_round_phase_seconds{IN}"},
        unit="s",
    ),
    lines(
        "Lag by service",
        "Records behind the end.",
        {"{{service}}": "sum by (service) (scarcity_consumer_lag_records)"},
    ),
    lines(
        "The monitor behind the topics",
        "Age of the newest record it has read, and of its look at consumer groups.",
        {
            "newest record": "time() - scarcity_monitor_newest_record_timestamp_seconds",
            "groups": "time() - scarcity_monitor_groups_read_timestamp_seconds",
        },
        unit="s",
    ),
)
