"""Prometheus understands its files, alerts ring when they must, each has its runbook page."""

import shutil

import pytest
import yaml

from foa_testing.stack.processes import run, wait_until


@pytest.fixture
def place(repository, tmp_path, stack):
    """A directory with the configuration as it is deployed, and filled in."""
    for path in (
        *(repository / "deploy/prometheus").glob("*.yml"),
        repository / "tests/integration/rules_test.yml",
    ):
        shutil.copy(path, tmp_path)
    shutil.copy(stack.prometheus.root / "prometheus.yml", tmp_path)
    (tmp_path / "targets").mkdir()
    return tmp_path


def test_the_configuration_is_valid(place):
    assert "SUCCESS" in run("promtool", "check", "config", place / "prometheus.yml")
    assert "SUCCESS" in run("amtool", "check-config", place / "alertmanager.yml")


def test_every_alert_rings_when_it_must_and_only_then(place):
    assert "SUCCESS" in run("promtool", "test", "rules", place / "rules_test.yml")


def alerts(place):
    groups = yaml.safe_load((place / "rules.yml").read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def test_every_alert_is_tested(place):
    tests = yaml.safe_load((place / "rules_test.yml").read_text())["tests"]
    rung = {
        case["alertname"]
        for test in tests
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert rung == alerts(place).keys()


def test_every_alert_has_its_heading_in_the_runbook(place, repository):
    headings = {
        line.removeprefix("## ").lower()
        for line in (repository / "deploy/docs/runbook.md").read_text().splitlines()
        if line.startswith("## ")
    }
    anchors = {rule["annotations"]["runbook"].rpartition("#")[2] for rule in alerts(place).values()}
    assert anchors == headings == {name.lower() for name in alerts(place)}


def test_prometheus_scrapes_the_broker_and_knows_where_alerts_go(stack):
    wait_until(lambda: stack.prometheus.query('up{job="rabbitmq"} == 1'), "a scrape of the broker")
    assert stack.status() == dict.fromkeys(stack.status(), True)
