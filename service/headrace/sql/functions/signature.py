"""Room 2: the building blocks of the function table: what arguments a function takes, what it gives, and refusals.

Takes kinds of parameters (a type, or a class of types such as NUMERIC); gives `Resolve` and `Render` callables.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from headrace.dataclass import dataclass
from headrace.duck import duckdb_type, let, quote_text
from headrace.errors import StreamError
from headrace.sql.coercion import can_implicitly_cast, common_types
from headrace.sql.function import Argument, Function, How, Render, Rendered, Resolve, Resolved
from headrace.sql.settings import SqlSettings
from headrace.types import (
    BINARY,
    DATE,
    DOUBLE,
    GEOGRAPHY,
    GEOMETRY,
    INT,
    INTEGRAL,
    NULL,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    VARIANT,
    ArrayType,
    AtomicType,
    DataType,
    MapType,
    StructType,
    is_numeric,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of types: who is a member, what others are cast to, and its name in messages."""

    name: str
    member: Callable[[DataType], bool]
    fallback: tuple[DataType, ...] = ()

    def accept(self, seen: DataType, *, ansi: bool) -> DataType | None:
        """Return the type an argument of the seen type is cast to, or None when it does not fit."""
        if self.member(seen):
            return seen
        return next((kind for kind in self.fallback if fits(seen, kind, ansi=ansi)), None)


ANY = Kind("ANY", lambda _t: True)
NUMERIC = Kind("NUMERIC", is_numeric, (DOUBLE,))
WHOLE = Kind("INTEGRAL", lambda t: t in INTEGRAL, (INT,))
TEXT_OR_BYTES = Kind('("STRING" or "BINARY")', lambda t: t in (STRING, BINARY), (STRING,))
ARRAY = Kind("ARRAY", lambda t: isinstance(t, ArrayType), (ArrayType(NULL),))
MAP = Kind("MAP", lambda t: isinstance(t, MapType), (MapType(NULL, NULL),))
STRUCT = Kind("STRUCT", lambda t: isinstance(t, StructType))
INSTANT_OR_DATE = Kind("TIMESTAMP", lambda t: t in (TIMESTAMP, TIMESTAMP_NTZ, DATE), (TIMESTAMP,))

Parameter = DataType | Kind
Result = DataType | Callable[[Sequence[DataType]], DataType]


def fits(seen: DataType, wanted: DataType, *, ansi: bool) -> bool:
    """Return True when an argument is cast to a parameter's type without being asked (Cast.canANSIStoreAssign)."""
    if seen in (VARIANT, GEOMETRY, GEOGRAPHY):
        return seen == wanted or (seen == VARIANT and wanted == STRING)
    if can_implicitly_cast(seen, wanted, SqlSettings(ansi=ansi)):
        return True
    if is_numeric(seen) and is_numeric(wanted):
        return True
    moments = (DATE, TIMESTAMP, TIMESTAMP_NTZ)
    return (seen in moments and wanted in moments) or (isinstance(seen, AtomicType) and wanted == STRING)


def mismatch(detail: str, *, condition: str = "UNEXPECTED_INPUT_TYPE") -> StreamError:
    """Return the error that argument types do not fit."""
    return StreamError("SQL_ANALYSIS", detail, condition=f"DATATYPE_MISMATCH.{condition}")


def unsupported(detail: str, hint: str | None = None) -> StreamError:
    """Return the error that the SQL is known and refused."""
    return StreamError("SQL_UNSUPPORTED", detail, hint=hint)


def accept(argument: Argument, parameter: Parameter, position: int) -> DataType:
    """Return the type an argument is cast to.

    Raises:
        StreamError: DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE when it does not fit.
    """
    seen = argument.type
    if isinstance(parameter, Kind):
        found = parameter.accept(seen, ansi=argument.ansi)
        name = parameter.name
    else:
        found = parameter if seen == parameter or fits(seen, parameter, ansi=argument.ansi) else None
        name = f'"{parameter.sql()}"'
    if found is None:
        raise mismatch(f'Argument {position + 1} must be {name}, and has the type "{seen.sql()}".')
    return found


def takes(*parameters: Parameter, gives: Result) -> Resolve:
    """Return a resolve of fixed parameters; any arguments beyond them are as the last."""

    def resolve(arguments: Sequence[Argument]) -> Resolved:
        wanted = [parameters[min(i, len(parameters) - 1)] for i in range(len(arguments))]
        kinds = tuple(accept(a, p, i) for i, (a, p) in enumerate(zip(arguments, wanted, strict=True)))
        return Resolved(kinds, gives(kinds) if callable(gives) else gives)

    return resolve


def alike(arguments: Sequence[Argument]) -> Resolved:
    """Cast all arguments to their common type, which the call has too.

    Raises:
        StreamError: as `common`.
    """
    kind = common(arguments)
    return Resolved(tuple(kind for _ in arguments), kind)


