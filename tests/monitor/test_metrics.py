import re

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.monitor import records

from scarcity.monitor.metrics import SystemCollector, exposition
from scarcity.monitor.view import SystemView

UNITS = ("seconds", "versions", "ratio", "records", "insights", "clients", "rounds")
WITHOUT_UNIT = {
    "scarcity_loss", "scarcity_expert_loss", "scarcity_evaluation_error",
    "scarcity_memory_insights_limit", "scarcity_dead_letters", "scarcity_gossip_exchanges",
    "scarcity_gossip_evictions", "scarcity_gossip_readmissions", "scarcity_privacy_epsilon",
    "scarcity_privacy_epsilon_limit", "scarcity_privacy_delta",
}  # fmt: skip
LABELS = {"domain", "expert", "reason", "state", "model", "phase", "by", "group", "topic", "le"}


@pytest.fixture
def page() -> str:
    view = SystemView(memory_limit=10_000)
    view.fold([*records.a_session(), *records.a_private_session()])
    lag = {("scarcity-memory", "insights.retail"): 7}
    return exposition(SystemCollector(view, lambda: 3_000, lambda: lag)).decode()


def value(page: str, name: str, **labels: str) -> float:
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    raise AssertionError(f"{name}{labels} is not on the page")


def test_every_name_follows_the_conventions(page: str) -> None:
    for family in text_string_to_metric_families(page):
        assert re.fullmatch(r"scarcity_[a-z0-9_]+", family.name)
        assert family.documentation
        assert family.name.endswith(UNITS) or family.name in WITHOUT_UNIT
        for sample in family.samples:
            assert set(sample.labels) <= LABELS
            if family.type == "counter":
                assert sample.name.endswith("_total")
            if family.type == "gauge":
                assert not sample.name.endswith("_total")


def test_the_figures_of_the_topics_are_on_the_page(page: str) -> None:
    retail = {"domain": "retail"}
    assert value(page, "scarcity_rounds_total", **retail) == 30
    assert value(page, "scarcity_insights_total", **retail) == 30
    assert value(page, "scarcity_accepted_insights_total", **retail) == 30
    assert value(page, "scarcity_clients", **retail, state="active") == 1
    assert value(page, "scarcity_staleness_versions", **retail) == 0.5
    assert value(page, "scarcity_step_scale_ratio", **retail) == 0.7
    assert value(page, "scarcity_round_phase_seconds", **retail, phase="collection") == 0.2
    # Last ledger entry of the session: .4 + .02 * 3 / 30.
    assert value(page, "scarcity_expert_loss", **retail, expert="expert_3") == pytest.approx(0.402)
    assert value(page, "scarcity_evaluation_error", **retail, model="own_ridge") == 0.5
    assert value(page, "scarcity_gossip_exchanges_total", **retail) == 3
    assert value(page, "scarcity_gossip_evictions_total", **retail) == 1
    assert value(page, "scarcity_gossip_waiting_clients", **retail) == 1
    assert value(page, "scarcity_dead_letters_total", reason="malformed") == 2
    assert value(page, "scarcity_memory_insights", **retail) == 1
    assert value(page, "scarcity_memory_insights_limit") == 10_000
    lag = {"group": "scarcity-memory", "topic": "insights.retail"}
    assert value(page, "scarcity_consumer_lag_records", **lag) == 7


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
