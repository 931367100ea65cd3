"""The global memory: how full, who goes, how far behind."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from infra.grafana.panels import bars, domain_variable, lines, view

IN = '{domain=~"$domain"}'


def memory() -> Dashboard:
    """The global memory: how full, who goes, how far behind."""
    about = "The global memory: how full, who goes, how far behind."
    return view("memory", about, PANELS, domain_variable(multi=True))


PANELS = (
    bars(
        "Occupancy",
        "Insights held over the bound, a domain.",
        {"{{domain}}": f"scarcity_memory_occupancy_ratio{IN}"},
        bad_above=0.9,
    ),
    lines(
        "Insights held",
        "The latest of each client, and the bound of a domain.",
        {
            "{{domain}}": f"scarcity_memory_insights{IN}",
            "bound": "scarcity_memory_insights_limit",
        },
    ),
    lines(
        "Evictions",
        "Clients that the memory let go to stay within its bound, in five minutes.",
        {"{{domain}}": f"increase(scarcity_memory_evictions_total{IN}[5m])"},
    ),
    lines(
        "Folded and repeated",
        "Insights that entered the memory, and those dropped as repeated or older; a second.",
        {
            "{{domain}} folded": f"rate(scarcity_accepted_insights_total{IN}[1m])",
            "{{domain}} repeated": f"rate(scarcity_duplicate_insights_total{IN}[1m])",
        },
        unit="reqps",
    ),
    lines(
        "Lag of the fold",
        "Insights that wait to be folded, by topic.",
        {"{{topic}}": 'scarcity_consumer_lag_records{service="memory"}'},
    ),
    lines(
        "Workers that fold",
        "More than there are partitions stand by.",
        {"workers": 'scarcity_service_workers{service="memory"}'},
    ),
)
