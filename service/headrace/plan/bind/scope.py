"""Room 3: the names that an expression may use, and what each stands for.

Takes name parts as written, gives columns and struct fields; names ignore case, as Spark's do.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import field, replace

from headrace.dataclass import dataclass
from headrace.errors import StreamError, did_you_mean
from headrace.plan.bind.bound import Bound
from headrace.plan.expressions import Call, Column, GetField, Lambda, Literal
from headrace.plan.ids import ColumnIds
from headrace.plan.nodes import Plan
from headrace.types import STRING, ArrayType, MapType, StructType


@dataclass(frozen=True, slots=True)
class Visible:
    """A column and the relation it is seen through; hidden ones (copies of USING) answer to qualified names only."""

    column: Column
    qualifier: str = ""
    hidden: bool = False

    def answers(self, qualifier: str | None, name: str) -> bool:
        """Return True when the name as written means this column."""
        if self.column.name.lower() != name:
            return False
        return not self.hidden if qualifier is None else self.qualifier.lower() == qualifier


@dataclass(frozen=True, slots=True)
class Relation:
    """A bound relation: its plan, and its columns as the query around it sees them."""

    plan: Plan
    visible: tuple[Visible, ...]

    @staticmethod
    def of(plan: Plan, qualifier: str = "") -> Relation:
        """Return the relation whose columns are all seen through one name."""
        return Relation(plan, tuple(Visible(column, qualifier) for column in plan.columns))

    def star(self, qualifier: str | None = None) -> tuple[Column, ...]:
        """Return what ``*`` or ``qualifier.*`` stands for; empty when nothing has that qualifier."""
        if qualifier is None:
            return tuple(item.column for item in self.visible if not item.hidden)
        return tuple(item.column for item in self.visible if item.qualifier.lower() == qualifier.lower())


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean: the relation's columns, then `later` (windows, aliases of SELECT), then columns around it."""

    relation: Relation
    later: Callable[[str], Bound | None] = lambda _: None
    first: Callable[[str], Bound | None] = lambda _: None
    parameters: tuple[Column, ...] = ()
    outer: Scope | None = None
    ids: ColumnIds = field(default_factory=ColumnIds)

    def resolve(self, parts: Sequence[str]) -> Bound:
        """Return what the dotted name stands for.

        Raises:
            StreamError: UNRESOLVED_COLUMN.WITH_SUGGESTION, AMBIGUOUS_REFERENCE, or FIELD_NOT_FOUND.
        """
        found = self._find(parts)
        if found is None:
            raise unresolved_column(parts, [_shown(item) for item in self.relation.visible if not item.hidden])
        return found

    def _find(self, parts: Sequence[str]) -> Bound | None:
        names = [part.lower() for part in parts]
        for parameter in reversed(self.parameters):
            if parameter.name.lower() == names[0]:
                return self._path(Bound(parameter, "namedlambdavariable()", parameter.name), parts[1:])
        return (
            self._named(self.first, parts)
            or self._column(parts, names)
            or self._named(self.later, parts)
            or (self.outer._column(parts, names) if self.outer else None)  # noqa: SLF001  # the same class, one query out
        )

    def _named(self, lookup: Callable[[str], Bound | None], parts: Sequence[str]) -> Bound | None:
        found = lookup(parts[0].lower())
        return None if found is None else self._path(found, parts[1:])

    def _column(self, parts: Sequence[str], names: list[str]) -> Bound | None:
        # Spark tries qualifier.column before column.field; no relation here has a qualifier of two names.
        for place in (1, 0):
            if place >= len(names):
                continue
            qualifier = names[place - 1] if place else None
            candidates = {
                item.column.id: item for item in self.relation.visible if item.answers(qualifier, names[place])
            }
            if len(candidates) > 1:
                raise _ambiguous(parts, list(candidates.values()))
            for item in candidates.values():
                column = item.column
                return self._path(Bound(column, column.name, parts[place]), parts[place + 1 :])
        return None

    def _path(self, bound: Bound, names: Sequence[str]) -> Bound:
        for name in names:
            bound = field_of(bound, name, self.ids)
        return bound


