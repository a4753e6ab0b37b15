"""Room 7: the steps that read tables, computed anew only when a table was loaded anew.

Takes the tables of the batch, by name; gives the rows of a step. That a table stayed is seen by its being the same
object as in the batch before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import pyarrow as pa

from headrace.incremental.steps import LookUp, ReadTable, Stretch
from headrace.operators.statements import Statements, inner_schema
from headrace.operators.static.hash_index import HashIndex

LOOK_UP_FROM_ROWS = 2_000
"""Smaller tables are joined whole, in one statement, which is faster than to search them first."""

_WORTH = 20
"""A batch is searched for when the table has so many times its rows; a larger one is joined with the whole table."""

StaticStep: TypeAlias = ReadTable | Stretch | LookUp


class StaticSteps:
    """Runs the static steps of one query; holds one result a step, and no copy of a table as it was loaded."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._held: dict[str, tuple[tuple[pa.Table, ...], pa.Table]] = {}
        self._indexes: dict[str, HashIndex | None] = {}
        self.made: dict[str, int] = {}
        """How often each step was computed, a look-up: indexed; steps that never were are left out."""

    def run(self, step: StaticStep, tables: Mapping[str, pa.Table], results: Mapping[str, pa.Table]) -> pa.Table:
        """Return the rows of a step.

        Args:
            step: A static one.
            tables: The tables of the batch, by name.
            results: What the steps before gave.
        """
        match step:
            case ReadTable():
                table = tables[step.table]
                names = [column.name for column in step.output]  # none where only the number of rows matters
                return self._kept(step.id, (table,), lambda: table.select(names) if names else table)
            case Stretch():
                given = {name: results[name] for name in step.inputs}
                schema = inner_schema(step.output) if step.output else None
                return self._kept(step.id, tuple(given.values()), lambda: self._run(step, given, schema))
            case LookUp():
                return self._found(step, results)

    def forget(self, name: str) -> None:
        """Let go of a step's rows, which no later batch reads."""
        self._held.pop(name, None)

    def _run(self, step: Stretch, given: Mapping[str, pa.Table], schema: pa.Schema | None) -> pa.Table:
        self._count(step.id)
        return self._statements.run(step.sql, given, schema)

    def _kept(self, name: str, made_of: tuple[pa.Table, ...], make: Callable[[], pa.Table]) -> pa.Table:
        held = self._held.get(name)
        if held is None or any(one is not other for one, other in zip(held[0], made_of, strict=True)):
            held = self._held[name] = (made_of, make())
        return held[1]

    def _found(self, step: LookUp, results: Mapping[str, pa.Table]) -> pa.Table:
        """Return what the batch may meet; a table is indexed when a second batch reads it, so none that stays for one.

        The whole table is one object as long as it stays, as is everything else that is kept here.
        """
        table = results[step.input]
        held = self._held.get(step.id)
        if held is None or held[0][0] is not table:
            held = self._held[step.id] = ((table,), table.select(list(step.names)))
            self._indexes[step.id] = None
            return held[1]
        whole = held[1]
        batch_rows = sum(len(results[name]) for name in step.inputs)
        if len(whole) < LOOK_UP_FROM_ROWS or batch_rows * _WORTH > len(whole):
            return whole
        index = self._indexes[step.id]
        if index is None:
            index = self._indexes[step.id] = self._indexed(step, table)
        wanted = self._statements.run(step.wanted, {name: results[name] for name in step.inputs})
        return whole.take(pa.array(index.rows(wanted.column(0))))

    def _indexed(self, step: LookUp, table: pa.Table) -> HashIndex:
        self._count(step.id)
        return HashIndex(self._statements.run(step.hashes, {step.input: table}).column(0))

    def _count(self, name: str) -> None:
        self.made[name] = self.made.get(name, 0) + 1
