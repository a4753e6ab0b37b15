"""Room 3: arguments that Spark takes in their own type only, though it casts elsewhere.

Source: the functions of Spark that check their input types without casting to them (ExpectsInputTypes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.bind.refused.constants import refuse_constants
from headrace.plan.bind.refused.mistaken import refuse_mixed
from headrace.types import (
    BOOLEAN,
    DATE,
    INT,
    INTEGRAL,
    NULL,
    SMALLINT,
    STRING,
    TIMESTAMP,
    TINYINT,
    VARIANT,
    DataType,
    MapType,
    is_numeric,
)

_Is = Callable[[DataType], bool]


def _text(kind: DataType) -> bool:
    return kind == STRING


def _whole(kind: DataType) -> bool:
    return kind in INTEGRAL


def _small(kind: DataType) -> bool:
    return kind in (TINYINT, SMALLINT, INT)


def _any(_kind: DataType) -> bool:
    return True


_DAYS: tuple[_Is, ...] = (_any, lambda kind: _small(kind) or kind == STRING)
_EXACT: Mapping[str, tuple[_Is, ...]] = MappingProxyType(
    {
        "array_insert": (_any, _whole),
        "array_repeat": (_any, _whole),
        "array_join": (_any, _text, _text),
        "bit_count": (lambda kind: kind in INTEGRAL or kind == BOOLEAN,),
        "date_add": _DAYS,
        "date_sub": _DAYS,
        "format_number": (is_numeric,),
        "from_csv": (_text,),
        "from_json": (_text,),
        "get_json_object": (_text, _text),
        "json_array_length": (_text,),
        "json_object_keys": (_text,),
        "mask": (_text, _text, _text, _text, _text),
        "parse_json": (_text,),
        "str_to_map": (_text, _text, _text),
        "timestamp_micros": (_whole,),
        "timestamp_millis": (_whole,),
        "timestamp_seconds": (is_numeric,),
        "unix_date": (lambda kind: kind == DATE,),
        "unix_micros": (lambda kind: kind == TIMESTAMP,),
        "unix_millis": (lambda kind: kind == TIMESTAMP,),
        "unix_seconds": (lambda kind: kind == TIMESTAMP,),
    }
)
"""Function -> what each of its arguments has to be; NULL is taken anywhere."""


def refuse_arguments(name: str, args: Sequence[Bound], *, ansi: bool) -> None:
    """Raise for an argument of another type than the function takes, and for two that do not go together.

    Raises:
        StreamError: DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE, …NON_STRING_TYPE of json_tuple, …INVALID_MAP_KEY_TYPE,
            NULL_MAP_KEY, or what `refuse_constants` raises.
    """
    kinds = [arg.expression.type for arg in args]
    tests = _EXACT.get(name, ())
    for place, (kind, fits) in enumerate(zip(kinds, tests, strict=False)):
        if kind != NULL and not fits(kind):
            raise _wrong(name, args[place], place, "UNEXPECTED_INPUT_TYPE")
    if name == "json_tuple":
        for place, kind in enumerate(kinds):
            if kind not in (STRING, NULL):
                raise _wrong(name, args[place], place, "NON_STRING_TYPE")
    if name == "map":
        _refuse_keys(args[::2])
    refuse_constants(name, args)
    refuse_mixed(name, args, ansi=ansi)


def _refuse_keys(keys: Sequence[Bound]) -> None:
    for key in keys:
        if isinstance(key.expression.type, MapType) or key.expression.type == VARIANT:
            raise _wrong("map", key, 0, "INVALID_MAP_KEY_TYPE")
    if keys and all(key.expression.type == NULL for key in keys):
        raise StreamError("SQL_RUNTIME", "Cannot use null as map key.", condition="NULL_MAP_KEY")


def _wrong(name: str, arg: Bound, place: int, kind: str) -> StreamError:
    seen = arg.expression.type.sql()
    message = f'Argument {place + 1} of {name}, "{arg.text}", has the type "{seen}", which is not cast here.'
    return StreamError("SQL_ANALYSIS", message, condition=f"DATATYPE_MISMATCH.{kind}")
