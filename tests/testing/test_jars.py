"""The jars of the broker: pinned, verified, whole or absent."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from headrace.errors import StreamError
from headrace.testing.kafka.jars import Jar, JarLock, cache_folder, fetch_jars, read_lock

CONTENT = {"org/a/one/1/one-1.jar": b"first" * 100, "org/b/two/2/two-2.jar": b"second" * 100}


def lock_of(content: dict[str, bytes]) -> JarLock:
    """Return a lock that pins the content."""
    jars = (Jar(path, hashlib.sha256(body).hexdigest(), len(body)) for path, body in content.items())
    return JarLock("1", tuple(jars))


class QuietHandler(SimpleHTTPRequestHandler):
    """A file server without a log."""

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Maven repository on loopback, named by the environment."""
    root = tmp_path / "repository"
    for path, body in CONTENT.items():
        (root / path).parent.mkdir(parents=True)
        (root / path).write_bytes(body)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("HEADRACE_MAVEN_URL", f"http://127.0.0.1:{server.server_port}/")
        yield root
        server.shutdown()
        thread.join()


def test_every_jar_of_the_shipped_lock_is_pinned() -> None:
    """The lock names version, checksum and size of each."""
    lock = read_lock()
    assert lock.version == "4.1.2"
    assert all(len(jar.sha256) == 64 and jar.path.endswith(".jar") and jar.size_bytes > 0 for jar in lock.jars)
    assert ("org.apache.kafka", "kafka_2.13", "4.1.2") in [jar.coordinates for jar in lock.jars]


def test_missing_jars_are_downloaded_with_progress(repository: Path, tmp_path: Path) -> None:
    """The last report is all bytes of all bytes."""
    seen: list[tuple[int, int]] = []
    found = fetch_jars(lock_of(CONTENT), tmp_path / "cache", lambda done, total: seen.append((done, total)))
    assert [path.read_bytes() for path in found] == list(CONTENT.values())
    assert sorted(seen)[-1] == (1100, 1100)


def test_jars_in_the_cache_are_not_asked_for_again(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A filled cache needs no network."""
    fetch_jars(lock_of(CONTENT), tmp_path / "cache")
    monkeypatch.setenv("HEADRACE_MAVEN_URL", "http://127.0.0.1:9/nobody")
    assert [path.read_bytes() for path in fetch_jars(lock_of(CONTENT), tmp_path / "cache")] == list(CONTENT.values())


def test_a_damaged_jar_in_the_cache_is_replaced(repository: Path, tmp_path: Path) -> None:
    """Checksums are looked at on every start."""
    first = fetch_jars(lock_of(CONTENT), tmp_path / "cache")[0]
    first.write_bytes(b"torn")
    assert fetch_jars(lock_of(CONTENT), tmp_path / "cache")[0].read_bytes() == CONTENT["org/a/one/1/one-1.jar"]


def test_a_jar_with_another_checksum_is_refused_and_not_stored(repository: Path, tmp_path: Path) -> None:
    """Nothing unpinned reaches the class path."""
    (repository / "org/a/one/1/one-1.jar").write_bytes(b"changed")
    with pytest.raises(StreamError, match="has the SHA-256") as caught:
        fetch_jars(lock_of(CONTENT), tmp_path / "cache")
    assert caught.value.code == "IO_FAILED"
    assert not (tmp_path / "cache/org/a/one/1/one-1.jar").exists()


def test_an_unreachable_repository_without_maven_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the variable."""
    monkeypatch.setenv("HEADRACE_MAVEN_URL", "http://127.0.0.1:9/nobody")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StreamError, match="could not be downloaded") as caught:
        fetch_jars(lock_of(CONTENT), tmp_path / "cache")
    assert "HEADRACE_MAVEN_URL" in str(caught.value.hint)


def test_two_at_once_give_both_the_whole_jars(repository: Path, tmp_path: Path) -> None:
    """The file lock lets one download and the others wait."""
    found: list[list[bytes]] = []

    def fetch() -> None:
        found.append([path.read_bytes() for path in fetch_jars(lock_of(CONTENT), tmp_path / "cache")])

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [list(CONTENT.values())] * 4


def test_the_cache_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HEADRACE_CACHE first, then the home folder."""
    monkeypatch.setenv("HEADRACE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("HEADRACE_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home/.cache/headrace"
