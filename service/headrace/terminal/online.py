"""The last layer: what only the world outside can say of a pipeline, for ``headrace validate --online``.

Takes a pipeline that compiles; asks its sources for their offsets, its sinks for their topics and folders, and whether
the checkpoint may be written. Nothing is written, no consumer group is joined and no sink is opened, since opening one
would fence a running instance.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import urlsplit

from headrace.assembly.build import build_sink
from headrace.assembly.compile import compile_query
from headrace.assembly.schemas import build_source
from headrace.clock import SystemClock
from headrace.config.pipeline import Pipeline
from headrace.contract import SourceContext
from headrace.errors import StreamError, StreamErrors


@runtime_checkable
class Asking(Protocol):
    """A sink that can ask the world outside whether it could work, before it is opened; plugins may be one."""

    def ask(self) -> None:
        """Return when nothing speaks against it; changes nothing and fences nobody.

        Raises:
            StreamError: what speaks against it.
        """
        ...


def validate_online(pipeline: Pipeline) -> list[StreamError]:
    """Return what sources and folders object to, each at its place in the file."""
    errors: list[StreamError] = []
    for name in pipeline.sources:
        try:
            _ask_source(pipeline, name)
        except StreamErrors as found:
            errors += found.errors
        except StreamError as found:
            errors.append(found.located(pipeline.at("sources", name)))
    for name in pipeline.queries:
        try:
            _ask_sink(pipeline, name)
        except StreamError as found:
            errors.append(found.located(pipeline.at("queries", name, "sink")))
    return errors + _ask_folder(pipeline)


def _ask_source(pipeline: Pipeline, name: str) -> None:
    source = build_source(pipeline, name, SourceContext(f"{pipeline.name}-validate", name))
    try:
        source.latest_offset(source.initial_offset(), limited=False)
    finally:
        source.close()


def _ask_sink(pipeline: Pipeline, name: str) -> None:
    sink = build_sink(compile_query(pipeline, name), f"{pipeline.name}-validate", SystemClock())
    try:
        if isinstance(sink, Asking):
            sink.ask()
    finally:
        sink.close()


def _ask_folder(pipeline: Pipeline) -> list[StreamError]:
    location = pipeline.checkpoint_location
    if urlsplit(location).scheme:
        return []
    folder = next(path for path in (Path(location), *Path(location).parents) if _is_there(path))
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return []
    message = f"the checkpoint folder {location} cannot be written: {folder} is no folder this user may write to."
    return [StreamError("IO_FAILED", message, at=pipeline.at("checkpoint", "location"))]


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # of a folder above it; it is no place to write to then
        return True
