import orjson
from tests.monitor import records

from scarcity.monitor.lag import groups_line, groups_of
from scarcity.monitor.metrics import Groups
from scarcity.monitor.snapshot import snapshot
from scarcity.monitor.view import SystemView

NOW_MS = 10_000


def told(view: SystemView, groups: Groups | None = None) -> dict:
    """The document as a reader of the JSON sees it."""
    return orjson.loads(orjson.dumps(snapshot(view, NOW_MS, groups)))


def test_the_document_holds_the_figures_of_the_live_view() -> None:
    view = SystemView(memory_limit=50)
    view.fold(records.a_session())
    document = told(view)
    retail = document["domains"]["retail"]
    assert list(document["domains"]) == ["energy", "retail"]
    assert retail["version"] == 30
    assert retail["clients"] == {
        "registered": 1, "heard": 1, "active": 1, "without_slopes": 0, "silent": 0,
    }  # fmt: skip
    assert retail["insights"]["published"] == retail["insights"]["accepted"] == 30
    # Every version was written 40 ms after its newest insight.
    assert retail["insight_to_parameters_s"] == {"p50": 0.04, "p99": 0.04}
    assert retail["round"]["mean_loss"] == retail["start_loss"] == 0.4
    assert retail["new_clients"]["below_best_local"]
    assert not document["domains"]["energy"]["new_clients"]["below_best_local"]
    assert retail["gossip"]["waiting"] == "too few peers"
    assert document["dead_letters"] == {"malformed": 2, "wrong-domain": 1}
    assert document["memory"] == {"insights": 2, "limit_a_domain": 50}


def test_marks_and_spent_privacy_are_told() -> None:
    view = SystemView()
    view.fold(records.a_session_with_marks())
    view.fold(records.a_private_session())
    domains = told(view)["domains"]
    assert domains["retail"]["marked"] == {
        "b": "check", "c": "check", "d": "operator", "e": "repair",
    }  # fmt: skip
    assert domains["clinic"]["clients"]["silent"] == 1
    assert domains["ward"]["epsilon"] == 0.75


def test_what_is_not_known_is_null_and_not_a_word() -> None:
    view = SystemView()
    assert told(view)["newest_record_ms"] is None
    view.fold([records.ledger("retail", 1, loss=float("inf"))])
    retail = told(view)["domains"]["retail"]
    assert retail["round"]["mean_loss"] is None
    assert retail["new_clients"] is None
    assert retail["insight_to_parameters_s"] == {"p50": None, "p99": None}


def test_lag_and_workers_are_told_and_a_group_that_reads_nothing_has_no_lag() -> None:
    lag = {("scarcity-memory-fold", "insights.retail"): 3, ("scarcity-meta", "ledger"): 9}
    groups = groups_of(lag, {"scarcity-memory-fold": 2, "scarcity-meta": 1}, NOW_MS)
    assert told(SystemView(), groups)["groups"] == {
        "scarcity-memory-fold": {"members": 2, "lag": {"insights.retail": 3}},
        "scarcity-meta": {"members": 1, "lag": {}},
    }
    assert groups_line(groups) == (
        "workers: memory 2, meta 1 · 3 records behind in insights.retail (memory)"
    )
    assert groups_line(Groups()) == "workers: none seen · no lag"
