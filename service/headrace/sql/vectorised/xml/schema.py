"""Room 2: the type that an XML record has. Takes a text, gives a type. Source: Spark XmlInferSchema."""

from __future__ import annotations

import re
from collections.abc import Iterable

from headrace.sql.vectorised.xml.events import FAIL_FAST, Event, Events, MalformedError, What, XmlOptions
from headrace.sql.vectorised.xml.leaves import is_day, is_moment
from headrace.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    NULL,
    STRING,
    TIMESTAMP,
    ArrayType,
    DataType,
    Field,
    StructType,
    struct,
)

_DOUBLE = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_Fields = dict[str, tuple[str, DataType]]


def xml_schema(text: str, options: XmlOptions) -> DataType:
    """Return the type of a record; a text that is no XML has a column for corrupt records.

    Raises:
        MalformedError: it is none, in the mode FAILFAST.
    """
    try:
        events = Events(text)
        found = _object(events, options, events.root().attributes)
    except MalformedError:
        if options.mode == FAIL_FAST:
            raise
        return struct(**{options.corrupt_record: STRING})
    return _plain(found) or StructType(())


def _object(events: Events, options: XmlOptions, attributes: Iterable[tuple[str, str]] = ()) -> StructType:
    fields: _Fields = {}
    for name, value in options.attributes(tuple(attributes)).items():
        _add(fields, name, _leaf(value, options), options)
    while (event := events.next()).what not in (What.END, What.DONE):
        if event.what is What.START:
            _add(fields, options.named(event.name), _element(events, event, options), options)
        elif not event.is_blank:
            _add(fields, options.value_tag, _leaf(event.name, options), options)
    return _struct(fields.values())


def _struct(fields: Iterable[tuple[str, DataType]]) -> StructType:
    return StructType(tuple(Field(name, kind) for name, kind in sorted(fields, key=lambda field: field[0])))


def _element(events: Events, event: Event, options: XmlOptions) -> DataType:
    attributes = options.attributes(event.attributes)
    kind = _field(events, options)
    if not attributes:
        return kind
    inner = [(field.name, field.type) for field in kind.fields] if isinstance(kind, StructType) else []
    if not inner and kind != NULL and not isinstance(kind, StructType):
        inner = [(options.value_tag, kind)]
    return _struct([*inner, *((name, _leaf(value, options)) for name, value in attributes.items())])


def _field(events: Events, options: XmlOptions) -> DataType:
    what = events.peek().what
    if what is What.END:
        events.next()
        return NULL
    found = _object(events, options)
    if what is What.START:
        return found
    if not found.fields:
        return NULL
    alone = found.fields[0]
    nested = isinstance(alone.type, StructType | ArrayType)
    if len(found.fields) == 1 and not nested and alone.name.lower() == options.value_tag.lower():
        return alone.type
    return found


def _add(fields: _Fields, name: str, kind: DataType, options: XmlOptions) -> None:
    before = fields.get(name.lower())
    if before is None:
        fields[name.lower()] = (name, kind)
        return
    merged = _common(before[1], kind, options)
    fields[name.lower()] = (before[0], merged if isinstance(before[1], ArrayType) else ArrayType(merged))


def _leaf(text: str | None, options: XmlOptions) -> DataType:
    value = text.strip() if text is not None and options.trim else text
    if not options.infer:
        return STRING
    if value is None or value in ("", options.null_value):
        return NULL
    digits = value[1:] if value[0] in "+-" else value
    if re.fullmatch(r"[0-9]+", digits) and int(digits) < 1 << 63:
        return BIGINT
    if _DOUBLE.fullmatch(digits):
        return DOUBLE
    if is_day(value, options):
        return DATE
    if is_moment(value, options):
        return TIMESTAMP
    return BOOLEAN if value.lower() in ("true", "false") else STRING


def _common(a: DataType, b: DataType, options: XmlOptions) -> DataType:
    """Return the type that holds the values of both."""
    if a == b or b == NULL:
        return a
    if a == NULL:
        return b
    if isinstance(a, ArrayType) or isinstance(b, ArrayType):
        left, right = (kind.element if isinstance(kind, ArrayType) else kind for kind in (a, b))
        return ArrayType(_common(left, right, options))
    if isinstance(a, StructType) and isinstance(b, StructType):
        fields: _Fields = {}
        for field in (*a.fields, *b.fields):
            known = fields.get(field.name.lower())
            kind = field.type if known is None else _common(known[1], field.type, options)
            fields[field.name.lower()] = (known[0] if known else field.name, kind)
        return _struct(fields.values())
    if isinstance(a, StructType) or isinstance(b, StructType):
        record, other = (a, b) if isinstance(a, StructType) else (b, a)
        return _with_value(record, other, options)  # type: ignore[arg-type]  # what the line above chose
    if {a, b} == {BIGINT, DOUBLE}:
        return DOUBLE
    return TIMESTAMP if {a, b} == {DATE, TIMESTAMP} else STRING


def _with_value(record: StructType, kind: DataType, options: XmlOptions) -> DataType:
    if options.value_tag not in record.names:
        return STRING
    return StructType(
        tuple(
            Field(f.name, _common(f.type, kind, options) if f.name == options.value_tag else f.type)
            for f in record.fields
        )
    )


def _plain(kind: DataType) -> DataType | None:
    """Return the type with texts for what was empty, and without records of no field; None for such a one."""
    if isinstance(kind, ArrayType):
        element = _plain(kind.element)
        return None if element is None else ArrayType(element)
    if isinstance(kind, StructType):
        fields = [(field.name, _plain(field.type)) for field in kind.fields if field.name]
        kept = tuple(Field(name, inner) for name, inner in fields if inner is not None)
        return StructType(kept) if kept else None
    return STRING if kind == NULL else kind
