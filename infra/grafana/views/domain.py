"""One domain: losses, experts, rounds, privacy."""

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row

from infra.grafana.panels import domain_variable, figures, lines, view

IN = '{domain="$domain"}'


def domain() -> Dashboard:
    """One domain: losses, experts, rounds, privacy."""
    variable = domain_variable(multi=False)
    return view("domain", "One domain: losses, experts, rounds, privacy.", PANELS, variable)


PANELS = (
    figures(
        "Round",
        "Newest version of the meta-parameters.",
        {"round": f"scarcity_rounds_total{IN}"},
    ),
    figures(
        "Since the last round",
        "By the broker's clock.",
        {"age": f"time() - scarcity_last_round_timestamp_seconds{IN}"},
        unit="s",
        bad_above=600,
    ),
    figures(
        "Step size",
        "What the gate leaves of the meta-learner's step.",
        {"step": f"scarcity_step_scale_ratio{IN}"},
        unit="percentunit",
    ),
    figures(
        "Staleness",
        "Mean age of the insights of the last round, versions.",
        {"versions": f"scarcity_staleness_versions{IN}"},
        bad_above=5,
    ),
    Row("Loss"),
    lines(
        "Loss of the clients",
        "Mean query loss of the last round, and of the first.",
        {"now": f"scarcity_loss{IN}", "at the start": f"scarcity_start_loss{IN}"},
    ),
    lines(
        "New clients",
        "Error of clients that never took part: with the meta-parameters, and alone.",
        {"{{model}}": f"scarcity_evaluation_error{IN}"},
    ),
    lines(
        "Loss by expert",
        "Mean query loss of the last round's clients.",
        {"{{expert}}": f"scarcity_expert_loss{IN}"},
    ),
    lines(
        "Weight by expert",
        "Mean share in the ensemble of new clients; all together 1.",
        {"{{expert}}": f"scarcity_expert_routing_ratio{IN}"},
        unit="percentunit",
    ),
    Row("Rounds"),
    lines(
        "Phases of the last round",
        "Gossip, collection, processing, broadcast, training.",
        {"{{phase}}": f"scarcity_round_phase_seconds{IN}"},
        unit="s",
    ),
    lines(
        "Steps taken back, repairs",
        "By the gate, and by an operator's ruling.",
        {
            "taken back": f"scarcity_reverted_rounds_total{IN}",
            "repairs": f"scarcity_repaired_versions_total{IN}",
        },
    ),
    lines(
        "Clients",
        "Joined, heard (in the global memory), active; and what a round needs.",
        {
            "{{state}}": f"scarcity_clients{IN}",
            "needed": f"scarcity_round_min_clients{IN}",
        },
    ),
    lines(
        "Clients that count no more",
        "Quarantine, by whose word.",
        {"{{by}}": f"scarcity_marked_clients{IN}"},
    ),
    Row("Privacy"),
    lines(
        "Insights",
        "Published, folded, repeated, and of losses alone; a second.",
        {
            "published": f"rate(scarcity_insights_total{IN}[1m])",
            "folded": f"rate(scarcity_accepted_insights_total{IN}[1m])",
            "repeated": f"rate(scarcity_duplicate_insights_total{IN}[1m])",
            "losses alone": f"rate(scarcity_losses_only_insights_total{IN}[1m])",
        },
        unit="reqps",
    ),
    lines(
        "Epsilon spent",
        "Privacy mode dp alone has one; its probability of failure beside it.",
        {
            "spent": f"scarcity_privacy_epsilon{IN}",
            "limit": f"scarcity_privacy_epsilon_limit{IN}",
            "delta": f"scarcity_privacy_delta{IN}",
        },
    ),
    lines(
        "Clients at their privacy limit",
        "Those that publish no more slopes, and those that are silent.",
        {"{{state}}": f"scarcity_privacy_limited_clients{IN}"},
    ),
)
