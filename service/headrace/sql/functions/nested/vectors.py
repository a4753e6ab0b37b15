"""Room 2: functions of vectors, which are arrays of FLOAT, by way of `vectorised.values.vectors`."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.sql.function import Argument, Function, How, Rendered, Resolve, Resolved
from headrace.sql.functions.signature import accept, mismatch, table
from headrace.sql.settings import SqlSettings
from headrace.types import FLOAT, ArrayType, DataType

_VECTOR = ArrayType(FLOAT)


def _types(count: int, result: DataType) -> Resolve:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        for place, argument in enumerate(arguments[:count], 1):
            if argument.type != _VECTOR:
                seen = argument.type.sql()
                raise mismatch(f'Argument {place} must be "ARRAY<FLOAT>", and has the type "{seen}".')
        rest = (accept(argument, FLOAT, count) for argument in arguments[count:])
        return Resolved((*(_VECTOR for _ in arguments[:count]), *rest), result)

    return resolve


def _pairwise(name: str) -> Function:
    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        return f"headrace_{name}({arguments[0].sql}, {arguments[1].sql})"

    return Function(name, (2, 2), _types(2, FLOAT), render, How.ARROW)


def _normed(name: str, result: DataType) -> Function:
    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        degree = arguments[1].sql if len(arguments) == 2 else "2.0::FLOAT"
        return f"headrace_{name}({arguments[0].sql}, {degree})"

    return Function(name, (1, 2), _types(1, result), render, How.ARROW)


FUNCTIONS = table(
    _pairwise("vector_inner_product"),
    _pairwise("vector_cosine_similarity"),
    _pairwise("vector_l2_distance"),
    _normed("vector_norm", FLOAT),
    _normed("vector_normalize", _VECTOR),
)
