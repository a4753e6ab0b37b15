"""Room testing: the server properties of a broker that starts fast, stays small and never forgets by itself.

Takes `BrokerSettings` and ports, gives the properties; knows nothing of processes or containers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from headrace.dataclass import dataclass
from headrace.testing.kafka.ports import HOST

_FIXED = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "BROKER",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "3000",  # a killed broker may register again only after this
    "broker.heartbeat.interval.ms": "500",
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.retention.ms": "-1",  # event times of recorded data are years old; the default would delete them
    "num.network.threads": "2",
    "num.io.threads": "4",
}


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """How to run a broker.

    Attributes:
        properties: More server properties.
        heap_mb: Its heap.
        start_timeout_s: How long it may take to answer.
        compiles_fully: Compile hot code as a broker does that runs for days; its first half minute is slower for it.
    """

    properties: Mapping[str, str] = field(default_factory=dict)
    heap_mb: int = 512
    start_timeout_s: float = 60.0
    compiles_fully: bool = False


def server_properties(settings: BrokerSettings, port: int, controller_port: int) -> dict[str, str]:
    """Return all properties of one node on loopback, the settings' own last."""
    return {
        **_FIXED,
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "listeners": f"BROKER://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"BROKER://{HOST}:{port}",
        **settings.properties,
    }
