from tests.monitor import records

from scarcity.demo.orchestrator import is_finished
from scarcity.monitor.view import SystemView


def test_the_demo_ends_when_every_domain_was_evaluated_at_its_last_round() -> None:
    view = SystemView()
    domains = ["economic", "medical"]
    view.fold([records.ledger("economic", 5), records.evaluation("economic", 5, routed=0.1)])
    assert not is_finished(view, domains, 5)
    view.fold([records.ledger("medical", 6), records.evaluation("medical", 4, routed=0.1)])
    assert not is_finished(view, domains, 5)
    view.fold([records.evaluation("medical", 6, routed=0.1)])
    assert is_finished(view, domains, 5)
    assert not is_finished(view, domains, 6)
