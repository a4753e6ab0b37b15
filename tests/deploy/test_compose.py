"""The compose file follows its schema, and its parts find each other.

compose-spec.json is the schema of the Compose Specification (Apache-2.0), from compose-go v2.4.7.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

import jsonschema
import pytest
import yaml
from tests.deploy.helm import ROOT

from headrace.config.load import load

SERVICES = ("kafka", "topics", "feeder", "headrace", "prometheus", "grafana")


def compose() -> dict[str, Any]:
    """Return the compose file."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def service(name: str) -> dict[str, Any]:
    """Return one service of it."""
    found: dict[str, Any] = compose()["services"][name]
    return found


def test_it_follows_the_compose_specification() -> None:
    """Every key and every type."""
    schema = json.loads((ROOT / "tests" / "deploy" / "compose-spec.json").read_text())
    validator = jsonschema.Draft201909Validator(schema)
    errors = validator.iter_errors(compose())
    assert [f"{list(error.absolute_path)}: {error.message}" for error in errors] == []
    assert tuple(compose()["services"]) == SERVICES
    assert not validator.is_valid({"services": {"kafka": {"image": "kafka", "portz": []}}})


def test_kafka_listens_inside_and_outside() -> None:
    """Programs in the network and on the machine each get an address they can reach."""
    said = service("kafka")["environment"]
    listeners = dict(text.split("://") for text in said["KAFKA_LISTENERS"].split(","))
    advertised = dict(text.split("://") for text in said["KAFKA_ADVERTISED_LISTENERS"].split(","))
    protocols = dict(text.split(":") for text in said["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert advertised == {"INSIDE": "kafka:19092", "OUTSIDE": "localhost:9092"}
    assert {name: address.removeprefix(":") for name, address in listeners.items()} == {
        "INSIDE": "19092",
        "OUTSIDE": "9092",
        "CONTROLLER": "9093",
    }
    assert set(protocols) == set(listeners)
    assert service("kafka")["ports"] == ["127.0.0.1:9092:9092"]
    assert said["KAFKA_PROCESS_ROLES"] == "broker,controller"
    assert said["KAFKA_CONTROLLER_QUORUM_VOTERS"] == f"{said['KAFKA_NODE_ID']}@kafka:{listeners['CONTROLLER'][1:]}"


def test_one_broker_can_hold_the_topics_that_transactions_need() -> None:
    """Their default of three copies would keep every transaction from starting."""
    said = service("kafka")["environment"]
    copies = [value for key, value in said.items() if key.endswith(("REPLICATION_FACTOR", "MIN_ISR"))]
    assert copies == ["1"] * 5


@pytest.mark.parametrize("name", ["kafka", "prometheus", "grafana"])
def test_what_others_wait_for_has_a_health_check(name: str) -> None:
    """Headrace brings its own, in the Dockerfile."""
    assert service(name)["healthcheck"]["test"][0] == "CMD"


def test_each_waits_for_what_it_needs() -> None:
    """Topics after the broker, readers and writers after the topics; each waited-for service can fulfil it."""
    waits = {name: service(name).get("depends_on", {}) for name in SERVICES}
    assert waits["topics"] == {"kafka": {"condition": "service_healthy"}}
    assert waits["headrace"] == {"topics": {"condition": "service_completed_successfully"}}
    for needed in waits.values():
        for name, how in needed.items():
            assert how["condition"] != "service_healthy" or "healthcheck" in service(name)


def test_every_mounted_file_is_there_and_every_volume_declared() -> None:
    """A missing bind source would become an empty folder, and the service would start without it."""
    declared, used = set(compose()["volumes"]), set()
    for name in SERVICES:
        for mount in service(name).get("volumes", []):
            source, _, target = mount.partition(":")
            if source.startswith("./"):
                assert (ROOT / source).exists(), mount
                assert target.endswith(":ro")
            else:
                used.add(source)
    assert used == declared


def test_nothing_is_published_beyond_this_machine() -> None:
    """Kafka, the pages and Grafana here have no passwords."""
    ports = [port for name in SERVICES for port in service(name).get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_images_have_a_version() -> None:
    """A tag that moves would change what a fresh clone runs."""
    for name in SERVICES:
        image, _, tag = service(name)["image"].partition(":")
        assert tag, image
        assert tag != "latest", image


def test_headrace_is_locked_down_and_given_time_to_stop() -> None:
    """As in the chart."""
    said = service("headrace")
    assert said["read_only"] is True
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert said["stop_grace_period"] == "90s"


def test_the_pipeline_reaches_kafka_by_its_inside_address() -> None:
    """The overrides fit the example file: every broker address changes, every path is on the volume."""
    arguments = service("headrace")["command"]
    overrides = [text.removeprefix("--set=") for text in arguments if text.startswith("--set=")]
    example = ROOT / "examples" / "activity" / "pipeline.yaml"
    pipeline = load(example, overrides=overrides, environment={})
    assert pipeline.checkpoint_location == "/var/lib/headrace/checkpoints"
    assert "localhost:9092" in example.read_text()
    servers = "kafka.bootstrap.servers"
    sources = {name: source.options[servers] for name, source in pipeline.sources.items()}
    sinks = {name: query.sink.options.get(servers) for name, query in pipeline.queries.items()}
    assert sources == {"events": "kafka:19092"}
    assert sinks == {"counts": "kafka:19092", "history": None}
    assert pipeline.queries["history"].sink.options["path"] == "/var/lib/headrace/history"


def test_the_topics_of_the_pipeline_are_made_first() -> None:
    """The broker makes none by itself."""
    script = service("topics")["command"][-1]
    assert "for topic in events counts events-dead; do" in script
    assert service("kafka")["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


@pytest.mark.parametrize("name", ["topics", "feeder"])
def test_the_scripts_are_bash(name: str) -> None:
    """After compose has turned each doubled dollar into one."""
    script = service(name)["command"][-1].replace("$$", "$")
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_prometheus_scrapes_headrace_and_loads_the_alerts() -> None:
    """The rule file it names is the one that is mounted."""
    config = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())
    targets = [
        target for job in config["scrape_configs"] for each in job["static_configs"] for target in each["targets"]
    ]
    mounted = [mount.split(":")[1] for mount in service("prometheus")["volumes"]]
    assert targets == ["headrace:8080"]
    assert [job["job_name"] for job in config["scrape_configs"]] == ["headrace"]
    assert set(config["rule_files"]) <= set(mounted)


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    """The data source's address and the dashboard's folder are those of the compose file."""
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((folder / "dashboards" / "headrace.yml").read_text())["providers"]
    mounted = [mount.split(":")[1] for mount in service("grafana")["volumes"]]
    assert source["url"] == "http://prometheus:9090"
    assert f"{provider['options']['path']}/headrace.json" in mounted
