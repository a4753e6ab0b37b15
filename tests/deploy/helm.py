"""The helm command for tests, built once from its Go module and cached; and what the chart renders."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from headrace.testing.kafka.jars import cache_folder

HELM_VERSION = "v3.22.0"
KUBERNETES = "1.33.0"
ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "headrace"
_BUILD_TIMEOUT_S = 1500

Manifest = dict[str, Any]


def cached_helm() -> Path:
    """Return where the built command lies, or will lie."""
    return cache_folder() / "bin" / f"helm-{HELM_VERSION}" / "helm"


def build_helm() -> Path:
    """Return the command, building it when it is not cached; several test processes wait for one build."""
    command = cached_helm()
    command.parent.mkdir(parents=True, exist_ok=True)
    with (command.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not command.exists():
            subprocess.run(
                ["go", "install", f"helm.sh/helm/v3/cmd/helm@{HELM_VERSION}"],
                env={**os.environ, "GOBIN": str(command.parent)},
                check=True,
                capture_output=True,
                timeout=_BUILD_TIMEOUT_S,
            )
    return command


def why_no_helm() -> str | None:
    """Return the reason to skip, None when helm is there or can be built."""
    if cached_helm().exists() or shutil.which("go"):
        return None
    return f"helm {HELM_VERSION} is not cached and there is no Go toolchain to build it"


class Helm:
    """Runs the command on our chart."""

    def __init__(self, command: Path) -> None:
        self._command = command

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it, whatever its exit code."""
        return subprocess.run([self._command, *arguments], capture_output=True, text=True, timeout=60, check=False)

    def template(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Render the chart as release ``rel``, whatever comes out."""
        return self.run("template", "rel", str(CHART), "--kube-version", KUBERNETES, *arguments)

    def render(self, *arguments: str) -> list[Manifest]:
        """Return the manifests of a rendering that must succeed."""
        done = self.template(*arguments)
        assert done.returncode == 0, done.stderr
        return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def of_kind(manifests: Sequence[Manifest], kind: str) -> Manifest:
    """Return the only manifest of a kind."""
    found = [manifest for manifest in manifests if manifest["kind"] == kind]
    assert len(found) == 1, f"{len(found)} of kind {kind}"
    return found[0]
