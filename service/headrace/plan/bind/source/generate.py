"""Room 3: functions that give rows: LATERAL VIEW, explode() in SELECT, and functions in FROM."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.call import call, is_generator
from headrace.plan.bind.expression.binder import Binder
from headrace.plan.bind.expression.known import refuse_unread
from headrace.plan.bind.nested.subqueries import refuse_asking
from headrace.plan.bind.scope import Relation, Scope, Visible
from headrace.plan.bind.session import Session
from headrace.plan.bind.time_window import TimeWindows
from headrace.plan.constant import cast_to, fold_whole, value_of
from headrace.plan.expressions import Call, Case, Column, Expression, Literal, walk
from headrace.plan.nodes import Generate, Plan, Values
from headrace.sql.functions import FUNCTIONS
from headrace.sql.parse import position_of
from headrace.types import BIGINT, NULL, ArrayType, StructType


def generate(child: Plan, generator: Call, names: Sequence[str], session: Session, outer: bool = False) -> Generate:
    """Return the node that puts the generator's rows beside the child's, under the given or Spark's own names.

    Raises:
        StreamError: another number of names than columns.
    """
    kind = generator.type
    assert isinstance(kind, StructType)  # a law of the function table
    if names and len(names) != len(kind.fields):
        given = f"{len(kind.fields)} columns ({', '.join(kind.names)})"
        message = f"{generator.function} gives {given}, {len(names)} names stand there."
        raise StreamError("SQL_ANALYSIS", message, condition="UDTF_ALIAS_NUMBER_MISMATCH")
    wanted = list(names) or list(kind.names)
    output = tuple(session.ids.column(field.type, name) for field, name in zip(kind.fields, wanted, strict=True))
    return Generate(child, generator, outer, output)


def bind_lateral(
    node: exp.Lateral, relation: Relation, session: Session, outer: Scope | None, *, keeps_empty: bool = False
) -> Relation:
    """Return the relation with the rows of a LATERAL VIEW, or of a LATERAL function in FROM, beside its own."""
    refuse_unread(node)
    function = node.this
    if not isinstance(function, exp.Func):
        message = "LATERAL takes a function such as explode(); a lateral subquery is not supported."
        name = (
            "LATERAL_WITHOUT_SUBQUERY_OR_TABLE_VALUED_FUNC" if isinstance(function, exp.Identifier | exp.Table) else ""
        )
        condition = f"INVALID_SQL_SYNTAX.{name}" if name else None
        raise StreamError("SQL_UNSUPPORTED", message, condition=condition, at=position_of(node))
    binder = Binder(session, Scope(relation, outer=outer, ids=session.ids), TimeWindows(session.ids))
    names: list[str] = []
    if _name(function) == "range" and not node.args.get("view"):
        generator, outer_too = _range(function, binder), False
        names = ["id"]
    else:
        generator, outer_too = _generator(function, binder)
    alias = node.args.get("alias")
    if node.args.get("view") and (alias is None or not (alias.name or alias.args.get("columns"))):
        message = "LATERAL VIEW has no name."
        hint = "Write LATERAL VIEW explode(a) t AS x."
        raise StreamError("SQL_SYNTAX", message, hint=hint, condition="PARSE_SYNTAX_ERROR", at=position_of(node))
    names = [column.name for column in alias.args.get("columns") or []] or names if alias is not None else names
    keeps_empty = keeps_empty or outer_too or bool(node.args.get("outer"))
    plan = generate(relation.plan, generator, names, session, keeps_empty)
    qualifier = alias.name if alias is not None else ""
    made = tuple(Visible(column, qualifier) for column in plan.output)
    return Relation(plan, (*relation.visible, *made))


def _generator(function: exp.Func, binder: Binder) -> tuple[Call, bool]:
    try:
        bound = binder.bind(function)
    except StreamError as error:
        error.condition = "ROUTINE_NOT_FOUND" if error.condition == "UNRESOLVED_ROUTINE" else error.condition
        raise
    refuse_asking(bound.expression, function)
    return split_outer(bound.expression, function)


def split_outer(expression: Expression, node: exp.Expr) -> tuple[Call, bool]:
    """Return a generator without its _outer, and whether it had one.

    Raises:
        StreamError: the expression is no generator.
    """
    if not is_generator(expression) or not isinstance(expression, Call):
        message = f"{node.sql(dialect='spark')} gives no rows; explode(), posexplode(), inline() and stack() do."
        raise StreamError(
            "SQL_ANALYSIS", message, condition="UNSUPPORTED_GENERATOR.NOT_GENERATOR", at=position_of(node)
        )
    plain = expression.function.removesuffix("_outer")
    if plain != expression.function and plain in FUNCTIONS:
        return Call(expression.type, plain, expression.args), True
    return expression, False


def bind_table_function(node: exp.Func, session: Session) -> Plan:
    """Return the rows of a function in FROM: range(), or a generator over constants.

    Raises:
        StreamError: UNRESOLVABLE_TABLE_VALUED_FUNCTION, no such function.
    """
    empty = Relation(Values(((),), ()), ())
    binder = Binder(session, Scope(empty, ids=session.ids), TimeWindows(session.ids))
    name = _name(node)
    if name == "range":
        return generate(empty.plan, _range(node, binder), ["id"], session)
    if name not in FUNCTIONS or not FUNCTIONS[name].generator:
        message = f"Could not resolve `{name}` to a table-valued function."
        raise StreamError("SQL_ANALYSIS", message, condition="UNRESOLVABLE_TABLE_VALUED_FUNCTION", at=position_of(node))
    generator, outer = split_outer(binder.bind(node).expression, node)
    return generate(empty.plan, generator, [], session, outer)


def _name(node: exp.Func) -> str:
    return str(node.this).lower() if isinstance(node, exp.Anonymous) else node.sql_name().lower()


def _bound(node: exp.Expr, binder: Binder) -> Expression:
    """Return an argument of range(), which is a constant."""
    bound = None if isinstance(node, exp.Kwarg) else binder.bind(node)
    if bound is None or any(isinstance(part, Column) for part in walk(bound.expression)):
        message = f"range takes constants; seen: {node.sql(dialect='spark')}."
        raise StreamError("SQL_ANALYSIS", message, condition="NON_FOLDABLE_ARGUMENT", at=position_of(node))
    if bound.expression.type == NULL:
        message = "range takes whole numbers; seen: NULL."
        raise StreamError("SQL_ANALYSIS", message, condition="UNEXPECTED_INPUT_TYPE", at=position_of(node))
    return cast_to(bound.expression, BIGINT)


def _range(node: exp.Func, binder: Binder) -> Call:
    arguments = [_bound(arg, binder) for arg in node.expressions]
    if not 1 <= len(arguments) <= 4:
        message = f"range takes 1 to 4 arguments; seen: {len(arguments)}."
        raise StreamError("SQL_ANALYSIS", message, condition="WRONG_NUM_ARGS.WITHOUT_SUGGESTION", at=position_of(node))
    zero, one = Literal(BIGINT, 0), Literal(BIGINT, 1)
    start, end = (zero, arguments[0]) if len(arguments) == 1 else (arguments[0], arguments[1])
    step = arguments[2] if len(arguments) > 2 else one
    if value_of(fold_whole(step)) == 0:
        message = "The step of range is 0."
        raise StreamError("SQL_ANALYSIS", message, condition="FAILED_FUNCTION_CALL", at=position_of(node))
    up = call("greater", [step, zero])
    last = Case(BIGINT, ((up, call("subtract", [end, one])),), call("add", [end, one]))
    some = Case(up.type, ((up, call("less", [start, end])),), call("greater", [start, end]))
    numbers = call("sequence", [start, last, step])
    return call("explode", [Case(ArrayType(BIGINT), ((some, numbers),), None)])
