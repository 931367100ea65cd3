"""All domains on one page: do they learn, is anything wrong."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from infra.grafana.panels import figures, lines, view


def overview() -> Dashboard:
    """All domains: rounds, clients, losses, trouble."""
    return view("overview", "All domains: rounds, clients, losses, trouble.", PANELS)


PANELS = (
    figures(
        "Insights",
        "Records clients publish, all domains together.",
        {"insights a second": "sum(rate(scarcity_insights_total[1m]))"},
        unit="reqps",
    ),
    figures(
        "Active clients",
        "Clients whose last insight is as young as their domain's policy wants.",
        {"active": 'sum(scarcity_clients{state="active"})'},
    ),
    figures(
        "Lag",
        "Records that services are behind the end of their topics.",
        {"records": "sum(scarcity_consumer_lag_records)"},
        bad_above=1000,
    ),
    figures(
        "Dead letters in the last hour",
        "Records that were refused, with their reason.",
        {"parked": "sum(increase(scarcity_dead_letters_total[1h]))"},
        bad_above=1,
    ),
    lines(
        "Rounds",
        "Versions of the meta-parameters that a domain has finished.",
        {"{{domain}}": "scarcity_rounds_total"},
    ),
    lines(
        "Loss now over loss at the start",
        "Mean query loss of the last round's clients; below 1 the domain has learned.",
        {"{{domain}}": "scarcity_loss / scarcity_start_loss"},
        unit="percentunit",
    ),
    lines(
        "New clients against their own best",
        "Error of clients that never took part over that of their own tuned ridge; below 1 the "
        "meta-parameters help.",
        {
            "{{domain}}": 'scarcity_evaluation_error{model="routed"} / ignoring (model) '
            'scarcity_evaluation_error{model="own_ridge"}'
        },
        unit="percentunit",
    ),
    lines(
        "Workers",
        "Members of each service's consumer group; 0 is an alert.",
        {"{{service}}": "scarcity_service_workers"},
    ),
    lines(
        "Insights by domain",
        "Published a second.",
        {"{{domain}}": "sum by (domain) (rate(scarcity_insights_total[1m]))"},
        unit="reqps",
    ),
    lines(
        "Clients by state",
        "Joined, heard (in the global memory), active.",
        {"{{state}}": "sum by (state) (scarcity_clients)"},
    ),
    lines(
        "Clients that count no more",
        "Quarantine, by whose word.",
        {"{{domain}} {{by}}": "sum by (domain, by) (scarcity_marked_clients)"},
    ),
    lines(
        "Clients at their privacy limit",
        "Those that publish no more slopes, and those that are silent.",
        {"{{domain}} {{state}}": "sum by (domain, state) (scarcity_privacy_limited_clients)"},
    ),
)
