"""Room 3: the relations that SQL may name.

Takes the sources, tables and views of a pipeline in order; each reference to one becomes a plan of its own with fresh
column ids, so that a relation can be joined with itself. A view sees only what was added before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from sqlglot import exp

from headrace.dataclass import dataclass
from headrace.errors import StreamError, StreamErrors, did_you_mean
from headrace.plan.group_code import GroupCode
from headrace.plan.nodes import NO_GUARD, TimeGuard
from headrace.sql.interval import US_PER_DAY, parse_interval
from headrace.sql.parse import parse
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.user_function import UserFunction
from headrace.types import StructType
from headrace.values import Position

_PARTS = 3
"""Of a name at most: catalog, schema and table."""
_DAYS_PER_MONTH = 31
Locate = Callable[[Position], Position]


@dataclass(frozen=True, slots=True)
class StreamRelation:
    """A source."""

    name: str
    schema: StructType


@dataclass(frozen=True, slots=True)
class TableRelation:
    """A static table."""

    name: str
    schema: StructType


@dataclass(frozen=True, slots=True)
class ViewRelation:
    """A query under a name; `locate` turns a place in its SQL into one in the file."""

    name: str
    tree: exp.Expr
    locate: Locate


@dataclass(frozen=True, slots=True)
class DeduplicateRelation:
    """The first rows of another relation by some of its columns."""

    name: str
    input: str
    columns: tuple[str, ...]
    within_watermark: bool


@dataclass(frozen=True, slots=True)
class StatefulRelation:
    """What Python code makes of another relation by key; `initial_state` names one with the first state of keys."""

    name: str
    input: str
    keys: tuple[str, ...]
    code: GroupCode
    schema: StructType
    initial_state: str | None = None


Definition = StreamRelation | TableRelation | ViewRelation | DeduplicateRelation | StatefulRelation


@dataclass(frozen=True, slots=True)
class EventTime:
    """The watermark of a relation: its column as written, the delay in µs, and what guards it."""

    column: str
    delay_us: int
    guard: TimeGuard = NO_GUARD


@dataclass(frozen=True, slots=True)
class Entry:
    """A definition, its place in the order of adding (it sees what stands before), and its watermark."""

    definition: Definition
    place: int
    event_time: EventTime | None = None


class Catalog:
    """The named relations of one pipeline; names ignore case."""

    def __init__(self, settings: SqlSettings | None = None) -> None:
        self.settings = settings or SqlSettings()
        self._entries: dict[str, Entry] = {}
        self._functions: dict[str, UserFunction] = {}

    def add_stream(self, name: str, schema: StructType) -> None:
        """Add a source.

        Raises:
            StreamError: the name is taken.
        """
        self._add(StreamRelation(name, schema))

    def add_table(self, name: str, schema: StructType) -> None:
        """Add a static table.

        Raises:
            StreamError: the name is taken.
        """
        self._add(TableRelation(name, schema))

    def add_view(self, name: str, sql: str | exp.Expr, *, position: Locate | Position | None = None) -> None:
        """Add a query under a name; it is bound at each reference.

        Args:
            name: The view's name.
            sql: One query, or its tree.
            position: Where the SQL starts, or a function from places in the SQL to places in the file.

        Raises:
            StreamError: the name is taken.
            StreamErrors: the SQL cannot be parsed.
        """
        locate = _locate(position)
        try:
            tree = parse(sql) if isinstance(sql, str) else sql
        except StreamError as error:
            raise _moved(error, locate) from None
        except StreamErrors as errors:
            raise StreamErrors(_moved(error, locate) for error in errors.errors) from None
        self._add(ViewRelation(name, tree, locate))

    def add_deduplicate(self, name: str, input: str, columns: tuple[str, ...], within_watermark: bool) -> None:
        """Add a relation that keeps the first row of each key of an earlier one.

        Raises:
            StreamError: the name is taken.
        """
        self._add(DeduplicateRelation(name, input, tuple(columns), within_watermark))

    def add_stateful(self, relation: StatefulRelation) -> None:
        """Add a relation that Python code makes of an earlier one.

        Raises:
            StreamError: the name is taken.
        """
        self._add(relation)

    def add_watermark(self, name: str, column: str, delay: str, guard: TimeGuard = NO_GUARD) -> None:
        """Set the watermark of a relation added before; the column is looked up when the relation is used.

        Args:
            name: The relation.
            column: A top-level column of it, of type TIMESTAMP or a time window.
            delay: Such as ``10 seconds``; a month counts as 31 days.
            guard: What it is protected from, beyond Spark.

        Raises:
            StreamError: no such relation, a delay that is none or below zero, or a second watermark.
        """
        key = name.lower()
        entry = self._entries.get(key)
        if entry is None:
            raise table_not_found(name, self._entries)
        if entry.event_time is not None:
            raise redefined_watermark(name)
        self._entries[key] = replace(entry, event_time=EventTime(column, delay_us(delay), guard))

    def add_function(self, function: UserFunction) -> None:
        """Add a function that SQL may call; its name must be free, see `refuse_taken`.

        Raises:
            StreamError: an earlier one has this name.
        """
        name = function.name
        if name in self._functions:
            message = f"The name {name} is taken by an earlier function; names ignore case."
            raise StreamError("CONFIG_INVALID_VALUE", message)
        self._functions[name] = function

    @property
    def functions(self) -> tuple[UserFunction, ...]:
        """The added functions, in order."""
        return tuple(self._functions.values())

    def function(self, name: str) -> UserFunction | None:
        """Return the added function of a lower-case name, None when there is none."""
        return self._functions.get(name)

    def entry(self, name: str) -> Entry | None:
        """Return the relation of a name, None when there is none."""
        return self._entries.get(name.lower())

    def before(self, place: int) -> Catalog:
        """Return the catalog as it was before the definition at that place was added."""
        earlier = Catalog(self.settings)
        earlier._functions = self._functions
        earlier._entries = {key: entry for key, entry in self._entries.items() if entry.place < place}
        return earlier

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, in order."""
        return tuple(entry.definition.name for entry in self._entries.values())

    def _add(self, definition: Definition) -> None:
        key = definition.name.lower()
        if key in self._entries:
            message = f"The name `{definition.name}` is taken by an earlier source, table or view."
            raise StreamError("SQL_ANALYSIS", message, condition="TEMP_TABLE_OR_VIEW_ALREADY_EXISTS")
        self._entries[key] = Entry(definition, len(self._entries))


