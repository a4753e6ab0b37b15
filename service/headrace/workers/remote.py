"""Workers: code that runs in a worker, as what calls it sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from headrace.workers.functions import flat
from headrace.workers.groups.parts import Answered, Asked
from headrace.workers.groups.variables import Variable

if TYPE_CHECKING:
    from headrace.workers.worker import Worker


class RemoteFunction:
    """A function for SQL.

    Args:
        worker: Where it runs.
        name: Its name there.
    """

    def __init__(self, worker: Worker, name: str) -> None:
        self._worker = worker
        self._name = name
        self._target = worker.spec.functions[name].target

    def answer(self, columns: Sequence[pa.Array]) -> pa.Array:
        """Return the results of the rows."""
        asked = pa.table(list(columns), names=[str(place) for place in range(len(columns))])
        _, [given] = self._worker.ask({"do": "function", "name": self._name}, [asked], target=self._target)
        return flat(given.column(0))


class RemoteGroups:
    """Stateful code; see `GroupCalls`.

    Args:
        worker: Where it runs.
        step: The step it belongs to.
    """

    def __init__(self, worker: Worker, step: str) -> None:
        self._worker = worker
        self._step = step
        self._target = worker.spec.groups[step].target

    def declared(self) -> tuple[Variable, ...]:
        """Return the state variables of a processor."""
        head, _ = self._worker.ask({"do": "declare", "step": self._step}, target=self._target)
        return tuple(Variable.from_json(each) for each in head["variables"])

    def answer(self, asked: Asked) -> Answered:
        """Call the code for some keys."""
        head = {
            "do": "groups",
            "step": self._step,
            "kind": asked.kind.value,
            "batch_ms": asked.times.batch_ms,
            "watermark_ms": asked.times.watermark_ms,
        }
        tables = [asked.keys, asked.stored, asked.rows, asked.due]
        _, [given, state, marks] = self._worker.ask(head, tables, target=self._target)
        return Answered(given, state, marks)

    def end(self) -> None:
        """Tell a processor that the batch is over."""
        self._worker.ask({"do": "end", "step": self._step}, target=self._target)
