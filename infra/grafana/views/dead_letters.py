"""What was refused, why, and what the monitor itself could not read."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from infra.grafana.panels import figures, lines, view


def dead_letters() -> Dashboard:
    """What was refused, and why."""
    return view("dead-letters", "What was refused, and why.", PANELS)


PANELS = (
    figures(
        "Parked, all time",
        "As long as the topic keeps them.",
        {"parked": "sum(scarcity_dead_letters_total)"},
    ),
    figures(
        "Parked in the last hour",
        "By reason below.",
        {"parked": "sum(increase(scarcity_dead_letters_total[1h]))"},
        bad_above=1,
    ),
    figures(
        "Not readable by the monitor",
        "Records of any topic that it left out.",
        {"records": "scarcity_monitor_unreadable_records_total"},
        bad_above=1,
    ),
    figures(
        "Memory of the monitor",
        "Resident; it does not grow with the number of records.",
        {"resident": 'process_resident_memory_bytes{job="scarcity-monitor"}'},
        unit="bytes",
    ),
    lines(
        "By reason",
        "Parked a second.",
        {"{{reason}}": "sum by (reason) (rate(scarcity_dead_letters_total[5m]))"},
        unit="reqps",
    ),
    lines(
        "By reason, all time",
        "As long as the topic keeps them.",
        {"{{reason}}": "scarcity_dead_letters_total"},
    ),
    lines(
        "Parked per insight",
        "Share of what clients publish.",
        {
            "parked": "sum(rate(scarcity_dead_letters_total[5m])) / "
            "(sum(rate(scarcity_insights_total[5m])) > 0)"
        },
        unit="percentunit",
    ),
    lines(
        "Records the monitor reads",
        "A second, all topics.",
        {"records": "rate(scarcity_monitor_records_total[1m])"},
        unit="reqps",
    ),
)