def delay_us(text: str) -> int:
    """Return the microseconds of a watermark's delay.

    Raises:
        StreamError: SQL_ANALYSIS, the text is no duration or below zero.
    """
    interval = parse_interval(text)
    total = interval.months * _DAYS_PER_MONTH * US_PER_DAY + interval.fixed_us
    if total < 0:
        hint = "Write 0 seconds or more."
        raise StreamError("SQL_ANALYSIS", f"The delay of a watermark may not be negative; seen: {text}.", hint=hint)
    return total


def redefined_watermark(name: str) -> StreamError:
    """Return the error that a relation already has a watermark."""
    message = f"`{name}` has a watermark already; redefining it is not allowed."
    hint = "Set it once, on the source or on one view above it."
    return StreamError("SQL_ANALYSIS", message, hint=hint, condition="_LEGACY_ERROR_TEMP_3076")


def table_not_found(name: str, known: Iterable[str]) -> StreamError:
    """Return Spark's error for a name that is no relation."""
    parts = name.split(".")
    if len(parts) > _PARTS or (len(parts) == _PARTS and parts[0].lower() != "spark_catalog"):
        message = f"spark_catalog requires a single-part namespace, but got identifier `{name}`."
        return StreamError("SQL_ANALYSIS", message, condition="REQUIRES_SINGLE_PART_NAMESPACE")
    message = f"The table or view `{name}` cannot be found."
    hint = did_you_mean(name, known)
    return StreamError("SQL_ANALYSIS", message, hint=hint or None, condition="TABLE_OR_VIEW_NOT_FOUND")


def _moved(error: StreamError, locate: Locate) -> StreamError:
    if error.at is not None:
        error.at = locate(error.at)
    return error


def _locate(position: Locate | Position | None) -> Locate:
    if position is None:
        return lambda at: at
    if not isinstance(position, Position):
        return position

    def moved(at: Position) -> Position:
        column = position.column + at.column - 1 if at.line == 1 else at.column
        return Position(position.file, position.line + at.line - 1, column)

    return moved
