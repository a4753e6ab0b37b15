"""Workers: the worker process itself: imports the code, then answers one request after the other.

A request is a JSON object whose "do" says what, and Arrow tables; an answer is the same, "error" in it a `StreamError`.
"""

from __future__ import annotations

import faulthandler
import gc
import signal
import socket
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from headrace.errors import StreamError
from headrace.stateful.group_state import GroupTimes
from headrace.user_code import load_named
from headrace.workers.functions import FunctionCall, flat
from headrace.workers.groups.function_calls import FunctionCalls
from headrace.workers.groups.parts import Asked, GroupCalls, Kind
from headrace.workers.groups.processor_calls import ProcessorCalls
from headrace.workers.lifeline import end_with
from headrace.workers.looking import look, to_json
from headrace.workers.spec import CodeSpec, from_json
from headrace.workers.wire import Channel, Message

_COLLECT_AFTER = (50_000, 20, 50)  # as in the service: rows are many, and none is in a cycle


def main() -> None:
    """Be a worker: serve one query until its service closes the channel; arguments are numbers of two sockets."""
    channel, lifeline = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    end_with(lifeline)
    # A terminal or a service manager sends these to all processes; when this one ends, the service decides.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    faulthandler.enable()
    for stream in (sys.stdout, sys.stderr):  # what is printed just before a crash must not be lost
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # both are text files here
    gc.set_threshold(*_COLLECT_AFTER)
    connection = Channel(channel)
    serve(connection)
    connection.close()


class _Code:
    """The imported code of a query."""

    def __init__(self, spec: CodeSpec) -> None:
        self._functions: dict[str, FunctionCall] = {}
        self._groups: dict[str, GroupCalls] = {}
        for name, function in spec.functions.items():
            self._functions[name] = FunctionCall(function, load_named(function.target, spec.folder))
        self._modes = {name: group.time_mode for name, group in spec.groups.items()}
        for name, group in spec.groups.items():
            code = load_named(group.target, spec.folder)
            self._groups[name] = ProcessorCalls(group, code) if group.is_processor else FunctionCalls(group, code)

    def answer(self, head: Mapping[str, Any], tables: list[pa.Table]) -> Message:
        """Do what a request asks for."""
        match head["do"]:
            case "function":
                given = self._functions[head["name"]].answer([flat(column) for column in tables[0].columns])
                return {}, [pa.table([given], names=["given"])]
            case "look":
                return {"look": to_json(look(load_named(head["target"], Path(head["folder"]))))}, []
            case "declare":
                return {"variables": [each.to_json() for each in self._groups[head["step"]].declared()]}, []
            case "end":
                self._groups[head["step"]].end()
                return {}, []
        times = GroupTimes(self._modes[head["step"]], head["batch_ms"], head["watermark_ms"])
        answered = self._groups[head["step"]].answer(Asked(Kind(head["kind"]), times, *tables))
        return {}, [answered.given, answered.state, answered.marks]


def serve(channel: Channel) -> None:
    """Answer requests until the channel is closed; the first one says what the code is."""
    try:
        head, _ = channel.read()
        code, (told, tables) = _imported(head)
        channel.write(told, tables)
        while code is not None:
            head, tables = channel.read()
            told, tables = _answered(code, head, tables)
            del head
            channel.write(told, tables)
            del tables
    except (EOFError, OSError):
        return


def _imported(told: Mapping[str, Any]) -> tuple[_Code | None, Message]:
    try:
        return _Code(from_json(told)), ({}, [])
    except StreamError as error:
        return None, (_error(error), [])


def _answered(code: _Code, head: Mapping[str, Any], tables: list[pa.Table]) -> Message:
    try:
        return code.answer(head, tables)
    except StreamError as error:
        return _error(error), []
    except Exception as error:  # noqa: BLE001 a bug of ours ends the query, with its name
        traceback.print_exc()
        return _error(StreamError("INTERNAL", f"{type(error).__name__}: {error}")), []


def _error(error: StreamError) -> dict[str, Any]:
    told = {"code": error.code, "message": error.message, "hint": error.hint, "condition": error.condition}
    return {"error": told}
