"""The corridor: when the next batch starts. Source: Spark ProcessingTimeExecutor."""

from __future__ import annotations

from headrace.values import ProcessingTime


def next_start(now: ProcessingTime, interval_us: int) -> ProcessingTime:
    """Return the next multiple of the interval since the epoch, strictly after now; now itself for no interval.

    Args:
        now: When the last batch ended.
        interval_us: µs between starts, 0 for as soon as possible.
    """
    if interval_us <= 0:
        return now
    return ProcessingTime(now - now % interval_us + interval_us)


def next_after(started: ProcessingTime, ended: ProcessingTime, interval_us: int) -> ProcessingTime:
    """Return when the batch after one that ran from started to ended begins.

    A batch that overran its interval is followed at once; batches never overlap and missed starts are not made up.
    """
    due = next_start(started, interval_us)
    return due if due > ended else ended