def field_of(bound: Bound, name: str, ids: ColumnIds) -> Bound:
    """Return ``bound.name``: a struct's field, that field of each struct of an array, or a map's value.

    Raises:
        StreamError: FIELD_NOT_FOUND, AMBIGUOUS_REFERENCE_TO_FIELDS or INVALID_EXTRACT_BASE_FIELD_TYPE.
    """
    text = f"{bound.text}.{name}"
    match bound.expression.type:
        case StructType() as kind:
            ordinal = _ordinal(kind, name)
            spelled = kind.fields[ordinal]
            return Bound(
                GetField(spelled.type, bound.expression, ordinal, spelled.name), f"{bound.text}.{spelled.name}", name
            )
        case ArrayType(element=StructType() as kind):
            ordinal = _ordinal(kind, name)
            parameter = ids.column(kind, "x")
            body = GetField(kind.fields[ordinal].type, parameter, ordinal, kind.fields[ordinal].name)
            args = (bound.expression, Lambda(body.type, (parameter,), body))
            return Bound(Call(ArrayType(body.type), "transform", args), text, name)
        case MapType(value=value):
            return Bound(Call(value, "get_item", (bound.expression, Literal(STRING, name))), f"{bound.text}[{name}]")
    message = f'"{bound.text}" has the type {bound.expression.type.sql()}, which has no field `{name}`.'
    is_array = isinstance(bound.expression.type, ArrayType)
    condition = "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE" if is_array else "INVALID_EXTRACT_BASE_FIELD_TYPE"
    raise StreamError("SQL_ANALYSIS", message, condition=condition)


def named_element(bound: Bound, index: Bound, ids: ColumnIds) -> Bound | None:
    """Return ``bound['name']`` of a struct, or of an array of them; None for what is taken by key or place.

    Raises:
        StreamError: INVALID_EXTRACT_FIELD_TYPE, a struct's field is not named by a constant; and as `field_of`.
    """
    kind, name = bound.expression.type, index.expression
    constant = name.value if isinstance(name, Literal) and isinstance(name.value, str) else None
    if isinstance(kind, StructType) and constant is None:
        message = f'A field of "{bound.text}" is named by a constant text, not by "{index.text}".'
        raise StreamError("SQL_ANALYSIS", message, condition="INVALID_EXTRACT_FIELD_TYPE")
    is_named = isinstance(kind, StructType) or (isinstance(kind, ArrayType) and isinstance(kind.element, StructType))
    return replace(field_of(bound, constant, ids), name=None) if is_named and constant is not None else None


def unresolved_column(parts: Sequence[str], known: Sequence[str]) -> StreamError:
    """Return Spark's error for a name that stands for nothing, with the closest names first."""
    seen = ".".join(parts)
    quoted = ".".join(f"`{part}`" for part in parts)
    close = difflib.get_close_matches(seen, known, n=5, cutoff=0.0)
    allowed = ", ".join(".".join(f"`{part}`" for part in name.split(".")) for name in close)
    message = f"A column, variable, or function parameter with name {quoted} cannot be resolved."
    condition = "UNRESOLVED_COLUMN.WITH_SUGGESTION" if close else "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION"
    hint = f"Did you mean one of the following? [{allowed}]." if close else None
    return StreamError("SQL_ANALYSIS", message, condition=condition, hint=hint)


def _ordinal(kind: StructType, name: str) -> int:
    places = [place for place, item in enumerate(kind.fields) if item.name.lower() == name.lower()]
    if len(places) == 1:
        return places[0]
    names = ", ".join(f"`{item}`" for item in kind.names)
    if places:
        message = f"Ambiguous reference to the field `{name}`: it stands {len(places)} times among {names}."
        raise StreamError("SQL_ANALYSIS", message, condition="AMBIGUOUS_REFERENCE_TO_FIELDS")
    message = f"No such struct field `{name}` in {names}."
    raise StreamError("SQL_ANALYSIS", message, condition="FIELD_NOT_FOUND", hint=did_you_mean(name, kind.names))


def _ambiguous(parts: Sequence[str], candidates: Sequence[Visible]) -> StreamError:
    shown = ", ".join(".".join(f"`{part}`" for part in _shown(item).split(".")) for item in candidates)
    message = f"Reference `{'.'.join(parts)}` is ambiguous, could be: [{shown}]."
    hint = "Write the relation before the name, or give the columns different names with AS."
    return StreamError("SQL_ANALYSIS", message, condition="AMBIGUOUS_REFERENCE", hint=hint)


def _shown(item: Visible) -> str:
    return f"{item.qualifier}.{item.column.name}" if item.qualifier else item.column.name
