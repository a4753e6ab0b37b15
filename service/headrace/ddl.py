"""Ground floor: Spark's DDL texts of schemas and types.

Takes a text such as ``a INT, b STRUCT<x: DOUBLE>``, gives the type; every error says where in the text it stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from headrace.dataclass import dataclass
from headrace.errors import StreamError, did_you_mean
from headrace.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    CALENDAR_INTERVAL,
    DATE,
    DAY_TIME_FIELDS,
    DOUBLE,
    FLOAT,
    INT,
    NULL,
    SMALLINT,
    STRING,
    TIME,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    TINYINT,
    VARIANT,
    YEAR_MONTH_FIELDS,
    ArrayType,
    DataType,
    DecimalType,
    Field,
    MapType,
    StructType,
    interval_of,
)
from headrace.values import Position

ATOMIC_NAMES: Mapping[str, DataType] = MappingProxyType(
    {
        "BIGINT": BIGINT,
        "BINARY": BINARY,
        "BOOLEAN": BOOLEAN,
        "BYTE": TINYINT,
        "DATE": DATE,
        "DOUBLE": DOUBLE,
        "FLOAT": FLOAT,
        "INT": INT,
        "INTEGER": INT,
        "LONG": BIGINT,
        "REAL": FLOAT,
        "SHORT": SMALLINT,
        "SMALLINT": SMALLINT,
        "STRING": STRING,
        "TIME": TIME,
        "TIMESTAMP": TIMESTAMP,
        "TIMESTAMP_LTZ": TIMESTAMP,
        "TIMESTAMP_NTZ": TIMESTAMP_NTZ,
        "TINYINT": TINYINT,
        "VARIANT": VARIANT,
        "VOID": NULL,
    }
)
"""Spark's names of the types without parameters, synonyms included."""

