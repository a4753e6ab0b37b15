"""Whether a Docker engine answers, and a broker in a container where one does."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from headrace.testing.kafka.cluster import Kafka
from headrace.testing.kafka.container import docker_answers, start_container
from headrace.testing.kafka.properties import BrokerSettings


@pytest.mark.parametrize(
    ("answer", "answers"), [(b"HTTP/1.0 200 OK\r\n\r\nOK", True), (b"HTTP/1.0 500 No\r\n\r\n", False)]
)
def test_an_engine_is_there_when_it_answers_a_ping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes, answers: bool
) -> None:
    """Asked over its socket, which DOCKER_HOST names."""
    path = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1_000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        assert docker_answers() is answers
        thread.join()


@pytest.mark.parametrize("host", ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"])
def test_no_engine_is_there_when_nobody_listens(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Nothing is raised and no socket is left open."""
    monkeypatch.setenv("DOCKER_HOST", host)
    assert docker_answers() is False


@pytest.mark.docker
@pytest.mark.kafka
@pytest.mark.slow
def test_a_broker_in_a_container_stores_records() -> None:
    """The same calls as with a child process."""
    if not docker_answers():
        pytest.skip("no Docker engine answers")
    with Kafka(start_container(BrokerSettings())) as own:
        own.create_topic("t")
        own.produce("t", ["x"])
        assert [record.value for record in own.read_committed("t")] == [b"x"]
