"""Fitting shop: the Python code of a pipeline file as values of the rooms that bind and run it."""

from __future__ import annotations

import inspect

from headrace.config.pipeline import Pipeline
from headrace.config.user_code import FunctionKind, RowForm, StatefulConfig
from headrace.ddl import parse_schema, parse_type
from headrace.errors import StreamError, did_you_mean
from headrace.plan.group_code import GroupCode, takes_tables
from headrace.sql.vectorised.user_function import UserFunction
from headrace.stateful import StatefulProcessor
from headrace.types import TIMESTAMP, StructType
from headrace.user_code import load_named


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
    code = load_named(config.function, pipeline.folder)
    by_row = config.kind is FunctionKind.PYTHON
    return UserFunction(name.lower(), config.function, parameters, parse_type(config.returns), code, by_row)


def group_code(pipeline: Pipeline, config: StatefulConfig) -> GroupCode:
    """Return the code of a stateful view.

    Raises:
        StreamError: it cannot be imported, is no processor where one is asked for, or takes other arguments.
    """
    call = load_named(config.target, pipeline.folder)
    is_processor = isinstance(call, type) and issubclass(call, StatefulProcessor)
    if is_processor != (config.processor is not None):
        wanted = "a subclass of headrace.stateful.StatefulProcessor" if config.processor else "a function"
        message = f"{config.target} is not {wanted}."
        hint = "Name it as processor:" if is_processor else None
        raise StreamError("CONFIG_INVALID_VALUE", message, hint=hint)
    if not is_processor and not _takes_three(call):
        message = f"{config.target}{inspect.signature(call)} cannot be called with (key, rows, state)."
        raise StreamError("CONFIG_INVALID_VALUE", message)
    if is_processor and (missing := sorted(getattr(call, "__abstractmethods__", ()))):
        message = f"{config.target} does not define {', '.join(missing)}."
        raise StreamError("CONFIG_INVALID_VALUE", message)
    return GroupCode(
        config.target,
        call,
        takes_tables(call) if config.form is None else config.form is RowForm.TABLE,
        parse_schema(config.state_schema) if config.state_schema else StructType(()),
        config.timeout,
        config.output_mode.value,
        _event_time(config),
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


def _takes_three(call: object) -> bool:
    try:
        inspect.signature(call).bind(None, None, None)  # type: ignore[arg-type]  # load_named made sure it is callable
    except TypeError:
        return False
    except ValueError:
        return True
    return True