MAX_PRECISION = 38
_DECIMALS = ("DECIMAL", "DEC", "NUMERIC")
_CHARACTERS = ("CHAR", "CHARACTER", "VARCHAR")
_PARAMETRIC = ("ARRAY", "MAP", "STRUCT", "INTERVAL", *_DECIMALS, *_CHARACTERS)
_NESTED = {"ARRAY": "ARRAY<INT>", "MAP": "MAP<STRING, INT>", "STRUCT": "STRUCT<a: INT>"}
_SCALE_TOO_LARGE = "UNSUPPORTED_DATATYPE"
_COLLATION = re.compile(r"(?:UTF8|UNICODE|[A-Z]{2,3})(?:_|$)")
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<quoted>`(?:[^`]|``)*`)
      | (?P<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*")
      | (?P<word>\w+)
      | (?P<mark>[<>(),:.-])""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # word, quoted, string, mark or end
    text: str
    offset: int

    @property
    def upper(self) -> str:
        return self.text.upper() if self.kind == "word" else self.text


def parse_schema(text: str) -> StructType:
    """Return the schema that a DDL text of columns, or one ``STRUCT<...>``, names.

    Raises:
        StreamError: SQL_SYNTAX with Spark's condition PARSE_SYNTAX_ERROR or UNSUPPORTED_DATATYPE and the place.
    """
    reader = _Reader(text)
    if reader.peek().upper == "STRUCT" and reader.peek(1).text == "<":
        kind = reader.read_type()
        reader.expect_end()
        assert isinstance(kind, StructType)  # what STRUCT< reads
        return kind
    fields = [] if reader.peek().kind == "end" else reader.read_fields()
    reader.expect_end()
    return StructType(tuple(fields))


def parse_type(text: str) -> DataType:
    """Return the type that a DDL text such as ``array<int>`` names.

    Raises:
        StreamError: SQL_SYNTAX with Spark's condition PARSE_SYNTAX_ERROR or UNSUPPORTED_DATATYPE and the place.
    """
    reader = _Reader(text)
    kind = reader.read_type()
    reader.expect_end()
    return kind


def ddl_text(kind: DataType) -> str:
    """Return a type as DDL whatever its fields are called; `DataType.sql` leaves names bare, as Spark prints them."""
    match kind:
        case StructType(fields=fields):
            inner = ", ".join(f"`{field.name.replace('`', '``')}`: {ddl_text(field.type)}" for field in fields)
            return f"STRUCT<{inner}>"
        case ArrayType(element=element):
            return f"ARRAY<{ddl_text(element)}>"
        case MapType(key=key, value=value):
            return f"MAP<{ddl_text(key)}, {ddl_text(value)}>"
    return "TIME" if kind == TIME else kind.sql()


class _Reader:
    """A recursive-descent reader over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._tokenize()
        self._next = 0

    def _tokenize(self) -> list[_Token]:
        tokens, end = [], 0
        while end < len(self._text):
            match = _TOKEN.match(self._text, end)
            if match is None:
                raise self._error(f"unexpected {self._text[end]!r}", end)
            kind = match.lastgroup or ""
            if kind != "space":
                tokens.append(_Token(kind, match[0], end))
            end = match.end()
        return [*tokens, _Token("end", "end of text", len(self._text))]

    def peek(self, ahead: int = 0) -> _Token:
        """Return a token without taking it; the end token stands for everything behind the end."""
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def expect_end(self) -> None:
        """Refuse whatever stands behind what was read."""
        if self.peek().kind != "end":
            raise self._unexpected(self.peek(), "the end of the text")

    def read_fields(self) -> list[Field]:
        """Read one field or more, with commas between."""
        fields = [self._read_field()]
        while self._takes(","):
            fields.append(self._read_field())
        return fields

    def _read_field(self) -> Field:
        token = self._take()
        if token.kind == "quoted":
            name = token.text[1:-1].replace("``", "`")
        elif token.kind == "word":
            name = token.text
        else:
            raise self._unexpected(token, "a column name")
        self._takes(":")
        kind = self.read_type()
        if self._takes("NOT"):
            self._expect("NULL")
        if self._takes("COMMENT"):
            comment = self._take()
            if comment.kind != "string":
                raise self._unexpected(comment, "a quoted comment")
        return Field(name, kind)

    def read_type(self) -> DataType:
        """Read one type."""
        token = self._take()
        name = token.upper
        if token.kind not in ("word", "quoted") or name.isdecimal():
            raise self._unexpected(token, "a type")
        if name in ATOMIC_NAMES:
            return self._atomic(token)
        if name in _DECIMALS:
            return self._decimal(token)
        if name in _CHARACTERS:
            self._length(token)
            return STRING
        if name == "INTERVAL":
            return self._interval()
        if name in _NESTED:
            return self._nested(token)
        if self.peek().text == "(" and not self.peek(1).text.isdecimal():
            raise self._unexpected(self.peek(), "the end of the type")
        hint = did_you_mean(name, (*ATOMIC_NAMES, *_PARAMETRIC))
        message = f"unsupported data type {token.text!r}."
        raise self._error(message, token.offset, condition="UNSUPPORTED_DATATYPE", hint=hint)

    def _atomic(self, token: _Token) -> DataType:
        if token.upper == "STRING" and self._takes("COLLATE"):
            collation = self._take()
            if collation.upper != "UTF8_BINARY":
                message = f"the collation {collation.text!r} is not supported; allowed: UTF8_BINARY."
                condition = "UNSUPPORTED_DATATYPE" if _COLLATION.match(collation.upper) else "COLLATION_INVALID_NAME"
                raise self._error(message, collation.offset, condition=condition)
        if self.peek().text == "(":
            message = f"{token.upper} takes nothing in brackets."
            raise self._error(message, token.offset, condition="UNSUPPORTED_DATATYPE")
        return ATOMIC_NAMES[token.upper]

    def _decimal(self, token: _Token) -> DataType:
        if not self._takes("("):
            return DecimalType()
        precision, scale = self._number(), 0
        if self._takes(","):
            scale = self._number()
        if self.peek().text == ",":
            message = "DECIMAL takes a precision and a scale."
            raise self._error(message, token.offset, condition="UNSUPPORTED_DATATYPE")
        self._expect(")")
        if not 0 < precision <= MAX_PRECISION or scale > precision:
            message = (
                f"DECIMAL({precision},{scale}) is not allowed; the precision is 1 to {MAX_PRECISION} and the scale at "
                "most the precision."
            )
            condition = "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION" if precision > MAX_PRECISION else _SCALE_TOO_LARGE
            raise self._error(message, token.offset, condition=condition)
        return DecimalType(precision, scale)

    def _length(self, token: _Token) -> None:
        if not self._takes("("):
            message = f"{token.upper} takes a length, as in {token.upper}(10)."
            raise self._error(message, token.offset, condition="DATATYPE_MISSING_SIZE")
        self._number()
        self._expect(")")

    def _interval(self) -> DataType:
        for units in (DAY_TIME_FIELDS, YEAR_MONTH_FIELDS):
            if self.peek().upper in units:
                start = end = self._take().upper
                if self._takes("TO"):
                    last = self._take()
                    end = last.upper
                    if end not in units[units.index(start) + 1 :]:
                        raise self._unexpected(last, f"a unit smaller than {start}")
                return interval_of(start, end)
        return CALENDAR_INTERVAL

    def _nested(self, token: _Token) -> DataType:
        name = token.upper
        if not self._takes("<"):
            message = f"{name} names its parts, as in {_NESTED[name]}."
            raise self._error(message, token.offset, condition=f"INCOMPLETE_TYPE_DEFINITION.{name}")
        kind: DataType
        if name == "ARRAY":
            kind = ArrayType(self.read_type())
        elif name == "MAP":
            key = self.read_type()
            self._expect(",")
            kind = MapType(key, self.read_type())
        else:
            kind = StructType(() if self.peek().text == ">" else tuple(self.read_fields()))
        self._expect(">")
        return kind

    def _number(self) -> int:
        token = self._take()
        if token.kind != "word" or not token.text.isdecimal():
            raise self._unexpected(token, "a number")
        return int(token.text)

    def _take(self) -> _Token:
        token = self.peek()
        self._next += 1
        return token

    def _takes(self, word: str) -> bool:
        if self.peek().kind in ("word", "mark") and self.peek().upper == word:
            self._next += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._takes(word):
            raise self._unexpected(self.peek(), repr(word))

    def _unexpected(self, token: _Token, wanted: str) -> StreamError:
        return self._error(f"unexpected {token.text!r}, expected {wanted}", token.offset)

    def _error(
        self, what: str, offset: int, *, condition: str = "PARSE_SYNTAX_ERROR", hint: str | None = None
    ) -> StreamError:
        before = self._text[:offset]
        at = Position("", before.count("\n") + 1, offset - before.rfind("\n"))
        message = f"In the schema {self._text!r} at line {at.line}, column {at.column}: {what}"
        default = "Write columns as in 'a INT, b ARRAY<STRING>'."
        return StreamError("SQL_SYNTAX", message, at=at, hint=hint or default, condition=condition)
