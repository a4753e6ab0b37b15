"""Room testing: Apache Kafka in a container, where a Docker engine answers.

Takes `BrokerSettings` and gives a `ContainerBroker`; needs the `testcontainers` package. The container publishes the
same port inside and outside, so that the advertised address holds after a restart.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import socket
import time
from typing import Any
from urllib.parse import urlsplit

from headrace.errors import StreamError
from headrace.testing.kafka.jars import read_lock
from headrace.testing.kafka.ports import HOST, accepts, free_ports, pause_between_looks
from headrace.testing.kafka.properties import BrokerSettings, server_properties

_ANSWER_S = 2.0
_DEFAULT_HOST = "unix:///var/run/docker.sock"


def docker_answers() -> bool:
    """Return True when testcontainers is installed and a Docker engine answers a ping within 2 s."""
    if importlib.util.find_spec("testcontainers") is None:
        return False
    # The docker client leaves a socket open when nobody listens, so the ping is sent by hand.
    engine = urlsplit(os.environ.get("DOCKER_HOST", _DEFAULT_HOST))
    over_file = engine.scheme == "unix"
    address = engine.path if over_file else (engine.hostname or HOST, engine.port or 2375)
    try:
        with socket.socket(socket.AF_UNIX if over_file else socket.AF_INET) as connection:
            connection.settimeout(_ANSWER_S)
            connection.connect(address)
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in connection.recv(64)
    except OSError:
        return False


class ContainerBroker:
    """A broker in a container, removed by stop() or with the session by testcontainers' own reaper."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._timeout_s = settings.start_timeout_s
        self._port, controller = free_ports()
        properties = server_properties(settings, self._port, controller)
        # Inside the container the broker listens on every address; clients are told the loopback of the host.
        properties["listeners"] = f"BROKER://0.0.0.0:{self._port},CONTROLLER://{HOST}:{controller}"
        self._container = importlib.import_module("testcontainers.core.container").DockerContainer(
            f"apache/kafka:{read_lock().version}"
        )
        self._container.with_bind_ports(self._port, self._port)
        for key, value in properties.items():
            self._container.with_env("KAFKA_" + key.upper().replace(".", "_"), value)

    @property
    def bootstrap(self) -> str:
        """The address clients connect to; the same after a restart."""
        return f"{HOST}:{self._port}"

    def start(self) -> None:
        """Start the container and return once the broker answers.

        Raises:
            StreamError: BROKER_UNAVAILABLE with the tail of its log.
        """
        self._container.start()
        self._wait()

    def pause(self) -> None:
        """Freeze the broker."""
        self._wrapped().pause()

    def resume(self) -> None:
        """Let a frozen broker go on."""
        self._wrapped().unpause()

    def kill(self) -> None:
        """End the broker at once; its storage stays."""
        self._wrapped().kill()

    def restart(self) -> None:
        """Stop the broker if it runs and start it again on the same storage and port."""
        self._wrapped().restart()
        self._wait()

    def stop(self) -> None:
        """Remove the container; may be called twice."""
        self._container.stop()

    def log_tail(self) -> str:
        """Return the last lines of the broker's log."""
        text: str = self._wrapped().logs(tail=30).decode(errors="replace")
        return text

    def _wrapped(self) -> Any:
        return self._container.get_wrapped_container()

    def _wait(self) -> None:
        deadline = time.monotonic() + self._timeout_s
        while not accepts(self._port) or "Kafka Server started" not in self.log_tail():
            if time.monotonic() > deadline:
                message = f"the broker's container gave no answer in {self._timeout_s:g} s; log:\n{self.log_tail()}"
                raise StreamError("BROKER_UNAVAILABLE", message)
            pause_between_looks()


def start_container(settings: BrokerSettings) -> ContainerBroker:
    """Return a running broker."""
    broker = ContainerBroker(settings)
    broker.start()
    return broker
