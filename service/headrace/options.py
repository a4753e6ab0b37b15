"""Ground floor: texts of a plugin's options to typed values, all findings at once.

Takes a `Spec` and the options as written; gives `Options` or every `StreamError`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from headrace.contract import Kind, Option, Options, Passthrough, Spec
from headrace.errors import StreamError, StreamErrors, did_you_mean
from headrace.values import US_PER_MS, US_PER_S, parse_duration_us, parse_size_bytes

_UNITS = (("minutes", 60 * US_PER_S), ("seconds", US_PER_S), ("milliseconds", US_PER_MS))
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_GREATEST = 2**63 - 1
_NO_VALUE = 'the option "{}" has no value.'
_LEAVE_OUT = 'Write one, "" for an empty text, or leave the option out.'


def parse_options(spec: Spec, written: Mapping[str, Any]) -> Options:
    """Return the options with defaults filled in and values typed.

    Raises:
        StreamErrors: every unknown, rejected, missing or malformed option, in the order written.
    """
    known = {option.name.lower(): option for option in spec.options}
    values: dict[str, Any] = {option.name: option.default for option in spec.options}
    passed: dict[str, str] = {}
    errors: list[StreamError] = []
    for key, value in written.items():
        option, through = known.get(key.lower()), _passthrough(spec, key)
        try:
            if option is not None:
                values[option.name] = _typed(option, value)
            elif through is not None:
                passed[key] = _passed(through, key, value)
            else:
                hint = did_you_mean(key, [option.name for option in spec.options])
                raise StreamError("PLUGIN_OPTION_INVALID", f'{spec.name} has no option "{key}".', hint=hint)
        except StreamError as error:
            errors.append(error)
    given = {key.lower() for key in written}
    for option in spec.options:
        if option.required and option.name.lower() not in given:
            message = f'{spec.name} needs the option "{option.name}": {option.doc}'
            errors.append(StreamError("PLUGIN_OPTION_INVALID", message))
    if errors:
        raise StreamErrors(errors)
    return Options(values, passed)


def _passthrough(spec: Spec, key: str) -> Passthrough | None:
    return next((p for p in spec.passthrough if key.lower().startswith(p.prefix.lower())), None)


def _passed(through: Passthrough, key: str, value: Any) -> str:
    why = through.rejected.get(key.lower())
    if why is not None:
        raise StreamError("PLUGIN_OPTION_INVALID", f'the option "{key}" is not supported: {why}')
    if value is None:
        raise StreamError("PLUGIN_OPTION_INVALID", _NO_VALUE.format(key), hint=_LEAVE_OUT)
    return _text(value)


def _typed(option: Option, value: Any) -> Any:
    if value is None:
        raise StreamError("PLUGIN_OPTION_INVALID", _NO_VALUE.format(option.name), hint=_LEAVE_OUT)
    try:
        typed = _READERS[option.kind](option, value)
    except (ValueError, TypeError) as error:
        message = f'the option "{option.name}" has the value {_shown(option, value)}: {error}.'
        raise StreamError("PLUGIN_OPTION_INVALID", message) from error
    if option.minimum is not None and typed < option.minimum:
        message = (
            f'the option "{option.name}" has the value {_shown(option, value)}; the least allowed is {option.minimum}'
        )
        raise StreamError("PLUGIN_OPTION_INVALID", message)
    return typed


def _shown(option: Option, value: Any) -> str:
    return "***" if option.secret else repr(value)


def _text(value: Any) -> str:
    """Return a value as its text; a list of plain values is its texts with commas between."""
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        return ",".join(_text(item) for item in value)
    if isinstance(value, bool | dict | list):
        return json.dumps(value)
    return str(value)


def _int(option: Option, value: Any) -> int:
    del option
    text = str(value).strip()
    if not _WHOLE.fullmatch(text) or abs(int(text)) > _GREATEST:
        msg = f"allowed: a whole number of at most {_GREATEST}"
        raise ValueError(msg)
    return int(text)


def _float(option: Option, value: Any) -> float:
    del option
    try:
        return float(str(value))
    except ValueError as error:
        msg = "allowed: a number"
        raise ValueError(msg) from error


def _json(option: Option, value: Any) -> Any:
    del option
    if isinstance(value, dict | list):
        return value
    try:
        return json.loads(str(value))
    except ValueError as error:
        msg = f"it is no JSON ({error})"
        raise ValueError(msg) from error


def _bool(option: Option, value: Any) -> bool:
    del option
    text = str(value).strip().lower()
    if text not in {"true", "false"}:
        msg = "allowed: true, false"
        raise ValueError(msg)
    return text == "true"


def _duration(option: Option, value: Any) -> int:
    del option
    text = str(value).strip()
    return int(text) * US_PER_MS if text.isdigit() else parse_duration_us(text)


def _choice(option: Option, value: Any) -> str:
    for name in option.allowed:
        if name.lower() == str(value).strip().lower():
            return name
    raise ValueError(did_you_mean(str(value), option.allowed))


_READERS: dict[Kind, Callable[[Option, Any], Any]] = {
    Kind.STRING: lambda _, value: _text(value),
    Kind.INT: _int,
    Kind.FLOAT: _float,
    Kind.BOOL: _bool,
    Kind.DURATION: _duration,
    Kind.SIZE: lambda _, value: parse_size_bytes(str(value)),
    Kind.JSON: _json,
    Kind.CHOICE: _choice,
}


def default_text(option: Option) -> str:
    """Return an option's default as a file would write it."""
    if option.kind is not Kind.DURATION:
        return str(option.default)
    unit = next((unit for unit in _UNITS if not option.default % unit[1]), ("microseconds", 1))
    return f"{option.default // unit[1]} {unit[0]}" if option.default else "0"
