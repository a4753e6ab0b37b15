"""Room 1: what the models of a pipeline file share: nothing unknown is taken, and one thing may stand for a list."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Strict(BaseModel):
    """A frozen part of the file that takes no key but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, populate_by_name=True)


def listed(value: Any) -> Any:
    """Return a text as a list of one, anything else as it is."""
    return [value] if isinstance(value, str) else value


def format_only(value: Any) -> Any:
    """Return a text as the format that it names, anything else as it is."""
    return {"format": value} if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(listed, json_schema_input_type=str | list[str])]
OptionMap = dict[str, Any]
