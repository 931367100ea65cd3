from infra.metrics_page import PAGE, page
from tests.infra.promql import labels_by_metric
from tests.infra.test_alerts import RULES


def test_the_page_is_what_the_monitor_and_the_rules_say() -> None:
    assert PAGE.read_text() == page()


def test_it_tells_every_metric_and_every_alert() -> None:
    text = page()
    for name in labels_by_metric():
        if name.startswith("scarcity_"):
            base = name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
            assert f"| `{base}` |" in text or f"| `{name}` |" in text
    for rule in RULES:
        assert f"### {rule['alert']}\n" in text
