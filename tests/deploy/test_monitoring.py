"""Alerts, dashboard and the reference page speak of metrics that exist."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from tests.deploy.helm import CHART, ROOT
from tests.deploy.promql import is_balanced, metric_names
from tests.progress.sample import PROGRESS

from headrace.progress.catalogue import METRICS, MetricKind
from headrace.progress.metrics import Metrics

FROM_ELSEWHERE = {"up", "kubelet_volume_stats_available_bytes"}


def scraped_names() -> set[str]:
    """Return every series name a scrape can show: ours with their suffixes, and those of the process."""
    registry = CollectorRegistry()
    Metrics(registry).observe(PROGRESS)
    shown = {sample.name for family in registry.collect() for sample in family.samples}
    for spec in METRICS:
        suffixes = ("_bucket", "_sum", "_count") if spec.kind is MetricKind.HISTOGRAM else ("",)
        shown |= {spec.name + suffix for suffix in suffixes}
    return shown


def alerts() -> list[dict[str, Any]]:
    """Return the rules of the alert file."""
    groups = yaml.safe_load((CHART / "files" / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    loaded: dict[str, Any] = json.loads((CHART / "files" / "dashboard.json").read_text())
    return loaded


def panels() -> Iterator[dict[str, Any]]:
    """Give every panel that asks something."""
    yield from (panel for panel in dashboard()["panels"] if panel["type"] != "row")


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (query, le) (rate(a_bucket{x=~"b.*"}[5m])) > on (query) c', {"a_bucket", "c"}),
        ("time() - a > clamp_min(5 * b, 300) and on (q) sum(d) > 0", {"a", "b", "d"}),
        ('(a{c="d"} unless a offset 15m) > 0 or changes(e[15m]) > 3', {"a", "e"}),
    ],
)
def test_the_metrics_of_an_expression_are_found(expression: str, names: set[str]) -> None:
    """Functions, labels, durations and texts are not metrics."""
    assert metric_names(expression) == names


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_uses_metrics_that_exist_and_says_what_to_do(rule: dict[str, Any]) -> None:
    """Its runbook is a heading of the operations page."""
    headings = {line.removeprefix("### ").lower() for line in operations().splitlines() if line.startswith("### ")}
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert is_balanced(rule["expr"])
    assert metric_names(rule["expr"]) <= scraped_names() | FROM_ELSEWHERE
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"].endswith(".")
    assert (page, anchor) == ("docs/operations.md", rule["alert"].lower())
    assert anchor in headings


def test_every_alert_has_its_own_name() -> None:
    """And each runbook heading an alert."""
    names = [rule["alert"] for rule in alerts()]
    headings = [line.removeprefix("### ") for line in operations().splitlines() if line.startswith("### Headrace")]
    assert headings == names
    assert len(set(names)) == len(names)


def test_every_alert_is_tried() -> None:
    """In alerts_test.yml, which promtool runs, and which must tell of firing and of silence."""
    text = (Path(__file__).parent / "alerts_test.yml").read_text()
    tried = {alert["alertname"]: alert for test in yaml.safe_load(text)["tests"] for alert in test["alert_rule_test"]}
    assert set(tried) == {rule["alert"] for rule in alerts()}


def test_every_panel_asks_for_metrics_that_exist() -> None:
    """Through the variable, never through the id of one installation's data source."""
    for panel in panels():
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["description"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            assert is_balanced(target["expr"])
            names = metric_names(target["expr"].replace("$__rate_interval", "5m"))
            assert names
            assert names <= scraped_names(), panel["title"]


def test_the_dashboard_lays_its_panels_side_by_side() -> None:
    """No two overlap, none leaves the 24 columns, every id is its own."""
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(ids)) == len(ids)


def test_every_metric_of_ours_is_on_the_page_and_no_other() -> None:
    """The table of the operations page is the catalogue."""
    expected = [
        f"| `{spec.name}` | {spec.kind.value} | {', '.join(spec.labels).removeprefix('query').lstrip(', ') or '-'} "
        f"| {spec.doc} |"
        for spec in METRICS
    ]
    assert [line for line in operations().splitlines() if line.startswith("| `headrace_")] == expected


def operations() -> str:
    """Return the operations page."""
    return (ROOT / "docs" / "operations.md").read_text()
