"""Room 1: what the command line says about one run, beside the pipeline file.

Gives one frozen value that the engine reads; knows nothing of how it was typed.
"""

from __future__ import annotations

from headrace.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How one run differs from what the file says.

    Attributes:
        available_now: Process what is there and end, whatever trigger the file names.
        max_batches: End each query after so many batches; None means no limit.
        http: Host and port of the status page; None means no server.
        queries: Names of the queries to run; empty means all.
        live: Draw progress on the terminal in place of one log line a batch.
        assume: ``aborted``: the operator's word that a batch nobody can know about is not in the sink.
    """

    available_now: bool = False
    max_batches: int | None = None
    http: tuple[str, int] | None = None
    queries: tuple[str, ...] = ()
    live: bool = False
    assume: str | None = None
