"""A real broker: its life, its topics, and that it never outlives the process that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer

from headrace.errors import StreamError
from headrace.testing.kafka import BrokerSettings, Kafka, Record, start_kafka
from headrace.testing.kafka.broker import ManagedBroker

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def eventually(claim: Callable[[], bool], within_s: float = 20.0) -> None:
    """Wait until the claim holds, within a deadline."""
    deadline = time.monotonic() + within_s
    while not claim():
        assert time.monotonic() < deadline, "the awaited did not happen"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Return True for a process that runs and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def test_records_come_back_as_they_went_in(kafka: Kafka, new_topic: Callable[..., str]) -> None:
    """Key, value, headers, partition and timestamp are the sender's; null and empty stay different."""
    topic = new_topic(partitions=2)
    sent = [
        Record(b"v0", b"k0", (("h", b"1"), ("h", None)), 0, 1_000),
        Record(None, b"k1", (), 1, 2_000),
        Record(b"", None, (), 0, 3_000),
    ]
    kafka.produce(topic, sent)
    assert kafka.read_committed(topic) == [
        Record(b"v0", b"k0", (("h", b"1"), ("h", None)), 0, 1_000, 0),
        Record(b"", None, (), 0, 3_000, 1),
        Record(None, b"k1", (), 1, 2_000, 0),
    ]


def test_read_committed_shows_no_open_and_no_aborted_transaction(kafka: Kafka, new_topic: Callable[..., str]) -> None:
    """Only what a transaction committed is seen."""
    topic = new_topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": topic})
    producer.init_transactions()
    for value, end in ((b"kept", producer.commit_transaction), (b"dropped", producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(topic, value)
        producer.flush()
        end()
    producer.begin_transaction()
    producer.produce(topic, b"open")
    producer.flush()
    assert [record.value for record in kafka.read_committed(topic)] == [b"kept"]
    producer.abort_transaction()
    producer.close()


def test_a_deleted_topic_is_gone_when_the_call_returns(kafka: Kafka, new_topic: Callable[..., str]) -> None:
    """The name can be used again at once."""
    topic = new_topic()
    kafka.delete_topic(topic)
    assert topic not in kafka.admin.list_topics(timeout=10).topics
    kafka.create_topic(topic, 3)
    assert kafka.end_offsets(topic) == {0: 0, 1: 0, 2: 0}


def test_a_broker_survives_pause_kill_and_restart_on_the_same_address() -> None:
    """Records and address outlive the process."""
    with start_kafka(managed=True) as own:
        bootstrap = own.bootstrap
        own.create_topic("kept")
        own.produce("kept", ["one"])
        own.pause()
        with pytest.raises(KafkaException):
            own.admin.list_topics(timeout=0.3)
        own.resume()
        own.kill()
        own.restart()
        own.produce("kept", ["two"])
        own.restart()
        assert (own.bootstrap, [r.value for r in own.read_committed("kept")]) == (bootstrap, [b"one", b"two"])
        broker = own.broker
        assert isinstance(broker, ManagedBroker)
        pid = broker.pid
    assert not alive(pid)


@pytest.mark.parametrize("fully", [False, True])
def test_a_broker_compiles_its_hot_code_fully_only_where_asked(fully: bool) -> None:
    """A test is over before that pays."""
    with start_kafka(BrokerSettings(compiles_fully=fully), managed=True) as own:
        assert isinstance(own.broker, ManagedBroker)
        command = Path(f"/proc/{own.broker.pid}/cmdline").read_bytes().split(b"\0")
    assert (b"-XX:TieredStopAtLevel=1" in command) is not fully


def test_the_broker_and_its_folder_go_when_its_process_is_killed(tmp_path: Path) -> None:
    """Even SIGKILL of the parent leaves nothing behind."""
    code = (
        "import time; from headrace.testing.kafka import start_kafka\n"
        "own = start_kafka(managed=True); print(own.broker.pid, flush=True); time.sleep(600)"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
    assert child.stdout is not None
    with child, child.stdout:
        pid = int(child.stdout.readline())
        assert alive(pid)
        assert len(list(tmp_path.glob("headrace-kafka-*"))) == 1
        child.send_signal(signal.SIGKILL)
    eventually(lambda: not alive(pid) and not list(tmp_path.glob("headrace-kafka-*")))


def test_a_broker_that_cannot_start_says_so_with_its_log() -> None:
    """The error holds what the broker itself wrote."""
    with pytest.raises(StreamError, match="NOWHERE") as caught:
        start_kafka(BrokerSettings({"inter.broker.listener.name": "NOWHERE"}), managed=True)
    assert caught.value.code == "BROKER_UNAVAILABLE"


def test_an_address_in_the_environment_is_used_and_never_controlled(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker of somebody else is neither paused nor stopped."""
    monkeypatch.setenv("HEADRACE_TEST_BOOTSTRAP", kafka.bootstrap)
    with start_kafka() as found:
        assert found.bootstrap == kafka.bootstrap
        for call in (found.pause, found.resume, found.kill, found.restart):
            with pytest.raises(StreamError, match="is not ours"):
                call()
    assert kafka.admin.list_topics(timeout=10).brokers
