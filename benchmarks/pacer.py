"""Benchmarks: writes events at an even pace from a process of its own; Creation_Time is the moment of writing.

The client is set up as it comes: it gathers records for up to 5 ms (linger.ms) and fills one partition for 10 ms. Sent
at once and to all partitions in turn, 5,000 events would be 1,600 requests a second, a third of the broker's work.

Started as `python -m benchmarks.pacer BOOTSTRAP TOPIC PER_SECOND SECONDS`.
"""

from __future__ import annotations

import sys
import time

from confluent_kafka import Producer

from headrace.demo.events import ACTIVITIES, MODELS, USERS

_TICK_S = 0.002


def main(bootstrap: str, topic: str, per_second: int, seconds: float) -> None:
    """Write events until the time is over; a late tick writes what it owes."""
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "log_level": 0})
    producer.list_topics(topic, timeout=10)
    began, sent = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        due = int(passed * per_second)
        for index in range(sent, due):
            producer.produce(topic, _event(index, time.time_ns()))
        sent = due
        producer.poll(0)
        time.sleep(_TICK_S)
    producer.flush(10)
    producer.close()


def _event(index: int, now_ns: int) -> str:
    model, x = MODELS[index % len(MODELS)], (index % 2000) / 100 - 10
    who = f'"Device":"{model}_1","Index":{index},"Model":"{model}","User":"{USERS[index % len(USERS)]}"'
    what = f'"gt":"{ACTIVITIES[index % len(ACTIVITIES)]}","x":{x:.15f},"y":{-x:.15f},"z":{x:.15f}'
    return f'{{"Arrival_Time":{now_ns // 1_000_000},"Creation_Time":{now_ns},{who},{what}}}'


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
