"""The chart renders manifests that Kubernetes accepts, and refuses values it cannot mean."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from tests.deploy.helm import CHART, ROOT, Helm, Manifest, of_kind

from headrace.config.load import load

pytestmark = pytest.mark.timeout(1800)  # the first test on a machine builds helm

VALUE_SETS = ("minimal", "full", "ephemeral")
KUBERNETES_VERSIONS = ("1.33", "1.35", "1.37")
CRDS = {"ServiceMonitor", "PrometheusRule"}


@pytest.fixture(params=VALUE_SETS)
def manifests(request: pytest.FixtureRequest, helm: Helm) -> list[Manifest]:
    """What each set of values renders."""
    return helm.render("-f", str(CHART / "ci" / f"{request.param}.yaml"))


@pytest.fixture
def minimal(helm: Helm) -> list[Manifest]:
    """What the smallest values render."""
    return helm.render("-f", str(CHART / "ci" / "minimal.yaml"))


@pytest.fixture
def full(helm: Helm) -> list[Manifest]:
    """What values with every flag on render."""
    return helm.render("-f", str(CHART / "ci" / "full.yaml"))


@pytest.fixture
def lenient_files() -> Iterator[None]:
    """kubernetes_validate leaves its schema files to the garbage collector."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


def container(manifests: list[Manifest]) -> Manifest:
    """Return the only container of the StatefulSet."""
    (only,) = of_kind(manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


@pytest.mark.parametrize("values", VALUE_SETS)
def test_helm_lint_finds_nothing(helm: Helm, values: str) -> None:
    """Strict: warnings count."""
    done = helm.run(
        "lint", str(CHART), "--strict", "--kube-version", "1.33.0", "-f", str(CHART / "ci" / f"{values}.yaml")
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.usefixtures("lenient_files")
@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_every_manifest_is_valid_to_kubernetes(manifests: list[Manifest], version: str) -> None:
    """Strictly: a field Kubernetes does not know is an error."""
    for manifest in manifests:
        if manifest["kind"] not in CRDS:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_names_are_labels_of_at_most_63_characters_and_unique(helm: Helm) -> None:
    """Also for a release whose name is as long as helm allows."""
    done = helm.run("template", "r" * 53, str(CHART), "--kube-version", "1.33.0", "-f", str(CHART / "ci" / "full.yaml"))
    rendered = [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in rendered]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 63 for _, name in names)


def test_one_pod_with_its_own_volume(minimal: list[Manifest]) -> None:
    """A StatefulSet, so that an upgrade lets go of the volume before it takes it."""
    spec = of_kind(minimal, "StatefulSet")["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert spec["replicas"] == 1
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert claim["spec"] == {"accessModes": ["ReadWriteOncePod"], "resources": {"requests": {"storage": "10Gi"}}}
    assert spec["serviceName"] == of_kind(minimal, "Service")["metadata"]["name"]


def test_the_pod_meets_the_restricted_security_standard(manifests: list[Manifest]) -> None:
    """Non-root, no privileges to gain, nothing to write but its volumes, no token; the test's pod too."""
    pods = [of_kind(manifests, "StatefulSet")["spec"]["template"]["spec"], of_kind(manifests, "Pod")["spec"]]
    for pod in pods:
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["containers"][0]["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_probes_ask_the_right_pages(minimal: list[Manifest]) -> None:
    """Start-up gets half an hour for restoring state; liveness never asks what depends on Kafka."""
    pod = container(minimal)
    assert {name: pod[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")} == {
        "startup": "/healthz",
        "liveness": "/healthz",
        "readiness": "/readyz",
    }
    assert pod["startupProbe"]["periodSeconds"] * pod["startupProbe"]["failureThreshold"] == 1800
    assert pod["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]


def test_the_file_is_run_with_its_checkpoint_on_the_volume(minimal: list[Manifest]) -> None:
    """The ConfigMap holds the file unchanged, mounted where the arguments look."""
    pod, config = container(minimal), of_kind(minimal, "ConfigMap")
    values = yaml.safe_load((CHART / "ci" / "minimal.yaml").read_text())
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["volumeMounts"]}
    assert pod["args"] == [
        "run",
        "/etc/headrace/pipeline/pipeline.yaml",
        "--http=0.0.0.0:8080",
        "--log-format=json",
        "--set=checkpoint.location=/var/lib/headrace/checkpoints",
    ]
    assert config["data"]["pipeline.yaml"].strip() == values["pipeline"].strip()
    assert mounts == {"state": "/var/lib/headrace", "pipeline": "/etc/headrace/pipeline", "tmp": "/tmp"}


def test_modules_stand_beside_the_file(helm: Helm) -> None:
    """By the command of the chart's README; the pod restarts when one of them changes."""
    example = ROOT / "examples" / "accounts"
    files = ("--set-file", f"pipeline={example / 'pipeline.yaml'}")
    rendered = helm.render(*files, "--set-file", rf"files.accounts\.py={example / 'accounts.py'}")
    data = of_kind(rendered, "ConfigMap")["data"]
    assert {name: text.strip() for name, text in data.items()} == {
        path.name: path.read_text().strip() for path in example.iterdir() if path.is_file()
    }


@pytest.mark.parametrize("values", ["minimal", "ephemeral"])
def test_the_values_hold_a_pipeline_that_headrace_reads(values: str, tmp_path: Path) -> None:
    """They are an example too."""
    file = tmp_path / "pipeline.yaml"
    file.write_text(yaml.safe_load((CHART / "ci" / f"{values}.yaml").read_text())["pipeline"])
    assert list(load(file, environment={}).queries) == ["seen"]


def test_a_changed_pipeline_restarts_the_pod(helm: Helm, minimal: list[Manifest]) -> None:
    """The annotation on the pod is the checksum of the ConfigMap."""

    def checksum(manifests: list[Manifest]) -> str:
        template = of_kind(manifests, "StatefulSet")["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/config"])

    changed = helm.render("--set", "pipeline=version: 1")
    assert checksum(changed) != checksum(minimal)


def test_secrets_are_referred_to_and_never_held(full: list[Manifest]) -> None:
    """Files by a volume, environment by reference; no Secret is rendered."""
    pod = container(full)
    volumes = {volume["name"]: volume for volume in of_kind(full, "StatefulSet")["spec"]["template"]["spec"]["volumes"]}
    assert "Secret" not in {manifest["kind"] for manifest in full}
    assert volumes["secrets"]["secret"] == {"secretName": "activity-credentials", "defaultMode": 0o440}
    assert volumes["pipeline"]["configMap"] == {"name": "activity"}
    assert pod["envFrom"] == [{"configMapRef": {"name": "activity-env"}}]
    assert "--set=sources.events.options.kafka.bootstrap.servers=kafka-0:9093,kafka-1:9093" in pod["args"]
    assert pod["image"].startswith("registry.example/headrace@sha256:")


def test_what_is_off_by_default_is_not_rendered(minimal: list[Manifest]) -> None:
    """No CRD of another operator, no policy, no budget."""
    assert sorted(manifest["kind"] for manifest in minimal) == [
        "ConfigMap",
        "Pod",
        "Service",
        "ServiceAccount",
        "StatefulSet",
    ]


def test_without_persistence_the_state_is_an_empty_dir(helm: Helm) -> None:
    """And the location in the file is left alone."""
    rendered = helm.render("-f", str(CHART / "ci" / "ephemeral.yaml"))
    spec = of_kind(rendered, "StatefulSet")["spec"]
    assert "volumeClaimTemplates" not in spec
    assert {"name": "state", "emptyDir": {}} in spec["template"]["spec"]["volumes"]
    assert not [text for text in container(rendered)["args"] if "checkpoint.location" in text]


def test_the_network_policy_lets_in_scrapers_and_out_to_brokers(full: list[Manifest]) -> None:
    """And to name servers; nothing else unless listed."""
    spec = of_kind(full, "NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["ingress"] == [
        {
            "from": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
            "ports": [{"port": "http", "protocol": "TCP"}],
        }
    ]
    assert spec["egress"] == [
        {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]},
        {"ports": [{"port": 9093, "protocol": "TCP"}], "to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]},
        {"ports": [{"port": 443, "protocol": "TCP"}]},
    ]


def test_the_service_monitor_scrapes_the_service(full: list[Manifest]) -> None:
    """Its selector matches the service's labels and its port is one of the service's names."""
    monitor, service = of_kind(full, "ServiceMonitor"), of_kind(full, "Service")
    (endpoint,) = monitor["spec"]["endpoints"]
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert endpoint == {"port": "http", "path": "/metrics", "interval": "15s", "scrapeTimeout": "10s"}
    assert [port["name"] for port in service["spec"]["ports"]] == ["http"]
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "headrace"


def test_the_rules_are_the_alert_file_with_runbooks_in_place(full: list[Manifest]) -> None:
    """Nothing but the address before the anchor differs."""
    rules = of_kind(full, "PrometheusRule")["spec"]
    text = (CHART / "files" / "alerts.yml").read_text()
    assert rules == yaml.safe_load(text.replace("docs/operations.md#", "https://runbooks.example/headrace#"))


def test_the_dashboard_is_in_a_config_map_unchanged(full: list[Manifest]) -> None:
    """With the label a sidecar looks for."""
    (found,) = [
        each for each in full if each["kind"] == "ConfigMap" and each["metadata"]["name"].endswith("-dashboard")
    ]
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(found["data"]["headrace.json"]) == json.loads((CHART / "files" / "dashboard.json").read_text())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no pipeline: type --set-file pipeline=pipeline.yaml"),
        (("--set", "pipeline=a,existingConfigMap=b"), "pipeline and existingConfigMap are both set"),
        (("--set", r"existingConfigMap=b,files.a\.py=c"), "files and existingConfigMap are both set"),
        (("--set", "pipeline=a,replicas=2"), "replicas"),
        (("--set", "pipeline=a,service.port=0"), "service"),
        (("--set", "pipeline=a,service.port=http"), "service"),
        (("--set", "pipeline=a,image.digest=latest"), "digest"),
        (("--set", "pipeline=a,persistence.accessModes={ReadWriteMany}"), "accessModes"),
        (("--set", "pipeline=a,persistence.size=lots"), "size"),
        (("--set", "pipeline=a,persistence.retention.whenDeleted=Keep"), "whenDeleted"),
        (("--set", "pipeline=a,terminationGracePeriodSeconds=1"), "terminationGracePeriodSeconds"),
        (("--set", "pipeline=a,overrides={novalue}"), "overrides"),
        (("--set", "pipeline=a,serviceMonitor.interval=often"), "interval"),
        (("--set", "pipeline=a,probes.liveness.path=/x"), "path"),
        (("--set", "pipeline=a,podAnnotations.n=1"), "podAnnotations"),
    ],
)
def test_wrong_values_are_refused(helm: Helm, arguments: tuple[str, ...], said: str) -> None:
    """Before anything reaches a cluster, naming the value."""
    done = helm.template(*arguments)
    assert done.returncode != 0
    assert said in done.stderr


def test_every_value_is_in_the_schema_and_the_readme() -> None:
    """The three lists of values are one list."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    table = (CHART / "README.md").read_text()
    assert set(schema["properties"]) - {"global"} == set(values)
    assert [name for name in values if f"`{name}" not in table] == []
    for name, value in values.items():
        known = schema["properties"][name].get("properties")
        if known is not None:
            assert set(known) == set(value), name
