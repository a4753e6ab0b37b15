"""Room testing: the jars of Apache Kafka, pinned by SHA-256, from Maven Central into a cache.

Takes the lock file beside this module and gives paths of verified jars; knows nothing of brokers.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import structlog

from headrace.dataclass import dataclass
from headrace.errors import StreamError

MAVEN_CENTRAL = "https://repo1.maven.org/maven2"
MAVEN_VARIABLE = "HEADRACE_MAVEN_URL"
CACHE_VARIABLE = "HEADRACE_CACHE"

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes of all jars."""

_LOCK_FILE = Path(__file__).with_name("jars.lock.json")
_TIMEOUT_S = 60.0
_PARALLEL = 8
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Jar:
    """One pinned artifact: its path in a Maven repository, its SHA-256 in hex and its size."""

    path: str
    sha256: str
    size_bytes: int

    @property
    def coordinates(self) -> tuple[str, str, str]:
        """Group, artifact and version."""
        *group, artifact, version, _file = PurePosixPath(self.path).parts
        return ".".join(group), artifact, version


@dataclass(frozen=True, slots=True)
class JarLock:
    """All jars of one Kafka version."""

    version: str
    jars: tuple[Jar, ...]


def read_lock(path: Path = _LOCK_FILE) -> JarLock:
    """Return the pinned jars that ship with headrace."""
    raw = json.loads(path.read_text())
    return JarLock(raw["version"], tuple(Jar(**jar) for jar in raw["jars"]))


def cache_folder() -> Path:
    """Return ``$HEADRACE_CACHE``, else ``~/.cache/headrace``."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "headrace"


def fetch_jars(lock: JarLock | None = None, folder: Path | None = None, progress: Progress | None = None) -> list[Path]:
    """Return the paths of all jars, each with the checksum of the lock; downloads what is missing.

    Two processes may call this at once: the second waits for the first. A jar is in place whole or not at all.

    Args:
        lock: What to fetch; the shipped lock when absent.
        folder: Where to keep it; ``kafka-<version>`` in the cache folder when absent.
        progress: Called after every jar, from several threads.

    Raises:
        StreamError: IO_FAILED when a jar cannot be downloaded or has another checksum.
    """
    lock = lock or read_lock()
    folder = folder or cache_folder() / f"kafka-{lock.version}"
    folder.mkdir(parents=True, exist_ok=True)
    with _file_lock(folder / ".lock"):
        missing = [jar for jar in lock.jars if not _is_whole(folder / jar.path, jar)]
        if missing:
            _log.info("downloading Apache Kafka", version=lock.version, jars=len(missing), folder=str(folder))
            _download_all(missing, folder, progress or (lambda _done, _all: None))
    return [folder / jar.path for jar in lock.jars]


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_whole(path: Path, jar: Jar) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256


def _download_all(jars: Sequence[Jar], folder: Path, progress: Progress) -> None:
    url = os.environ.get(MAVEN_VARIABLE, MAVEN_CENTRAL).rstrip("/")
    total, arrived = sum(jar.size_bytes for jar in jars), [0]

    def download(jar: Jar) -> None:
        _store(folder, jar, _get(f"{url}/{jar.path}"))
        arrived[0] += jar.size_bytes
        progress(arrived[0], total)

    try:
        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="headrace-jars") as pool:
            list(pool.map(download, jars))
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        _download_by_maven([jar for jar in jars if not _is_whole(folder / jar.path, jar)], folder, f"{url}: {error}")
        progress(total, total)


def _get(url: str) -> bytes:
    if not url.startswith(("https://", "http://")):
        raise StreamError("IO_FAILED", f"{MAVEN_VARIABLE} gives {url!r}; allowed: http:// and https:// addresses")
    with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the scheme is checked above
        content: bytes = answer.read()
        return content


def _store(folder: Path, jar: Jar, content: bytes) -> None:
    seen = hashlib.sha256(content).hexdigest()
    if seen != jar.sha256:
        raise StreamError(
            "IO_FAILED",
            f"{jar.path} has the SHA-256 {seen}; the lock file pins {jar.sha256}. Nothing was stored.",
            hint=f"Look at the repository {MAVEN_VARIABLE} names; it gives a changed file.",
        )
    target = folder / jar.path
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(target)


def _download_by_maven(jars: Sequence[Jar], folder: Path, reason: str) -> None:
    """Let Maven fetch the jars with the mirrors, proxies and certificates of its own settings."""
    maven = shutil.which("mvn")
    hint = f"Set {MAVEN_VARIABLE} to a mirror of Maven Central, or install mvn, or set HEADRACE_TEST_BOOTSTRAP."
    if maven is None:
        raise StreamError("IO_FAILED", f"the jars of Apache Kafka could not be downloaded from {reason}", hint=hint)
    with tempfile.TemporaryDirectory(prefix="headrace-maven-") as name:
        work = Path(name)
        (work / "pom.xml").write_text(_pom(jars))
        goal = ["dependency:copy-dependencies", "-DoutputDirectory=lib", "-Dmdep.useRepositoryLayout=true"]
        done = subprocess.run(  # noqa: S603 - the path comes from which()
            [maven, "-q", "-B", *goal], cwd=work, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            message = f"neither {reason} nor mvn could be reached for the jars of Apache Kafka: {done.stdout[-2000:]}"
            raise StreamError("IO_FAILED", message, hint=hint)
        for jar in jars:
            _store(folder, jar, (work / "lib" / jar.path).read_bytes())


def _pom(jars: Sequence[Jar]) -> str:
    alone = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version>{alone}</dependency>"
        for group, artifact, version in (jar.coordinates for jar in jars)
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>headrace</groupId>'
        f"<artifactId>jars</artifactId><version>1</version><dependencies>{dependencies}</dependencies></project>"
    )
