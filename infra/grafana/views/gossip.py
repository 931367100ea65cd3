"""Peers: exchanges, evictions, who waits."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from infra.grafana.panels import domain_variable, lines, view

IN = '{domain=~"$domain"}'
EXCHANGES = f"sum by (domain) (rate(scarcity_gossip_exchanges_total{IN}[5m]))"
EVICTIONS = f"sum by (domain) (rate(scarcity_gossip_evictions_total{IN}[5m]))"


def gossip() -> Dashboard:
    """Peers trade priors: how often, and whom it hurt."""
    about = "Peers trade priors: how often, and whom it hurt."
    return view("gossip", about, PANELS, domain_variable(multi=True))


PANELS = (
    lines(
        "Exchanges",
        "Between peers, a second.",
        {"{{domain}}": EXCHANGES},
        unit="ops",
    ),
    lines(
        "Cycles planned",
        "Groups are drawn anew in each.",
        {"{{domain}}": f"scarcity_gossip_cycles_total{IN}"},
    ),
    lines(
        "Evictions and re-admissions",
        "Peers left out after they hurt, and let in again; in five minutes.",
        {
            "{{domain}} evicted": f"increase(scarcity_gossip_evictions_total{IN}[5m])",
            "{{domain}} let in": f"increase(scarcity_gossip_readmissions_total{IN}[5m])",
        },
    ),
    lines(
        "Evictions per exchange",
        "Above a quarter peers are too different, or some of them poison.",
        {"{{domain}}": f"{EVICTIONS} / ({EXCHANGES} > 0)"},
        unit="percentunit",
    ),
    lines(
        "Clients that wait for peers",
        "Their domain has too few that are active.",
        {"{{domain}}": f"scarcity_gossip_waiting_clients{IN}"},
    ),
    lines(
        "Messages refused",
        "Not signed by their sender, sent again, or not for the reader; in five minutes.",
        {"{{domain}} {{reason}}": f"increase(scarcity_gossip_refused_total{IN}[5m])"},
    ),
    lines(
        "Gossip phase of a round",
        "Seconds the last round spent in it.",
        {"{{domain}}": 'scarcity_round_phase_seconds{domain=~"$domain", phase="gossip"}'},
        unit="s",
    ),
)
