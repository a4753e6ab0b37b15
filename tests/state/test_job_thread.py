"""A thread for jobs: what a batch hands over is done in order, and never past a failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from headrace_state import StateError, StateErrorKind
from headrace_state.job_thread import JobThread


@pytest.fixture
def journal() -> Iterator[JobThread]:
    """Gives a journal, and closes it."""
    made = JobThread("headrace-journal-test")
    yield made
    made.close()


def _fail() -> None:
    raise StateError(StateErrorKind.DISK_FULL, "no space")


def test_jobs_are_done_in_order_on_a_thread_of_the_name(journal: JobThread) -> None:
    """However long the first takes."""
    done: list[tuple[int, str]] = []
    go = threading.Event()

    def job(number: int) -> int:
        go.wait(10)
        done.append((number, threading.current_thread().name.rpartition("_")[0]))
        return number

    futures = [journal.hand(partial(job, number)) for number in range(3)]
    assert done == []
    go.set()

    assert [future.result(10) for future in futures] == [0, 1, 2]
    assert done == [(number, "headrace-journal-test") for number in range(3)]


def test_after_a_failure_nothing_more_is_done(journal: JobThread) -> None:
    """The file of a later batch must not stand on disk when that of an earlier one does not."""
    done: list[str] = []
    journal.hand(lambda: done.append("before"))
    failed = journal.hand(_fail)
    later = journal.hand(lambda: done.append("after"))

    for future in (failed, later):
        with pytest.raises(StateError, match="no space"):
            future.result(10)
    with pytest.raises(StateError, match="no space"):
        journal.settle()
    assert done == ["before"]


def test_settling_waits_for_the_last_job_and_closing_too(journal: JobThread) -> None:
    """Also when nothing was ever handed over, and twice."""
    journal.settle()
    done: list[int] = []
    go = threading.Event()

    def job() -> None:
        go.wait(10)
        done.append(1)

    journal.hand(job)
    timer = threading.Timer(0.05, go.set)
    timer.start()
    journal.settle()
    timer.join()
    assert done == [1]
    journal.hand(lambda: done.append(2))
    journal.close()
    journal.close()
    assert done == [1, 2]


def test_checking_does_not_wait_and_raises_what_a_job_raised(journal: JobThread) -> None:
    """Before the first failure it says nothing, after it always the same."""
    go = threading.Event()
    running = journal.hand(lambda: go.wait(10))
    failed = journal.hand(_fail)
    journal.check()
    assert not running.done()
    go.set()

    with pytest.raises(StateError, match="no space"):
        failed.result(10)
    with pytest.raises(StateError, match="no space"):
        journal.check()
