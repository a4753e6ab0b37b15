"""Room testing: Apache Kafka as a child process of ours: one node, KRaft, loopback, free ports, its own temp folder.

Takes `BrokerSettings` and gives a `ManagedBroker` that answers; the child never outlives this process.
"""

from __future__ import annotations

import atexit
import base64
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from pathlib import Path

from headrace.errors import StreamError
from headrace.testing.kafka.jars import fetch_jars
from headrace.testing.kafka.java import find_java
from headrace.testing.kafka.ports import HOST, accepts, free_ports, pause_between_looks
from headrace.testing.kafka.properties import BrokerSettings, server_properties
from headrace.testing.processes import freeze

_JVM_FLAGS = (
    "-XX:+UseSerialGC",
    "-Xshare:auto",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
)
_STARTS_FAST = ("-XX:TieredStopAtLevel=1",)
_LOG_LINES = 30
# Waits for our end of a pipe to close, which happens however this process dies, then ends the broker.
_GUARD = 'read -r _; kill -KILL "$1" 2>/dev/null; rm -rf -- "$2"'


class ManagedBroker:
    """A broker in a child process; dies with this process, even when that is killed."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings = settings
        self._folder = Path(tempfile.mkdtemp(prefix="headrace-kafka-"))
        self._port, self._controller_port = free_ports()
        self._java = find_java()
        self._class_path = os.pathsep.join(str(jar) for jar in fetch_jars())
        self._child: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        atexit.register(self.stop)

    @property
    def bootstrap(self) -> str:
        """The address clients connect to; the same after a restart."""
        return f"{HOST}:{self._port}"

    @property
    def pid(self) -> int:
        """The process id of the broker."""
        return self._running().pid

    def start(self) -> None:
        """Format the folder when it is new, start the child, and return once the broker answers.

        Raises:
            StreamError: BROKER_UNAVAILABLE with the tail of its log.
        """
        properties = self._folder / "server.properties"
        if not properties.exists():
            properties.write_text(self._properties())
            self._format(properties)
        with (self._folder / "server.log").open("ab") as log:
            command = self._command("kafka.Kafka", str(properties))
            self._child = subprocess.Popen(  # noqa: S603 - our own command
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._guard = subprocess.Popen(  # noqa: S603 - our own command
            ["/bin/sh", "-c", _GUARD, "guard", str(self._child.pid), str(self._folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        self._wait_for_port()

    def pause(self) -> None:
        """Freeze the broker and return when it is frozen; its connections stay open and get no answer."""
        freeze(self._running())

    def resume(self) -> None:
        """Let a frozen broker go on."""
        self._running().send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the broker at once, as a crash does; its folder stays, restart() brings it back."""
        with self._lock:
            self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop the broker in an orderly way if it runs, and start it again on the same folder and port."""
        with self._lock:
            self._end(signal.SIGTERM)
        self.start()

    def stop(self) -> None:
        """End the broker and remove its folder; may be called twice."""
        with self._lock:
            self._end(signal.SIGKILL)
            shutil.rmtree(self._folder, ignore_errors=True)
            atexit.unregister(self.stop)

    def log_tail(self) -> str:
        """Return the last lines of the broker's log."""
        path = self._folder / "server.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "\n".join(lines[-_LOG_LINES:])

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise StreamError("BROKER_UNAVAILABLE", "the broker is not running", hint="Call restart().")
        return self._child

    def _end(self, how: signal.Signals) -> None:
        # The guard goes first, since it would remove the folder that restart() needs.
        for process, sent in ((self._guard, signal.SIGKILL), (self._child, how)):
            if process is not None:
                process.send_signal(sent)
                process.send_signal(signal.SIGCONT)
                process.wait()
                if process.stdin is not None:
                    process.stdin.close()
        self._guard = self._child = None

    def _command(self, main: str, *arguments: str) -> list[str]:
        level = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        memory = f"-Xmx{self._settings.heap_mb}m"
        flags = _JVM_FLAGS if self._settings.compiles_fully else (*_JVM_FLAGS, *_STARTS_FAST)
        return [str(self._java), *flags, memory, level, "-cp", self._class_path, main, *arguments]

    def _properties(self) -> str:
        merged = server_properties(self._settings, self._port, self._controller_port)
        merged["log.dirs"] = str(self._folder / "log")
        return "".join(f"{key}={value}\n" for key, value in sorted(merged.items()))

    def _format(self, properties: Path) -> None:
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        command = self._command("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(properties))
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
        if done.returncode != 0:
            message = f"the broker's storage could not be formatted:\n{done.stdout}{done.stderr}"
            raise StreamError("BROKER_UNAVAILABLE", message)

    def _wait_for_port(self) -> None:
        deadline = time.monotonic() + self._settings.start_timeout_s
        while time.monotonic() < deadline:
            code = self._running().poll()
            if code is not None:
                tail = self.log_tail()
                raise StreamError("BROKER_UNAVAILABLE", f"the broker ended with code {code}; its log ends with\n{tail}")
            if accepts(self._port):
                return
            pause_between_looks()
        message = (
            f"the broker gave no answer in {self._settings.start_timeout_s:g} s; its log ends with\n{self.log_tail()}"
        )
        raise StreamError("BROKER_UNAVAILABLE", message)


def start_managed(settings: BrokerSettings) -> ManagedBroker:
    """Return a running broker; tries other ports when another process took one in between."""
    for attempt in (1, 2, 3):
        broker = ManagedBroker(settings)
        try:
            broker.start()
        except BaseException as error:
            tail = broker.log_tail()
            broker.stop()
            if attempt < 3 and isinstance(error, StreamError) and "Address already in use" in tail:
                continue
            raise
        return broker
    raise StreamError("BROKER_UNAVAILABLE", "no free port was left for a broker")
