"""Workers: what calling stateful functions and processors has in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from headrace.errors import StreamError
from headrace.user_code import failed
from headrace.workers.groups.collected import Collected
from headrace.workers.groups.parts import Asked
from headrace.workers.groups.rows import iterators_by_size, python_rows, row_maker, tables_by_size
from headrace.workers.spec import GroupSpec

_ERROR_CONDITION = "TRANSFORM_WITH_STATE_USER_FUNCTION_ERROR"


class CodeCalls:
    """Calls code by key.

    Args:
        spec: What the pipeline file says of it.
        code: The function, or the class of the processor.
    """

    def __init__(self, spec: GroupSpec, code: Callable[..., Any]) -> None:
        self._spec = spec
        self._code = code
        self._make_key = row_maker("Key", spec.keys)

    def _collected(self) -> Collected:
        return Collected(self._spec.target, self._spec.output, takes_tables=self._spec.takes_tables)

    def _keys(self, asked: Asked) -> list[tuple[Any, ...]]:
        return [self._make_key(key) for key in python_rows(asked.key_columns)]

    def _groups(self, asked: Asked) -> Iterator[Any]:
        sizes: Sequence[int] = asked.sizes
        return (tables_by_size if self._spec.takes_tables else iterators_by_size)(asked.rows, sizes)

    def _call(self, code: Callable[..., Any], key: tuple[Any, ...], collected: Collected, *args: Any) -> None:
        self._given(lambda *given: collected.add(code(*given)), key, *args)

    def _given(self, code: Callable[..., Any], key: tuple[Any, ...], *args: Any) -> Any:
        try:
            return code(key, *args)
        except StreamError:
            raise
        except (Exception, SystemExit) as error:
            condition = _ERROR_CONDITION if self._spec.is_processor else None
            shown = f"the key {tuple(key)!r}"
            raise failed(self._spec.target, error, shown, code=self._code, condition=condition) from error
