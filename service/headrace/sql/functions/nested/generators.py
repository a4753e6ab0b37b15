"""Room 2: functions that give rows. `type` is the STRUCT of the output columns; the text is a LIST of such structs.

The plan unnests the list; OUTER is the plan's. An empty or NULL collection is an empty or NULL list.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.duck import duckdb_type, quote
from headrace.sql.function import Argument, Function, How, Render, Rendered, Resolve, Resolved
from headrace.sql.functions.signature import common, mismatch, table
from headrace.sql.settings import SqlSettings
from headrace.types import INT, ArrayType, DataType, Field, MapType, StructType


def _generator(name: str, resolve: Resolve, render: Render, arity: tuple[int, int | None] = (1, 1)) -> Function:
    return Function(name, arity, resolve, render, How.REWRITTEN, generator=True)


def _exploded(*, positions: bool) -> Resolve:
    leading = (Field("pos", INT),) if positions else ()

    def resolve(arguments: Sequence[Argument]) -> Resolved:
        kind = arguments[0].type
        if isinstance(kind, ArrayType):
            fields: tuple[Field, ...] = (Field("col", kind.element),)
        elif isinstance(kind, MapType):
            fields = (Field("key", kind.key), Field("value", kind.value))
        else:
            raise mismatch(f'explode takes an array or a map, and got "{kind.sql()}".')
        return Resolved((kind,), StructType((*leading, *fields)))

    return resolve


def _explode(*, positions: bool) -> Render:
    def render(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
        source = arguments[0]
        rows = f"map_entries({source.sql})" if isinstance(source.type, MapType) else source.sql
        items = ["pos := CAST(i - 1 AS INTEGER)"] if positions else []
        items += ["key := x.key", "value := x.value"] if isinstance(source.type, MapType) else ["col := x"]
        made = f"list_transform({rows}, lambda x, i: struct_pack({', '.join(items)}))"
        return f"CAST({made} AS {duckdb_type(ArrayType(kind))})"

    return render


def _inline_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    if not isinstance(kind, ArrayType) or not isinstance(kind.element, StructType):
        raise mismatch(f'inline takes an array of structs, and got "{kind.sql()}".')
    return Resolved((kind,), kind.element)


def _inline(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return arguments[0].sql


def _stack_types(arguments: Sequence[Argument]) -> Resolved:
    count = arguments[0].value if arguments[0].constant else None
    if not isinstance(count, int) or count < 1:
        raise mismatch("The first argument of stack is a constant number of rows, 1 or more.")
    values = arguments[1:]
    width = -(-len(values) // count)
    kinds = [common(values[i::width]) for i in range(width)]
    fields = tuple(Field(f"col{i}", kind) for i, kind in enumerate(kinds))
    return Resolved((INT, *(kinds[i % width] for i in range(len(values)))), StructType(fields))


def _stack(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
    assert isinstance(kind, StructType)
    width = len(kind.fields)
    values = [a.sql for a in arguments[1:]]
    values += ["NULL"] * (-len(values) % width)
    rows = [
        ", ".join(f"{quote(f.name)} := {v}" for f, v in zip(kind.fields, values[at : at + width], strict=True))
        for at in range(0, len(values), width)
    ]
    made = ", ".join(f"struct_pack({row})" for row in rows)
    return f"CAST([{made}] AS {duckdb_type(ArrayType(kind))})"


_EXPLODE = (_exploded(positions=False), _explode(positions=False))
_POSEXPLODE = (_exploded(positions=True), _explode(positions=True))

FUNCTIONS = table(
    _generator("explode", *_EXPLODE),
    _generator("explode_outer", *_EXPLODE),
    _generator("posexplode", *_POSEXPLODE),
    _generator("posexplode_outer", *_POSEXPLODE),
    _generator("inline", _inline_types, _inline),
    _generator("inline_outer", _inline_types, _inline),
    _generator("stack", _stack_types, _stack, (2, None)),
)
