"""Room 2: functions of HyperLogLog and theta sketches, by way of `vectorised.sketches`.

Takes rendered sketches; gives DuckDB text. Source: Spark datasketchesExpressions, thetasketchesExpressions.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.sql.function import Argument, Function, How, Rendered, Resolved
from headrace.sql.functions.signature import accept, table
from headrace.sql.functions.sketching.constants import DEFAULT_LOG, log_of, need_hll, quoted, sketch
from headrace.sql.settings import SqlSettings
from headrace.types import BIGINT, BINARY, BOOLEAN, INT, DataType


def _estimate(name: str, call: str) -> Function:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        if call == "hll_estimate":
            need_hll(name)
        return Resolved((sketch(arguments[0], 0),), BIGINT)

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        return f"headrace_{call}({arguments[0].sql}, {quoted(name)})"

    return Function(name, (1, 1), resolve, render, How.ARROW)


def _hll_union() -> Function:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        need_hll("hll_union")
        rest = (accept(argument, BOOLEAN, 2) for argument in arguments[2:])
        return Resolved((sketch(arguments[0], 0), sketch(arguments[1], 1), *rest), BINARY)

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        different = arguments[2].sql if len(arguments) == 3 else "false"
        return f"headrace_hll_pair({arguments[0].sql}, {arguments[1].sql}, {different}, 'hll_union')"

    return Function("hll_union", (2, 3), resolve, render, How.ARROW)


def _theta_union() -> Function:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        for argument in arguments[2:]:
            log_of(argument, "theta_union")
        return Resolved((sketch(arguments[0], 0), sketch(arguments[1], 1), *(INT for _ in arguments[2:])), BINARY)

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        log = log_of(arguments[2], "theta_union") if len(arguments) == 3 else DEFAULT_LOG
        return _pair(arguments, "headrace_theta_union({0}, " + f"{log}, 'theta_union')")

    return Function("theta_union", (2, 3), resolve, render, How.ARROW)


def _pair(arguments: Sequence[Rendered], call: str) -> str:
    """A call with the list of two sketches, NULL when one of them is."""
    one, other = arguments[0].sql, arguments[1].sql
    return f"(CASE WHEN {one} IS NOT NULL AND {other} IS NOT NULL THEN {call.format(f'[{one}, {other}]')} END)"


def _two_types(arguments: Sequence[Argument]) -> Resolved:
    return Resolved((sketch(arguments[0], 0), sketch(arguments[1], 1)), BINARY)


def _theta_intersection(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return _pair(arguments, "headrace_theta_intersection({0}, 'theta_intersection')")


def _theta_difference(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    return f"headrace_theta_difference({arguments[0].sql}, {arguments[1].sql}, 'theta_difference')"


FUNCTIONS = table(
    _estimate("hll_sketch_estimate", "hll_estimate"),
    _hll_union(),
    _estimate("theta_sketch_estimate", "theta_estimate"),
    _theta_union(),
    Function("theta_intersection", (2, 2), _two_types, _theta_intersection, How.ARROW),
    Function("theta_difference", (2, 2), _two_types, _theta_difference, How.ARROW),
)
