"""Stateful code that does what it may not: what is said, on one line, with the place in the author's module."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.testing.pipeline_tests import judge

CODE = """\
import pyarrow as pa
from headrace.stateful import StatefulProcessor
seen = []

def raises(key, rows, state):
    rows = list(rows)
    return [1 // 0]

def raises_late(key, rows, state):
    yield (key.k, 1)
    raise KeyError("later")

def gives(key, rows, state):
    return GIVEN

def takes_table(key, rows: pa.Table, state):
    return rows.select(["k"])

def sets(key, rows, state):
    state.update(GIVEN)

def times_out(key, rows, state):
    state.setTimeoutDuration(1000)

class Base(StatefulProcessor):
    def init(self, handle): self.handle = handle
    def handleInputRows(self, key, rows, timerValues): return []

class Twice(Base):
    def init(self, handle): handle.getValueState("n", "n INT"); handle.getListState("n", "n INT")

class Lives(Base):
    def init(self, handle): handle.getValueState("n", "n INT", 1000)

class Backwards(Base):
    def init(self, handle): handle.getMapState("n", "k INT", "n INT", ttlDurationMs=-1)

class Misspelt(Base):
    def init(self, handle): handle.getValueState("n", "n INTT")

class Early(Base):
    def init(self, handle): handle.getValueState("n", "n INT").update((1,))

class Late(Base):
    def handleInputRows(self, key, rows, timerValues): self.handle.getValueState("n", "n INT")

class Rings(Base):
    def handleInputRows(self, key, rows, timerValues): self.handle.registerTimer(1)

class Wide(Base):
    def init(self, handle): self.n = handle.getValueState("n", "n INT, m INT")
    def handleInputRows(self, key, rows, timerValues): self.n.update((1,))

class Stamps(Base):
    def handleInputRows(self, key, rows, timerValues):
        return [(row.at.replace(year=1971) if row.v == 3 else row.at, key.k) for row in rows]

class Broken(Base):
    def handleInputRows(self, key, rows, timerValues): return [row.nothing for row in rows]
"""
FAILED = "step 1: [FUNCTION_FAILED] code{n}:"
PROCESSOR = "STATEFUL_PROCESSOR"


@pytest.fixture
def run(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., tuple[str, ...]]:
    """Runs a stateful view of one function of CODE over three rows; gives what failed."""

    def run_code(name: str, given: str = "None", **more: Any) -> tuple[str, ...]:
        module = f"code_{abs(hash((request.node.name, name, given)))}"
        (tmp_path / f"{module}.py").write_text(CODE.replace("GIVEN", given))
        kind = "processor" if name[0].isupper() else "function"
        state = {} if kind == "processor" else {"state_schema": "n BIGINT"}
        view = {"input": "s", "keys": "k", kind: f"{module}:{name}", "output_schema": "k STRING, n BIGINT", **state}
        rows = [{"k": "a", "v": 1}, {"k": "a", "v": 2}, {"k": "b", "v": 3}]
        case = {
            "version": 1,
            "sources": {"s": {"schema": "k STRING, v BIGINT"}},
            "views": [{"name": "v", "stateful": view | more}],
            "query": {"sql": "SELECT * FROM v", "output_mode": "append"},
            "steps": [{"add": {"s": rows}, "expect": []}],
        }
        path = tmp_path / "case.yaml"
        path.write_text(yaml.safe_dump(case))
        return tuple(text.replace(module, "code") for text in judge(path, crash=False).failures)

    return run_code


FUNCTIONS = [
    ("raises", "None", "failed at code.py:7: ZeroDivisionError: integer division or modulo by zero. Called with the "
     "key ('a',)."),
    ("raises_late", "None", "failed at code.py:11: KeyError: 'later'. Called with the key ('a',)."),
    ("gives", "5", "gave 5; it must return or yield rows."),
    ("gives", "[5]", "gave the row 5; a row is a tuple or a dict."),
    ("gives", "[('a',)]", "gave a row of 1 values ('a',); output_schema has 2."),
    ("gives", "[{'k': 'a', 'm': 1}]", "gave the column m; output_schema has k, n."),
    ("gives", "[('a', 1), ('b', 'x')]", "gave 'x' for the column n, which is no BIGINT (Could not convert 'x' with "
     "type str: tried to convert to int64)."),
    ("takes_table", "None", "gave the columns k; output_schema has k, n."),
    ("sets", "(1, 2)", "set the state (1, 2); state_schema has the columns n."),
    ("sets", "None", "failed at code.py:20: TypeError: The state is a tuple, one value a column of the state schema; "
     "seen: None. Called with the key ('a',)."),
    ("times_out", "None", "failed at code.py:23: RuntimeError: Cannot set timeout duration without timeout: "
     "processing_time. Called with the key ('a',)."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "given", "said"), FUNCTIONS, ids=[f"{case[0]} {case[1]}" for case in FUNCTIONS])
def test_what_a_function_does_wrong_is_said_with_its_place(
    run: Callable[..., tuple[str, ...]], name: str, given: str, said: str
) -> None:
    """No traceback of the engine."""
    assert run(name, given) == (f"step 1: [FUNCTION_FAILED] code:{name} {said}",)


PROCESSORS = [
    ("Twice", f"{PROCESSOR}_DUPLICATE_STATE_VARIABLE_DEFINED", "the state n is declared twice."),
    ("Lives", f"{PROCESSOR}_INCORRECT_TIME_MODE_TO_ASSIGN_TTL",
     "the state n has a time to live, which needs timeout: processing_time."),
    ("Misspelt", "UNSUPPORTED_DATATYPE", "the schema 'n INTT' of the state n is none: In the schema 'n INTT' at line "
     "1, column 3: unsupported data type 'INTT'."),
    ("Late", f"{PROCESSOR}_CANNOT_PERFORM_OPERATION_WITH_INVALID_HANDLE_STATE",
     "the state n is declared outside of init."),
    ("Rings", f"{PROCESSOR}_CANNOT_PERFORM_OPERATION_WITH_INVALID_TIME_MODE",
     "registerTimer needs timeout: processing_time or event_time in the pipeline file."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "condition", "said"), PROCESSORS, ids=[case[0] for case in PROCESSORS])
def test_what_a_processor_does_wrong_has_sparks_condition(
    run: Callable[..., tuple[str, ...]], name: str, condition: str, said: str
) -> None:
    """Where Spark names one."""
    assert run(name) == (f"step 1: [{condition}] code:{name}: {said}",)


def test_a_time_to_live_must_be_positive(run: Callable[..., tuple[str, ...]]) -> None:
    """Spark's condition."""
    [said] = run("Backwards", timeout="processing_time")
    assert said.startswith("step 1: [STATEFUL_PROCESSOR_TTL_DURATION_MUST_BE_POSITIVE] code:Backwards: the state n has")


def test_state_belongs_to_a_key(run: Callable[..., tuple[str, ...]]) -> None:
    """It is out of reach in init."""
    [said] = run("Early")
    assert "use them in handleInputRows and handleExpiredTimer" in said


def test_state_of_another_width_is_refused_where_it_is_set(run: Callable[..., tuple[str, ...]]) -> None:
    """One value a column of the variable's schema."""
    assert run("Wide") == ("step 1: [FUNCTION_FAILED] the state n was given (1,); a tuple of (n, m) is wanted.",)


def test_event_times_may_not_lie_before_the_watermark(tmp_path: Path) -> None:
    """The batch in which they come fails; a column that is no output is told before."""
    (tmp_path / "code_of_stamps.py").write_text(CODE)
    view = {"input": "s", "keys": "k", "processor": "code_of_stamps:Stamps", "output_schema": "at TIMESTAMP, k STRING"}
    source = {"schema": "at TIMESTAMP, k STRING, v INT", "watermark": {"column": "at", "delay": "1 second"}}
    steps = [{"add": {"s": [{"at": "2024-01-01T00:00:05Z", "k": "a", "v": v}]}, "expect": []} for v in (1, 3)]
    said: list[str] = []
    for column in ("at", "ta", "k"):
        case = {
            "version": 1,
            "sources": {"s": source},
            "views": [{"name": "v", "stateful": view | {"event_time_column": column}}],
            "query": {"sql": "SELECT at, count(*) AS n FROM v GROUP BY at", "output_mode": "append"},
            "steps": steps,
        }
        path = tmp_path / "case.yaml"
        path.write_text(yaml.safe_dump(case))
        said += judge(path, crash=False).failures
    assert said == [
        "step 2: [EMITTING_ROWS_OLDER_THAN_WATERMARK_NOT_ALLOWED] code_of_stamps:Stamps gave 1971-01-01T00:00:05.000Z "
        "in at, its event time, which is before the watermark 2024-01-01T00:00:04.000Z. Give times at or after it.",
        'refused: [CONFIG_INVALID_VALUE] pipeline:1:1 event_time_column names "ta", which is not in output_schema. '
        "Allowed: at, k.",
        "refused: [EVENT_TIME_IS_NOT_ON_TIMESTAMP_TYPE] pipeline:1:1 event_time_column k is STRING; it must be "
        "TIMESTAMP.",
    ]


def test_an_exception_of_a_processor_has_sparks_condition(run: Callable[..., tuple[str, ...]]) -> None:
    """And the line of the author's module."""
    [said] = run("Broken")
    assert said.startswith("step 1: [TRANSFORM_WITH_STATE_USER_FUNCTION_ERROR] code:Broken failed at code.py:59: Attri")


def test_code_that_is_not_of_the_kind_is_refused_before_the_start(run: Callable[..., tuple[str, ...]]) -> None:
    """A processor is a class, a function takes three arguments."""
    assert run("seen.append")[0].startswith("refused: [CONFIG_INVALID_VALUE]")
    [said] = run("Base", state_schema="n INT", processor=None, function="headrace.stateful:StatefulProcessor")
    assert "headrace.stateful:StatefulProcessor is not a function. Name it as processor:" in said
