"""Room 2: an XML record as the fields of a schema.

Takes a text and a schema; gives JSON of the fields, each a value of its type. A bad value is null, and with it whatever
Spark's reader passes over; in a nested record all of it is. Source: Spark StaxXmlParser, mode PERMISSIVE.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from headrace.ddl import parse_schema
from headrace.sql.vectorised.by_value import ConditionError
from headrace.sql.vectorised.xml.events import FAIL_FAST, BadValueError, Event, Events, MalformedError, What, XmlOptions
from headrace.sql.vectorised.xml.leaves import read_leaf
from headrace.types import STRING, ArrayType, DataType, MapType, StructType

_Row = dict[str, Any]


class _PartialError(BadValueError):
    """A record of which some values are bad; `row` holds the others."""

    def __init__(self, row: _Row) -> None:
        super().__init__("bad values")
        self.row = row


def written_options(options: XmlOptions) -> str:
    """Return options as the text that `xml_row` takes."""
    return json.dumps({**{n: getattr(options, n) for n in options.__slots__}, "patterns": dict(options.patterns)})


def xml_row(text: str, schema: str, options: str) -> str:
    """Return the record as JSON.

    Args:
        text: The XML.
        schema: The fields as in ``a INT, b STRING``.
        options: By `written_options`.

    Raises:
        ConditionError: MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION in the mode FAILFAST.
    """
    fields, chosen = _schema(schema), _options(options)
    row: _Row = {}
    try:
        events = Events(text)
        row = _Record(events, chosen).object(fields, events.root().attributes)
    except (BadValueError, MalformedError) as error:
        if chosen.mode == FAIL_FAST:
            message = f"Malformed records are detected in record parsing: {text[:200]}."
            condition = "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION"
            raise ConditionError(condition, message) from error
        row = error.row if isinstance(error, _PartialError) else {}
        row[chosen.corrupt_record] = text
    return json.dumps(row, ensure_ascii=False)


@lru_cache(maxsize=64)
def _schema(text: str) -> StructType:
    return parse_schema(text)


@lru_cache(maxsize=64)
def _options(text: str) -> XmlOptions:
    given = json.loads(text)
    return replace(XmlOptions(**given), patterns=MappingProxyType(given["patterns"]))


class _Record:
    """The reading of one text."""

    def __init__(self, events: Events, options: XmlOptions) -> None:
        self._events = events
        self._options = options

    def object(self, kind: StructType, attributes: Sequence[tuple[str, str]] = ()) -> _Row:
        """Return the fields up to the end of the element whose start was read.

        Raises:
            _PartialError: some values are bad.
            MalformedError: the text is no XML.
        """
        row = self._attributes(attributes, kind)
        is_bad = False
        while (event := self._events.next()).what not in (What.END, What.DONE):
            if event.what is What.TEXT and not event.is_blank:
                self._value(row, kind, event.name)
            if event.what is not What.START:
                continue
            try:
                self._element(row, kind, event)
            except (BadValueError, MalformedError):  # a text that is no XML fails again at the next event
                is_bad = True
        if is_bad:
            raise _PartialError(row)
        return row

    def _element(self, row: _Row, kind: StructType, event: Event) -> None:
        name = self._options.named(event.name)
        field = _named(kind, name)
        if field is None:
            self._unknown(row, kind, name)
            return
        key, wanted = field
        if isinstance(wanted, ArrayType):
            is_record = isinstance(wanted.element, StructType)
            made = self._record(wanted.element, name, event) if is_record else self._field(wanted.element, name)
            row[key] = [*row.get(key, ()), made]
        elif isinstance(wanted, StructType):
            row[key] = self._record(wanted, name, event)
        else:
            row[key] = self._field(wanted, name, event.attributes)

    def _unknown(self, row: _Row, kind: StructType, name: str) -> None:
        any_field = next((field for field in kind.fields if field.name == self._options.wildcard), None)
        if any_field is None:
            self._events.skip_element()
            return
        made = self._field(STRING, name)
        several = isinstance(any_field.type, ArrayType)
        row[any_field.name] = [*row.get(any_field.name, ()), made] if several else made

    def _record(self, kind: DataType, name: str, event: Event) -> _Row:
        """Return an element with its attributes as a record."""
        assert isinstance(kind, StructType)  # what the callers looked at
        attributes = self._attributes(event.attributes, kind)
        made = self._field(kind, name)
        fields = made if isinstance(made, dict) else {}
        return {**fields, **attributes}

    def _field(self, kind: DataType, name: str, attributes: Sequence[tuple[str, str]] = ()) -> Any:
        event = self._events.peek()
        if event.what is What.DONE:
            message = "The record ends before its element."
            raise BadValueError(message)
        if event.what is What.START:
            return self._nested(kind, name, attributes)
        if event.what is What.END:
            self._events.skip_end(name, self._options)
            return "" if kind == STRING and self._options.null_value != "" else None
        return self._text(kind, name, event, attributes)

    def _text(self, kind: DataType, name: str, event: Event, attributes: Sequence[tuple[str, str]]) -> Any:
        if isinstance(kind, StructType):
            return self.object(kind)
        if kind == STRING:
            return self._leaf(self._events.inner_text(name, self._options), STRING)
        if isinstance(kind, ArrayType):
            self._events.next()
            value = self._leaf(event.name, kind.element)
            self._events.skip_end(name, self._options)
            return value
        if event.is_blank:
            self._events.next()
            return self._field(kind, name, attributes)
        value = self._leaf(event.name, kind)  # a bad one leaves the text and the end to who reads on
        self._events.next()
        self._events.skip_end(name, self._options)
        return value

    def _nested(self, kind: DataType, name: str, attributes: Sequence[tuple[str, str]]) -> Any:
        if isinstance(kind, StructType):
            return self.object(kind)
        if isinstance(kind, MapType) and kind.key == STRING:
            return self._map(kind.value, attributes)
        if isinstance(kind, ArrayType):
            return self._field(kind.element, name)
        if kind == STRING:
            return self._leaf(self._events.inner_text(name, self._options), STRING)
        message = f"Elements stand where a {kind.sql()} is wanted."
        raise BadValueError(message)

    def _map(self, kind: DataType, attributes: Sequence[tuple[str, str]]) -> _Row:
        prefix = self._options.attribute_prefix
        found = {prefix + name: self._leaf(value, kind) for name, value in attributes}
        while (event := self._events.next()).what not in (What.END, What.DONE):
            if event.what is What.START:
                key = self._options.named(event.name)
                found[key] = self._field(kind, key)
            elif not event.is_blank:
                found[self._options.value_tag] = self._leaf(event.name, kind)
        return found

    def _attributes(self, attributes: Sequence[tuple[str, str]], kind: StructType) -> _Row:
        row: _Row = {}
        for name, value in self._options.attributes(attributes).items():
            field = _named(kind, name)
            if field is not None:
                row[field[0]] = self._leaf(value, field[1])
        return row

    def _value(self, row: _Row, kind: StructType, text: str) -> None:
        """Put text beside elements into the field that is there for it."""
        for field in kind.fields:
            if field.name == self._options.value_tag:
                if isinstance(field.type, ArrayType):
                    row[field.name] = [*row.get(field.name, ()), self._leaf(text, field.type.element)]
                else:
                    row[field.name] = self._leaf(text, field.type)
                return

    def _leaf(self, text: str | None, kind: DataType) -> Any:
        return read_leaf(text, kind, self._options)


def _named(kind: StructType, name: str) -> tuple[str, DataType] | None:
    exact: Mapping[str, DataType] = {field.name.lower(): field.type for field in reversed(kind.fields)}
    if name.lower() not in exact:
        return None
    return next((f.name, f.type) for f in kind.fields if f.name.lower() == name.lower())