def common(arguments: Sequence[Argument]) -> DataType:
    """Return the common type of several arguments, VOID for none.

    Raises:
        StreamError: DATATYPE_MISMATCH.DATA_DIFF_TYPES when there is none.
    """
    ansi = all(a.ansi for a in arguments)
    found = common_types([a.type for a in arguments], SqlSettings(ansi=ansi)) if arguments else NULL
    if found is None:
        seen = ", ".join(f'"{a.type.sql()}"' for a in arguments)
        raise mismatch(f"The arguments must have one common type, and have {seen}.", condition="DATA_DIFF_TYPES")
    return found


def element_of(kinds: Sequence[DataType]) -> DataType:
    """Return the element type of the first argument, an array."""
    assert isinstance(kinds[0], ArrayType)
    return kinds[0].element


def first_of(kinds: Sequence[DataType]) -> DataType:
    """Return the first argument's type."""
    return kinds[0]


def map_of(kinds: Sequence[DataType]) -> MapType:
    """Return the first argument's type, a map."""
    assert isinstance(kinds[0], MapType)
    return kinds[0]


def text(template: str) -> Render:
    """Return a render that puts the arguments into ``{0}``, ``{1}``; the template is wrapped by its author."""

    def render(arguments: Sequence[Rendered], _type: DataType, _settings: SqlSettings) -> str:
        return template.format(*(a.sql for a in arguments))

    return render


def typed(template: str) -> Render:
    """Return a render as `text`, cast to the call's type."""

    def render(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
        return as_type(template.format(*(a.sql for a in arguments)), kind)

    return render


def call(name: str) -> Render:
    """Return a render that calls a DuckDB function with the arguments in order."""

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        return f"{name}({', '.join(a.sql for a in arguments)})"

    return render


def as_type(sql: str, kind: DataType) -> str:
    """Return the text cast to a type, exactly."""
    return sql if kind == NULL else f"CAST({sql} AS {duckdb_type(kind)})"


def null_if_any(arguments: Sequence[Rendered], sql: str) -> str:
    """Return the text, NULL where any argument is NULL."""
    tests = " OR ".join(f"{a.sql} IS NULL" for a in arguments)
    return f"(CASE WHEN {tests} THEN NULL ELSE {sql} END)"


def fail(condition: str, message_sql: str) -> str:
    """Return an expression that raises Spark's condition; the message is a DuckDB text expression."""
    return f"error({quote_text(f'[{condition}] ')} || {message_sql})"


def constant(argument: Rendered, what: str) -> object:
    """Return a constant argument's value.

    Raises:
        StreamError: the argument is not constant.
    """
    if not argument.constant:
        raise unsupported(f"{what} must be a constant.")
    return argument.value


def rewritten(name: str, arity: tuple[int, int | None], resolve: Resolve, render: Render) -> Function:
    """Return a table entry done by an expression of DuckDB functions, each long argument computed once."""
    return Function(name, arity, resolve, _once(render), How.REWRITTEN)


def lazy(name: str, arity: tuple[int, int | None], resolve: Resolve, render: Render) -> Function:
    """Return a table entry whose arguments must stay where the render puts them: some are not to be computed."""
    return Function(name, arity, resolve, render, How.REWRITTEN)


_REPEATED_TEXT = 120
"""Characters of repeated argument text beyond which the argument is bound to a name."""


def _once(render: Render) -> Render:
    """DuckDB shares no expressions across the branches of a CASE, and nesting would double the text at each level."""

    def bound(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
        holes = {f"\x02{i}\x02": a.sql for i, a in enumerate(arguments) if not _stays(a)}
        marked = [a if _stays(a) else replace(a, sql=f"\x02{i}\x02") for i, a in enumerate(arguments)]
        sql = render(marked, kind, settings)
        for hole, value in holes.items():
            repeated = (sql.count(hole) - 1) * len(value)
            if repeated > _REPEATED_TEXT or ("TRY(" in sql and "error(" in value):
                sql = let(value, partial(sql.replace, hole))
            else:
                sql = sql.replace(hole, value)
        return sql

    return bound


def _stays(argument: Rendered) -> bool:
    return argument.constant or argument.sql.startswith("lambda ")


def refused(name: str, why: str) -> Function:
    """Return a table entry that is known and refused."""
    message = f"The function {name} is known and refused: {why}."

    def resolve(_arguments: Sequence[Argument]) -> Resolved:
        raise unsupported(message)

    def render(_arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        raise unsupported(message)

    return Function(name, (0, None), resolve, render, How.REFUSED, why)


def table(*functions: Function, **aliases: str) -> dict[str, Function]:
    """Return the functions by name, aliases mapped to the same entries."""
    found = {f.name: f for f in functions}
    return found | {alias: found[name] for alias, name in aliases.items()}
