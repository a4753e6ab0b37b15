"""Room testing: a real Apache Kafka for tests, demos and benchmarks.

`start_kafka` takes no arguments in the usual case and gives a running `Kafka`; where the broker comes from (an address
in the environment, a container, or a child process from pinned jars) is decided here and nowhere else.
"""

from __future__ import annotations

import os

from headrace.testing.kafka.broker import start_managed
from headrace.testing.kafka.cluster import ExternalBroker, Kafka, Record
from headrace.testing.kafka.container import docker_answers, start_container
from headrace.testing.kafka.properties import BrokerSettings

__all__ = ["BrokerSettings", "Kafka", "Record", "start_kafka"]

BOOTSTRAP_VARIABLE = "HEADRACE_TEST_BOOTSTRAP"


def start_kafka(settings: BrokerSettings | None = None, *, managed: bool = False) -> Kafka:
    """Start or find a broker and return it once it answers; use as a context manager or call stop().

    Looked for in this order: the address in ``HEADRACE_TEST_BOOTSTRAP``, a container when a Docker engine answers, a
    child process from jars.

    Args:
        settings: Server properties and memory of the child process or container.
        managed: Always take a child process, for tests that pause, kill or restart the broker.

    Raises:
        StreamError: BROKER_UNAVAILABLE with the tail of the broker's log, IO_FAILED when a jar cannot be had.
    """
    settings = settings or BrokerSettings()
    address = os.environ.get(BOOTSTRAP_VARIABLE)
    if managed:
        return Kafka(start_managed(settings))
    if address:
        return Kafka(ExternalBroker(address))
    return Kafka(start_container(settings) if docker_answers() else start_managed(settings))
