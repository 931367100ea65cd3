import re

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from tests.monitor import records

from scarcity.events.errors import Reason
from scarcity.monitor.domain_families import DOMAIN_FAMILIES
from scarcity.monitor.metrics import Groups, SystemCollector, exposition
from scarcity.monitor.view import SystemView

UNITS = ("seconds", "versions", "ratio", "records", "insights", "clients", "rounds", "workers")
# What is no quantity of a unit: losses and errors are in standardised units, epsilon has none.
WITHOUT_UNIT = {
    "scarcity_loss", "scarcity_start_loss", "scarcity_expert_loss", "scarcity_evaluation_error",
    "scarcity_memory_insights_limit", "scarcity_dead_letters", "scarcity_gossip_cycles",
    "scarcity_gossip_exchanges", "scarcity_gossip_evictions", "scarcity_gossip_readmissions",
    "scarcity_memory_evictions", "scarcity_privacy_epsilon", "scarcity_privacy_epsilon_limit",
    "scarcity_privacy_delta", "scarcity_gossip_refused",
}  # fmt: skip
LABELS = {
    "domain", "expert", "reason", "state", "model", "phase", "by",
    "service", "group", "topic", "le",
}  # fmt: skip
FOLD, TOPIC = "scarcity-memory-fold", "insights.retail"
GROUPS = Groups(
    lag={(FOLD, TOPIC): 7, ("scarcity-of-somebody", TOPIC): 9},
    members={FOLD: 2, "scarcity-meta": 0},
    read_at_ms=2_000,
)


def page_of(view: SystemView, now_ms: int = 3_000) -> str:
    return exposition(SystemCollector(view, lambda: now_ms, lambda: GROUPS)).decode()


def families_of(page: str) -> list[Metric]:
    return list(text_string_to_metric_families(page))


@pytest.fixture
def page() -> str:
    view = SystemView(memory_limit=10_000)
    view.fold([*records.a_session(), *records.a_private_session(), *records.a_session_with_marks()])
    return page_of(view)


def value(page: str, name: str, **labels: str) -> float:
    for family in families_of(page):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    raise AssertionError(f"{name}{labels} is not on the page")


def test_every_name_follows_the_conventions(page: str) -> None:
    for family in families_of(page):
        assert re.fullmatch(r"scarcity_[a-z0-9_]+", family.name)
        assert family.documentation.endswith(".") or "SCARCITY_" in family.documentation, family
        assert family.name.endswith(UNITS) or family.name in WITHOUT_UNIT, family.name
        assert not re.search(r"_(ms|minutes|kib|percent)(_|$)", family.name), "base units only"
        for sample in family.samples:
            assert set(sample.labels) <= LABELS
            if family.type == "counter":
                assert sample.name.endswith("_total")
            if family.type == "gauge":
                assert not sample.name.endswith("_total")


def test_every_family_of_the_table_has_values(page: str) -> None:
    """The sessions above fill them all, so that the other tests here walk all of them."""
    filled = {sample.name for family in families_of(page) for sample in family.samples}
    assert {family.name for family in DOMAIN_FAMILIES} <= filled


def test_labels_take_the_values_that_the_table_allows(page: str) -> None:
    allowed = {
        (family.name, label): set(values)
        for family in DOMAIN_FAMILIES
        for label, values in zip(family.labels, family.allowed, strict=True)
    }
    for family in families_of(page):
        for sample in family.samples:
            for label, told in sample.labels.items():
                if (sample.name, label) in allowed:
                    assert told in allowed[sample.name, label]


def test_the_page_does_not_grow_with_clients_and_names_none() -> None:
    """A label with a client's name would be a series a client: no bound."""

    def samples(clients: int) -> tuple[int, str]:
        view = SystemView(memory_limit=10)
        view.fold(records.a_session())
        for number in range(clients):
            name = f"shop-{number}-of-many"
            view.fold(
                [
                    records.registered(name, "retail", "slopes" if number % 2 else "all"),
                    records.insight(name, "retail"),
                    records.memory(name, "retail"),
                    records.plan(name, "retail", []),
                    records.weights(name, "retail", exchanges=1, evictions=1),
                    records.parked(f"because of {name}"),
                ]
            )
        page = page_of(view)
        return sum(len(family.samples) for family in families_of(page)), page

    few, _ = samples(3)
    many, page = samples(300)
    assert many == few
    assert "of-many" not in page
    assert "scarcity-of-somebody" not in page  # nor is a group that is none of ours


def test_the_figures_of_the_topics_are_on_the_page(page: str) -> None:
    retail = {"domain": "retail"}
    assert value(page, "scarcity_rounds_total", **retail) == 30
    assert value(page, "scarcity_insights_total", **retail) == 30
    assert value(page, "scarcity_accepted_insights_total", **retail) == 30
    assert value(page, "scarcity_clients", **retail, state="active") == 1
    assert value(page, "scarcity_staleness_versions", **retail) == 0.5
    assert value(page, "scarcity_step_scale_ratio", **retail) == 0.7
    assert value(page, "scarcity_round_phase_seconds", **retail, phase="collection") == 0.2
    assert value(page, "scarcity_round_min_clients", **retail) == 2
    # Last ledger entry of energy's session: .4 + .02 * 3 / 30; retail's marks came after it.
    assert value(page, "scarcity_expert_loss", domain="energy", expert="expert_3") == pytest.approx(
        0.402
    )
    assert value(page, "scarcity_expert_routing_ratio", **retail, expert="expert_9") == 0.1
    assert value(page, "scarcity_evaluation_error", **retail, model="own_ridge") == 0.5
    assert value(page, "scarcity_gossip_exchanges_total", **retail) == 3
    assert value(page, "scarcity_gossip_evictions_total", **retail) == 1
    assert value(page, "scarcity_gossip_refused_total", reason="forged", **retail) == 2
    assert value(page, "scarcity_gossip_waiting_clients", **retail) == 1
    assert value(page, "scarcity_gossip_cycles_total", **retail) == 1
    assert value(page, "scarcity_dead_letters_total", reason="malformed") == 2
    assert value(page, "scarcity_memory_insights", **retail) == 1
    assert value(page, "scarcity_memory_insights_limit") == 10_000
    assert value(page, "scarcity_memory_occupancy_ratio", **retail) == 1 / 10_000


