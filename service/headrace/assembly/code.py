"""Fitting shop: the Python code of a pipeline file as values of the rooms that bind and run it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from headrace.config.pipeline import Pipeline
from headrace.config.user_code import FunctionKind, RowForm, StatefulConfig
from headrace.ddl import parse_schema, parse_type
from headrace.errors import StreamError, did_you_mean
from headrace.incremental.steps import CallGroups, Step
from headrace.operators.groups.code_operator import group_spec
from headrace.plan.expressions import Membership, Subquery, UserCall, walk
from headrace.plan.group_code import GroupCode
from headrace.plan.nodes import Plan
from headrace.plan.nodes import walk as walk_plan
from headrace.plan.transform import expressions_of
from headrace.sql.vectorised.user_function import UserFunction
from headrace.types import TIMESTAMP, StructType
from headrace.workers.imports import imported
from headrace.workers.looking import Look, NamedCode
from headrace.workers.spec import CodeSpec


def user_function(pipeline: Pipeline, name: str) -> UserFunction:
    """Return one of the file's functions for SQL.

    Raises:
        StreamError: it cannot be imported, or its types are none.
    """
    config = pipeline.functions[name]
    parameters = parse_schema(config.parameters)
    if not parameters.fields:
        message = f"the function {name} has no parameters; a function of SQL takes one or more."
        raise StreamError("CONFIG_INVALID_VALUE", message)
    _seen(pipeline, config.function)
    code = NamedCode(config.function, pipeline.folder, is_processor=False)
    by_row = config.kind is FunctionKind.PYTHON
    return UserFunction(name.lower(), config.function, parameters, parse_type(config.returns), code, by_row)


def group_code(pipeline: Pipeline, config: StatefulConfig) -> GroupCode:
    """Return the code of a stateful view.

    Raises:
        StreamError: it cannot be imported, is no processor where one is asked for, or takes other arguments.
    """
    seen = _seen(pipeline, config.target)
    if seen.is_processor != (config.processor is not None):
        wanted = "a subclass of headrace.stateful.StatefulProcessor" if config.processor else "a function"
        message = f"{config.target} is not {wanted}."
        hint = "Name it as processor:" if seen.is_processor else None
        raise StreamError("CONFIG_INVALID_VALUE", message, hint=hint)
    if not seen.is_processor and not seen.takes_three:
        message = f"{config.target}{seen.signature} cannot be called with (key, rows, state)."
        raise StreamError("CONFIG_INVALID_VALUE", message)
    if seen.is_processor and seen.missing:
        message = f"{config.target} does not define {', '.join(seen.missing)}."
        raise StreamError("CONFIG_INVALID_VALUE", message)
    if config.initial_state and seen.is_processor and not seen.takes_initial:
        message = f"{config.target} does not define handleInitialState, which initial_state needs."
        raise StreamError("CONFIG_INVALID_VALUE", message)
    return GroupCode(
        config.target,
        NamedCode(config.target, pipeline.folder, seen.is_processor),
        seen.takes_tables if config.form is None else config.form is RowForm.TABLE,
        parse_schema(config.state_schema) if config.state_schema else StructType(()),
        config.timeout,
        config.output_mode.value,
        _event_time(config),
    )


def functions_called(plan: Plan) -> frozenset[str]:
    """Return the names inside DuckDB of the author's functions that a plan calls."""
    names: set[str] = set()
    for node in walk_plan(plan):
        for part in chain.from_iterable(map(walk, expressions_of(node))):
            if isinstance(part, UserCall):
                names.add(part.function)
            elif isinstance(part, Subquery | Membership):
                names |= functions_called(part.plan)
    return frozenset(names)


def code_of(pipeline: Pipeline, functions: Sequence[UserFunction], steps: Sequence[Step] = ()) -> CodeSpec:
    """Return the code of one query."""
    return CodeSpec(
        pipeline.folder,
        {function.name: function.spec for function in functions},
        {step.id: group_spec(step) for step in steps if isinstance(step, CallGroups)},
    )


def _event_time(config: StatefulConfig) -> str | None:
    if config.event_time_column is None:
        return None
    fields = parse_schema(config.output_schema).fields
    name = config.event_time_column.lower()
    found = [field for field in fields if field.name.lower() == name]
    if not found:
        hint = did_you_mean(config.event_time_column, [field.name for field in fields])
        message = f'event_time_column names "{config.event_time_column}", which is not in output_schema.'
        raise StreamError("CONFIG_INVALID_VALUE", message, hint=hint)
    if found[0].type != TIMESTAMP:
        message = f"event_time_column {found[0].name} is {found[0].type.sql()}; it must be TIMESTAMP."
        raise StreamError("SQL_ANALYSIS", message, condition="EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE")
    return name


def _seen(pipeline: Pipeline, target: str) -> Look:
    """Return what code is; all code of the file is imported together, once."""
    stateful = [view.stateful.target for view in pipeline.views if view.stateful is not None]
    targets = [*(function.function for function in pipeline.functions.values()), *stateful]
    found = imported(targets, pipeline.folder)[target]
    if isinstance(found, StreamError):
        raise StreamError(found.code, found.message, hint=found.hint)
    return found
