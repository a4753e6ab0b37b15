"""Room 2: VARIANT: parse_json, variant_get and their kin; what they do value by value is `vectorised.values.variants`.

Takes rendered texts and variants; gives DuckDB text. A variant is a VARCHAR of JSON inside DuckDB.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.ddl import parse_type
from headrace.duck import quote_text
from headrace.errors import StreamError
from headrace.sql.cast import CastMode, render_cast
from headrace.sql.cast.variants import is_target
from headrace.sql.function import Argument, Function, How, Rendered, Resolved
from headrace.sql.functions.signature import accept, mismatch, table, takes, text, unsupported
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.values.variants import is_path
from headrace.types import (
    BIGINT,
    BOOLEAN,
    INT,
    INTEGRAL,
    NULL,
    STRING,
    VARIANT,
    ArrayType,
    DataType,
    DecimalType,
    Field,
    MapType,
    StructType,
)

_ROWS = StructType((Field("pos", INT), Field("key", STRING), Field("value", VARIANT)))


def _variant(argument: Argument, position: int) -> DataType:
    if argument.type not in (VARIANT, NULL):
        raise mismatch(f'Argument {position + 1} must be "VARIANT", and has the type "{argument.type.sql()}".')
    return VARIANT


def _parser(name: str, *, quiet: bool) -> Function:
    call = f"headrace_parse_json({{0}}, {str(quiet).lower()})"
    return Function(name, (1, 1), takes(STRING, gives=VARIANT), text(call), How.ARROW)


def _asked(name: str, gives: DataType, template: str) -> Function:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        return Resolved((_variant(arguments[0], 0),), gives)

    return Function(name, (1, 1), resolve, text(template), How.ARROW)


def _path(argument: Argument | Rendered) -> str:
    path = str(argument.value) if argument.constant else ""
    if argument.constant and argument.value is not None and not path.startswith("$"):
        message = f"The path {path!r} is no path into a variant."
        hint = "Begin it with $, such as $.a[0]."
        raise StreamError("SQL_ANALYSIS", message, hint=hint, condition="INVALID_VARIANT_GET_PATH")
    if not is_path(path):
        raise unsupported(f"The path of variant_get must be a constant such as $.a[0]; seen: {argument.value!r}.")
    return path


def _target(argument: Argument) -> DataType:
    if not argument.constant or not isinstance(argument.value, str):
        message = "The type of variant_get is a constant text."
        hint = "Write it as in 'int'."
        raise StreamError("SQL_ANALYSIS", message, hint=hint, condition="INVALID_SCHEMA.NON_STRING_LITERAL")
    kind = parse_type(argument.value)
    if kind != VARIANT and not is_target(kind):
        raise unsupported(f"variant_get to {kind.sql()} is not done; take the variant and its parts.")
    return kind


def _get_types(arguments: Sequence[Argument]) -> Resolved:
    _path(arguments[1])
    kind = _target(arguments[2]) if len(arguments) == 3 else VARIANT
    return Resolved((_variant(arguments[0], 0), *(accept(a, STRING, i + 1) for i, a in enumerate(arguments[1:]))), kind)


def _getter(name: str, *, quiet: bool) -> Function:
    def render(arguments: Sequence[Rendered], kind: DataType, settings: SqlSettings) -> str:
        found = f"headrace_variant_get({arguments[0].sql}, {quote_text(_path(arguments[1]))})"
        if kind == VARIANT:
            return found
        mode = CastMode.TRY if quiet else CastMode.ANSI
        return render_cast(found, VARIANT, kind, mode=mode, settings=settings)

    return Function(name, (2, 3), _get_types, render, How.ARROW)


def _plain(kind: DataType) -> bool:
    if isinstance(kind, StructType):
        return all(_plain(field.type) for field in kind.fields)
    if isinstance(kind, ArrayType):
        return _plain(kind.element)
    if isinstance(kind, MapType):
        return kind.key == STRING and _plain(kind.value)
    return kind in (*INTEGRAL, BIGINT, BOOLEAN, STRING, NULL) or isinstance(kind, DecimalType)


def _object_types(arguments: Sequence[Argument]) -> Resolved:
    kind = arguments[0].type
    if not isinstance(kind, StructType | ArrayType | MapType):
        message = f'to_variant_object takes a struct, an array or a map, and got "{kind.sql()}".'
        raise mismatch(message, condition="CAST_WITHOUT_SUGGESTION")
    if not _plain(kind):
        raise unsupported(f"to_variant_object of {kind.sql()} is not done; allowed: texts, whole numbers and decimals.")
    return Resolved((kind,), VARIANT)


def _row_types(arguments: Sequence[Argument]) -> Resolved:
    return Resolved((_variant(arguments[0], 0),), _ROWS)


def _rows(name: str) -> Function:
    call = text("headrace_variant_rows({0})")
    return Function(name, (1, 1), _row_types, call, How.ARROW, generator=True)


_OBJECT = text("headrace_parse_json(CAST(to_json({0}) AS VARCHAR), false)")

FUNCTIONS = table(
    _parser("parse_json", quiet=False),
    _parser("try_parse_json", quiet=True),
    _asked("is_variant_null", BOOLEAN, "coalesce({0} = 'null', false)"),
    _asked("is_valid_variant", BOOLEAN, "(CASE WHEN {0} IS NOT NULL THEN true END)"),
    _asked("schema_of_variant", STRING, "headrace_schema_of_variant({0})"),
    _getter("variant_get", quiet=False),
    _getter("try_variant_get", quiet=True),
    Function("to_variant_object", (1, 1), _object_types, _OBJECT, How.ARROW),
    _rows("variant_explode"),
    _rows("variant_explode_outer"),
)