def test_the_services_groups_tell_lag_and_workers(page: str) -> None:
    lag = {"service": "memory", "group": "scarcity-memory-fold", "topic": "insights.retail"}
    assert value(page, "scarcity_consumer_lag_records", **lag) == 7
    assert value(page, "scarcity_service_workers", service="memory") == 2
    assert value(page, "scarcity_service_workers", service="meta") == 0
    assert 'scarcity_service_workers{service="gossip"}' not in page  # the broker did not show it
    assert value(page, "scarcity_monitor_groups_read_timestamp_seconds") == 2.0


def test_topics_of_unknown_domains_are_told_as_one() -> None:
    """Else a label would grow with the topics of the cluster."""
    view = SystemView()
    view.fold([records.profile("retail")])
    lag = {(FOLD, f"insights.{name}"): 2 for name in ("retail", "strange", "stranger")}
    page = exposition(SystemCollector(view, lambda: 0, lambda: Groups(lag))).decode()
    of_memory = {"service": "memory", "group": FOLD}
    assert value(page, "scarcity_consumer_lag_records", **of_memory, topic="other") == 4
    assert value(page, "scarcity_consumer_lag_records", **of_memory, topic=TOPIC) == 2
    assert "strange" not in page


def test_every_reason_stands_on_the_page_before_it_occurs() -> None:
    page = page_of(SystemView())
    for reason in (*(reason.value for reason in Reason), "unknown"):
        assert value(page, "scarcity_dead_letters_total", reason=reason) == 0


def test_the_loss_stands_beside_that_of_the_start() -> None:
    view = SystemView()
    view.fold([records.ledger("retail", v, loss=loss) for v, loss in ((1, 0.8), (2, 0.6))])
    page = page_of(view)
    assert value(page, "scarcity_start_loss", domain="retail") == 0.8
    assert value(page, "scarcity_loss", domain="retail") == 0.6


def test_a_client_that_the_memory_let_go_counts_once() -> None:
    view = SystemView()
    gone = records.forgotten("a", "retail")
    view.fold([records.memory("a", "retail"), gone, gone, records.memory("b", "retail")])
    page = page_of(view)
    assert value(page, "scarcity_memory_evictions_total", domain="retail") == 1
    assert value(page, "scarcity_memory_insights", domain="retail") == 1


def test_the_time_to_parameters_is_a_histogram_in_seconds(page: str) -> None:
    name = "scarcity_insight_to_parameters_seconds"
    # Thirty versions of 40 ms each.
    assert value(page, f"{name}_bucket", domain="retail", le="0.025") == 0
    assert value(page, f"{name}_bucket", domain="retail", le="0.05") == 30
    assert value(page, f"{name}_count", domain="retail") == 30
    assert value(page, f"{name}_sum", domain="retail") == pytest.approx(1.2)


def test_an_empty_view_has_a_page() -> None:
    page = exposition(SystemCollector(SystemView(), lambda: 0)).decode()
    assert value(page, "scarcity_monitor_records_total") == 0


def test_the_process_tells_its_own_memory_when_asked() -> None:
    page = exposition(SystemCollector(SystemView(), lambda: 0), process=True).decode()
    assert value(page, "process_resident_memory_bytes") > 1 << 20


def test_what_is_spent_of_privacy_is_on_the_page() -> None:
    view = SystemView()
    view.fold(records.a_private_session())
    page = exposition(SystemCollector(view, lambda: 0)).decode()
    clinic, ward = {"domain": "clinic"}, {"domain": "ward"}
    assert value(page, "scarcity_losses_only_insights_total", **clinic) == 2
    name = "scarcity_privacy_limited_clients"
    assert value(page, name, **clinic, state="without_slopes") == 1
    assert value(page, name, **clinic, state="silent") == 1
    assert value(page, "scarcity_privacy_epsilon", **ward) == 0.75
    assert value(page, "scarcity_privacy_epsilon_limit", **ward) == 6.0
    assert value(page, "scarcity_privacy_delta", **ward) == 1e-5
    assert 'scarcity_privacy_epsilon{domain="clinic"}' not in page


def test_marked_clients_and_repairs_are_counted() -> None:
    view = SystemView()
    view.fold(records.a_session_with_marks())
    page = exposition(SystemCollector(view, lambda: 0)).decode()
    told = {
        by: value(page, "scarcity_marked_clients", domain="retail", by=by)
        for by in ("check", "operator", "repair")
    }
    assert told == {"check": 2, "operator": 1, "repair": 1}
    assert value(page, "scarcity_repaired_versions_total", domain="retail") == 1
