"""Room 2: HyperLogLog sketches, by way of the package ``datasketches``, the library's own C++.

Takes lists of values and bytes of sketches; gives bytes as Spark writes them: 8 bits a register, updatable. The package
is an extra: it is imported when a sketch is first needed, and the functions are refused where it is not installed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from headrace.sql.vectorised.by_value import ConditionError

PACKAGE = "datasketches"
DEFAULT_LOG = 12
LOGS = (4, 21)
_FAMILY = 7


def is_installed() -> bool:
    """Return True when the package can be imported."""
    return find_spec(PACKAGE) is not None


def built(values: Sequence[int | str], log: int) -> bytes:
    """Return the sketch of 2 to the power of `log` registers; an empty text is not counted."""
    library = import_module(PACKAGE)
    sketch = library.hll_sketch(log, library.tgt_hll_type.HLL_8)
    deque(map(sketch.update, values), maxlen=0)
    return bytes(sketch.serialize_updatable())


def nothing() -> bytes:
    """Return the sketch of no values."""
    return built((), DEFAULT_LOG)


def union(sketches: Sequence[bytes], different: bool, name: str) -> bytes:
    """Return the sketch of everything that any of the sketches counted, at least one.

    Args:
        sketches: Bytes of sketches; the first says how many registers the union has at most.
        different: Whether they may differ in their numbers of registers.
        name: Of the SQL function, for messages.

    Raises:
        ConditionError: HLL_INVALID_INPUT_SKETCH_BUFFER or HLL_UNION_DIFFERENT_LG_K.
    """
    library = import_module(PACKAGE)
    first = _read(sketches[0], name)
    whole = library.hll_union(first.lg_config_k)
    whole.update(first)
    for content in sketches[1:]:
        sketch = _read(content, name)
        seen = whole.lg_config_k
        if sketch.lg_config_k != seen and not different:
            message = (
                f"Sketches have different `lgConfigK` values: {seen} and {sketch.lg_config_k}. Set the "
                f"`allowDifferentLgConfigK` parameter to true to call `{name}` with different `lgConfigK` values."
            )
            raise ConditionError("HLL_UNION_DIFFERENT_LG_K", message)
        whole.update(sketch)
    return bytes(whole.get_result(library.tgt_hll_type.HLL_8).serialize_updatable())


def pair(left: bytes, right: bytes, different: bool, name: str) -> bytes:
    """Return the union of two sketches, of as many registers as the one that has fewer."""
    logs = [(_read(content, name).lg_config_k, place) for place, content in enumerate((left, right))]
    both = (left, right) if logs[0] <= logs[1] or not different else (right, left)
    return union(both, different, name)


def estimate(content: bytes, name: str) -> int:
    """Return about how many different values were counted."""
    return int(_read(content, name).get_estimate() + 0.5)


def _read(content: bytes, name: str) -> Any:
    library = import_module(PACKAGE)
    try:
        if len(content) < 8 or content[2] != _FAMILY or not LOGS[0] <= content[3] <= LOGS[1]:
            raise ValueError(len(content))
        return library.hll_sketch.deserialize(content)
    except (ValueError, IndexError, RuntimeError) as error:
        message = f"Invalid call to `{name}`; only valid HLL sketch buffers are supported as inputs"
        raise ConditionError(
            "HLL_INVALID_INPUT_SKETCH_BUFFER", f"{message}, such as those of the function hll_sketch_agg."
        ) from error
