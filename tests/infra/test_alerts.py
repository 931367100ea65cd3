"""The alert rules name only what exists; promtool runs them (`make check-infra`)."""

import re
from pathlib import Path

import pytest
import yaml
from tests.infra.promql import metrics_in, unknown_in

from scarcity.monitor.metrics import REASONS

PROMETHEUS = Path(__file__).parents[2] / "infra" / "prometheus"
RULES = [
    rule
    for group in yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
TESTS = yaml.safe_load((PROMETHEUS / "alerts_test.yaml").read_text())["tests"]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_metrics_and_labels_that_the_monitor_has(rule: dict) -> None:
    assert metrics_in(rule["expr"])
    assert unknown_in(rule["expr"]) == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_says_how_bad_it_is_and_what_to_do(rule: dict) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "action"}
    assert all(text.endswith((".", "B.")) for text in rule["annotations"].values())


def test_every_rule_fires_once_in_the_unit_tests_of_promtool() -> None:
    fired = {
        case["alertname"]
        for test in TESTS
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert {rule["alert"] for rule in RULES} == fired


def test_the_unit_tests_feed_metrics_that_the_monitor_has() -> None:
    series = [s["series"] for test in TESTS for s in test["input_series"]]
    assert [one for one in series if unknown_in(one)] == []


def test_reasons_that_a_rule_names_are_reasons() -> None:
    named = {
        reason
        for rule in RULES
        for told in re.findall(r'reason=~?"([^"]*)"', rule["expr"])
        for reason in told.split("|")
    }
    assert named
    assert named <= set(REASONS)


def test_prometheus_scrapes_the_job_that_the_rules_name() -> None:
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    assert config["rule_files"] == ["alerts.yaml"]
    assert "scarcity-monitor" in {job["job_name"] for job in config["scrape_configs"]}
