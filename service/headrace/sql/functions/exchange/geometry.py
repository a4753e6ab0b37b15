"""Room 2: GEOMETRY and GEOGRAPHY: well-known binary with the number of a reference system.

Takes rendered bytes and geometries (DuckDB structs of srid and wkb, little-endian); gives DuckDB text. Source: Spark
stExpressions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headrace.sql.function import Argument, Function, How, Rendered, Resolved
from headrace.sql.functions.signature import accept, fail, mismatch, null_if_any, table
from headrace.sql.settings import SqlSettings
from headrace.types import BINARY, GEOGRAPHY, GEOMETRY, INT, NULL, STRING, DataType

_EARTH = 4326
_KNOWN: Mapping[DataType, tuple[int, ...]] = {GEOGRAPHY: (_EARTH,), GEOMETRY: (0, 3857, _EARTH)}
"""The reference systems that Spark 4.2 has by number."""


def _geo(argument: Argument) -> DataType:
    if argument.type == NULL:
        return GEOMETRY
    if argument.type not in (GEOMETRY, GEOGRAPHY):
        raise mismatch(f'Argument 1 must be "GEOMETRY" or "GEOGRAPHY", and has the type "{argument.type.sql()}".')
    return argument.type


def _known(srid: str, kind: DataType) -> str:
    """Return the text of a reference system's number, an error where it is none that is known."""
    wrong = fail("ST_INVALID_SRID_VALUE", f"'Invalid or unsupported SRID value: ' || {srid} || '.'")
    numbers = ", ".join(str(number) for number in _KNOWN[kind])
    return f"(CASE WHEN {srid} IN ({numbers}) THEN {srid} WHEN {srid} IS NOT NULL THEN {wrong} END)"


def _made(srid: str, wkb: str) -> str:
    return f"struct_pack(srid := CAST({srid} AS INTEGER), wkb := {wkb})"


def _reader(name: str, kind: DataType) -> Function:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        return Resolved(
            tuple(accept(a, k, i) for i, (a, k) in enumerate(zip(arguments, (BINARY, INT), strict=False))), kind
        )

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        on_earth = str(kind == GEOGRAPHY).lower()
        wkb = f"headrace_wkb({arguments[0].sql}, 'NDR', {on_earth})"
        default = str(_EARTH if kind == GEOGRAPHY else 0)
        srid = _known(arguments[1].sql, kind) if len(arguments) == 2 else default
        return null_if_any(arguments, _made(srid, wkb))

    return Function(name, (1, 1 if kind == GEOGRAPHY else 2), resolve, render, How.ARROW)


def _binary_types(arguments: Sequence[Argument]) -> Resolved:
    return Resolved((_geo(arguments[0]), *(accept(a, STRING, 1) for a in arguments[1:])), BINARY)


def _binary(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    wkb = f"struct_extract({arguments[0].sql}, 'wkb')"
    return wkb if len(arguments) == 1 else f"headrace_wkb({wkb}, {arguments[1].sql}, false)"


def _srid_types(arguments: Sequence[Argument]) -> Resolved:
    return Resolved((_geo(arguments[0]),), INT)


def _srid(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return f"struct_extract({arguments[0].sql}, 'srid')"


def _set_types(arguments: Sequence[Argument]) -> Resolved:
    kind = _geo(arguments[0])
    return Resolved((kind, accept(arguments[1], INT, 1)), kind)


def _set(arguments: Sequence[Rendered], kind: DataType, _settings: SqlSettings) -> str:
    wkb = f"struct_extract({arguments[0].sql}, 'wkb')"
    return null_if_any(arguments, _made(_known(arguments[1].sql, kind), wkb))


FUNCTIONS = table(
    _reader("st_geogfromwkb", GEOGRAPHY),
    _reader("st_geomfromwkb", GEOMETRY),
    Function("st_asbinary", (1, 2), _binary_types, _binary, How.ARROW),
    Function("st_srid", (1, 1), _srid_types, _srid, How.REWRITTEN),
    Function("st_setsrid", (2, 2), _set_types, _set, How.REWRITTEN),
)
