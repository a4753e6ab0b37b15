"""Kafka: calls that may never return are made on a thread that can be given up."""

from __future__ import annotations

import threading
from concurrent.futures import wait

import pytest

from headrace_plugins.kafka.calling import Caller


def _threads(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


def test_calls_are_made_in_order_on_one_daemon_of_the_name() -> None:
    """And each future has what its call returned or raised."""
    caller, made = Caller("calls-in-order"), []

    def fail() -> None:
        raise ValueError("no")

    answers = [caller.ask(lambda: made.append(1)), caller.ask(fail), caller.ask(lambda: threading.current_thread())]
    wait(answers, 10)
    [thread] = _threads("calls-in-order")

    assert made == [1]
    with pytest.raises(ValueError, match="no"):
        answers[1].result()
    assert answers[2].result() is thread
    assert thread.daemon
    caller.give_up()
    thread.join(10)
    assert not thread.is_alive()


def test_a_call_that_hangs_is_given_up_and_the_next_is_made() -> None:
    """The thread it hangs on ends when it returns after all."""
    caller, go = Caller("calls-that-hang"), threading.Event()
    hanging = caller.ask(lambda: go.wait(60))
    [stuck] = _threads("calls-that-hang")
    caller.give_up()

    assert caller.ask(lambda: 7).result(10) == 7
    assert not hanging.done()
    go.set()
    stuck.join(10)
    assert hanging.result(10) is True
    assert not stuck.is_alive()
    caller.give_up()
    caller.give_up()
