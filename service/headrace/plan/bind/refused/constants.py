"""Room 3: arguments that Spark reads before anything runs: schemas, options, formats and single characters.

Takes the bound arguments of a call; gives Spark's refusals. What a function does with them its entry says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from headrace.errors import StreamError
from headrace.plan.bind.bound import Bound
from headrace.plan.constant import NO_VALUE, value_of
from headrace.plan.expressions import Call, Column, walk
from headrace.types import INT, NULL, STRING, MapType

_BINARY_FORMATS = ("hex", "utf-8", "utf8", "base64")


def refuse_constants(name: str, args: Sequence[Bound]) -> None:
    """Raise for a constant argument that the function cannot use, or one that is none.

    Raises:
        StreamError: DATATYPE_MISMATCH.…, INVALID_SCHEMA.NON_STRING_LITERAL, INVALID_OPTIONS.…, by the function.
    """
    for refuse in _REFUSALS.get(name, ()):
        refuse(name, args)


def _schema(name: str, args: Sequence[Bound]) -> None:
    given = args[1].expression if len(args) > 1 else None
    if given is None or (given.type == STRING and not any(isinstance(part, Column) for part in walk(given))):
        return
    message = f'The schema of {name} is a constant text, and "{args[1].text}" is none.'
    hint = "Write it as in 'a INT, b STRING'."
    raise StreamError("SQL_ANALYSIS", message, hint=hint, condition="INVALID_SCHEMA.NON_STRING_LITERAL")


def _options(at: int) -> Callable[[str, Sequence[Bound]], None]:
    def refuse(name: str, args: Sequence[Bound]) -> None:
        if len(args) <= at:
            return
        given = args[at].expression
        if not isinstance(given, Call) or given.function != "map":
            condition = "INVALID_OPTIONS.NON_MAP_FUNCTION"
        elif given.args and given.type != MapType(STRING, STRING):
            condition = "INVALID_OPTIONS.NON_STRING_TYPE"
        else:
            return
        message = f'The options of {name} are a map() of constant texts; seen: "{args[at].text}".'
        hint = "Write map('timestampFormat', 'yyyy')."
        raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition)

    return refuse


def _sample(name: str, args: Sequence[Bound]) -> None:
    given = args[0].expression if args else None
    if given is not None and given.type == STRING and value_of(given) is None:
        raise _wrong(name, args[0], "must not be NULL", "UNEXPECTED_NULL")
    if given is not None and given.type == NULL:
        raise _wrong(name, args[0], "must not be NULL", "UNEXPECTED_NULL")
    if given is not None and name == "schema_of_csv" and given.type != STRING:
        raise _wrong(name, args[0], "must be a text", "UNEXPECTED_INPUT_TYPE")


def _masks(name: str, args: Sequence[Bound]) -> None:
    for arg in args[1:]:
        value = value_of(arg.expression)
        if value is NO_VALUE:
            raise _wrong(name, arg, "must be a constant", "NON_FOLDABLE_INPUT")
        if value is not None and len(str(value)) != 1:
            raise _wrong(name, arg, "must be one character", "INPUT_SIZE_NOT_ONE")


def _format(name: str, args: Sequence[Bound]) -> None:
    if len(args) != 2:
        return
    value = value_of(args[1].expression)
    if value is NO_VALUE:
        raise _wrong(name, args[1], "must be a constant", "NON_FOLDABLE_INPUT")
    if value is not None and str(value).lower() not in _BINARY_FORMATS and name == "to_binary":
        raise _wrong(name, args[1], f"must be one of {', '.join(_BINARY_FORMATS)}", "INVALID_ARG_VALUE")


def _rows(name: str, args: Sequence[Bound]) -> None:
    """stack(n, ...): the number of rows, and columns of one type each, which are not cast."""
    count = value_of(args[0].expression) if args and args[0].expression.type == INT else None
    if count is None or len(args) < 2:
        return
    if count is NO_VALUE:
        raise _wrong(name, args[0], "must be a constant", "NON_FOLDABLE_INPUT")
    if count < 1:
        raise _wrong(name, args[0], "must be 1 or more", "VALUE_OUT_OF_RANGE")
    width = -(-(len(args) - 1) // count)
    for column in range(width):
        kinds = {arg.expression.type for arg in args[1 + column :: width]} - {NULL}
        if len(kinds) > 1:
            seen = ", ".join(sorted(f'"{kind.sql()}"' for kind in kinds))
            message = f"The values in column {column} of {name} have different types: {seen}."
            hint = "Cast them to one type."
            condition = "DATATYPE_MISMATCH.STACK_COLUMN_DIFF_TYPES"
            raise StreamError("SQL_ANALYSIS", message, hint=hint, condition=condition)


def _days(name: str, args: Sequence[Bound]) -> None:
    value = value_of(args[1].expression) if len(args) == 2 and args[1].expression.type == STRING else NO_VALUE
    if isinstance(value, str) and not value.strip().lstrip("+-").isdigit():
        message = f"The days of {name} are a whole number, and {value!r} is none."
        condition = "CAST_INVALID_INPUT"
        raise StreamError("SQL_ANALYSIS", message, hint="Write a number.", condition=condition)


def _wrong(name: str, arg: Bound, rule: str, kind: str) -> StreamError:
    message = f'The argument "{arg.text}" of {name} {rule}.'
    return StreamError("SQL_ANALYSIS", message, condition=f"DATATYPE_MISMATCH.{kind}")


_REFUSALS: Mapping[str, tuple[Callable[[str, Sequence[Bound]], None], ...]] = MappingProxyType(
    {
        "from_json": (_schema, _options(2)),
        "from_csv": (_schema, _options(2)),
        "to_json": (_options(1),),
        "to_csv": (_options(1),),
        "schema_of_json": (_sample, _options(1)),
        "schema_of_csv": (_sample, _options(1)),
        "mask": (_masks,),
        "stack": (_rows,),
        "date_add": (_days,),
        "date_sub": (_days,),
        "to_binary": (_format,),
        "try_to_binary": (_format,),
    }
)
"""Function -> what is looked at."""
