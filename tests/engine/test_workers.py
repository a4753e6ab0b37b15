"""Engine: queries whose Python code runs in a process of its own, and what its end means for them and the others."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.engine.parts import SCHEMA, START_US, MakePipeline, memory_sink

from headrace.assembly.compile import compile_query
from headrace.assembly.rows import rows_to_table
from headrace.clock import ManualClock
from headrace.config.run_options import RunOptions
from headrace.contract import PluginKind, SourceContext, find_plugin
from headrace.ddl import parse_schema
from headrace.engine.query import QueryLimits, open_parts
from headrace.engine.service import Service
from headrace.options import parse_options
from headrace_plugins.memory import memory_table

CODE = """\
import ctypes, os, pathlib, signal
import pyarrow.compute as pc
from headrace.stateful import StatefulProcessor

MARK = pathlib.Path(__file__).with_suffix(".mark")

def once(how):
    if not MARK.exists():
        MARK.touch()
        how()

def leaves(x): once(lambda: os._exit(9)); return pc.add(x, 1)
def is_killed(x): once(lambda: os.kill(os.getpid(), signal.SIGKILL)); return pc.add(x, 1)
def crashes(x): once(lambda: ctypes.string_at(0)); return pc.add(x, 1)
def always(x): os._exit(5)
def where(x): return pc.add(pc.multiply(x, 0), os.getpid())

def counts(key, rows, state):
    n = (state.getOption or (0,))[0] + len(list(rows))
    state.update((n,))
    if n == 1: once(lambda: os.kill(os.getpid(), signal.SIGKILL))
    yield key.user, n

class Counts(StatefulProcessor):
    def init(self, handle): self.n = handle.getValueState("n", "n BIGINT")
    def handleInputRows(self, key, rows, timerValues):
        self.n.update((len(list(rows)),))
        once(lambda: os._exit(4))
        yield key.user, self.n.get().n
"""
RESTART = {"restart": {"attempts": 2, "backoff": "1 second"}}


def run(pipeline: Any) -> Service:
    """Run a pipeline over what is there."""
    service = Service(pipeline, RunOptions(available_now=True), ManualClock(START_US))
    with ExitStack() as stack:
        service.run(stack)
    return service


@pytest.fixture
def code(tmp_path: Path) -> str:
    """Name of a module beside the pipeline file."""
    name = f"code_of_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(CODE)
    return name


@pytest.fixture
def fed(make_pipeline: MakePipeline) -> MakePipeline:
    """Builds pipelines whose stream clicks has one row of x with the value 1."""
    name = make_pipeline().sources["clicks"].options["name"]
    plugin = find_plugin("memory", PluginKind.SOURCE)
    source = plugin.build(parse_options(plugin.spec, {"name": name, "schema": SCHEMA}), SourceContext("", name))
    rows = [{"ts": "2024-01-01T00:00:01Z", "user": "x", "v": 1}]
    source.add(rows_to_table(rows, parse_schema(SCHEMA)))
    source.close()
    return make_pipeline


def function(code: str, name: str) -> dict[str, str]:
    """An entry of `functions`."""
    return {"function": f"{code}:{name}", "parameters": "x BIGINT", "returns": "BIGINT"}


@pytest.mark.parametrize("name", ["leaves", "is_killed", "crashes"])
def test_a_query_whose_worker_dies_starts_again_and_the_others_go_on(fed: MakePipeline, code: str, name: str) -> None:
    """By the file's policy for errors that may pass: the batch happens once, in a new worker."""
    queries = {
        "bad": {"sql": "SELECT f(v) AS n FROM clicks", "output_mode": "append", "sink": memory_sink()},
        "good": {"sql": "SELECT g(v) > 0 AS ok FROM clicks", "output_mode": "append", "sink": memory_sink()},
    }
    functions = {"f": function(code, name), "g": function(code, "where")}
    service = run(fed(queries=queries, functions=functions, on_failure=RESTART))
    bad, good = service.queries()
    assert (bad.state, good.state) == ("stopped", "stopped")
    assert [progress.facts.output_rows for progress in bad.recent if progress.num_input_rows] == [1]
    assert (bad.recent[0].facts.restarts, good.recent[0].facts.restarts) == (1, 0)


def test_a_worker_that_always_dies_fails_its_query_only(fed: MakePipeline, code: str) -> None:
    """After the attempts; the message says what happened."""
    queries = {
        "bad": {"sql": "SELECT f(v) AS n FROM clicks", "output_mode": "append", "sink": memory_sink()},
        "good": {"sql": "SELECT v FROM clicks", "output_mode": "append", "sink": memory_sink()},
    }
    service = run(fed(queries=queries, functions={"f": function(code, "always")}, on_failure=RESTART))
    bad, good = service.queries()
    assert (bad.state, bad.error_code, good.state) == ("failed", "FUNCTION_FAILED", "stopped")
    assert f"{code}:always ended its worker process: exit code 5." in bad.error


@pytest.mark.parametrize(
    "call", [{"function": "counts", "state_schema": "n BIGINT"}, {"processor": "Counts"}], ids=["function", "processor"]
)
def test_stateful_code_that_dies_doubles_and_loses_nothing(fed: MakePipeline, code: str, call: dict[str, str]) -> None:
    """State of the failed attempt is not kept."""
    names = {key: f"{code}:{value}" if key != "state_schema" else value for key, value in call.items()}
    view = {"input": "clicks", "keys": "user", "output_schema": "user STRING, n BIGINT", **names}
    target = memory_sink()
    queries = {"q": {"sql": "SELECT * FROM v", "output_mode": "append", "sink": target}}
    pipeline = fed(queries=queries, views=[{"name": "v", "stateful": view}], on_failure=RESTART)
    service = run(pipeline)
    [query] = service.queries()
    assert (query.state, query.recent[0].facts.restarts) == ("stopped", 1)
    assert memory_table(target["options"]["name"]).rows().to_pylist() == [{"user": "x", "n": 1}]


PLACES = [
    "SELECT v FROM clicks WHERE f(v) > 0",
    "SELECT window.start AS s, sum(f(v)) AS n FROM clicks GROUP BY window(ts, '1 second')",
    "SELECT f(v) AS k, count(*) AS n FROM clicks GROUP BY f(v)",
    "SELECT v FROM clicks WHERE v IN (SELECT f(t.id) FROM t)",
    "SELECT v, (SELECT max(f(t.id)) FROM t) AS m FROM clicks",
    "SELECT v, t.id FROM clicks JOIN t ON f(clicks.v) = t.id",
    "SELECT explode(array(f(v))) AS e FROM clicks",
    "SELECT transform(array(v), x -> f(x)) AS e FROM clicks",
]
TABLES = {"t": {"schema": "id BIGINT", "rows": [{"id": 1}]}}


@pytest.mark.parametrize("sql", PLACES)
def test_a_function_is_found_wherever_it_is_called(fed: MakePipeline, code: str, sql: str) -> None:
    """Those that a query does not call are not imported in its worker."""
    functions = {"f": function(code, "where"), "g": function(code, "leaves")}
    pipeline = fed(sql=sql, functions=functions, tables=TABLES)
    assert list(compile_query(pipeline, "q").code.functions) == ["f"]
    [query] = run(pipeline).queries()
    assert (query.state, query.error) == ("stopped", "")


def test_a_query_without_code_has_no_worker(fed: MakePipeline, code: str, tmp_path: Path) -> None:
    """Whatever the file has for other queries."""
    compiled = compile_query(fed(functions={"f": function(code, "where")}), "q")
    assert compiled.code.is_empty
    parts = open_parts(compiled, tmp_path / "checkpoint", ManualClock(START_US), QueryLimits())
    parts.close()


def test_a_module_that_goes_away_before_a_restart_is_told_as_at_the_start(
    fed: MakePipeline, code: str, tmp_path: Path
) -> None:
    """The worker imports it anew."""
    pipeline = fed(sql="SELECT f(v) AS n FROM clicks", functions={"f": function(code, "where")}, output_mode="append")
    service = Service(pipeline, RunOptions(available_now=True), ManualClock(START_US))
    (tmp_path / f"{code}.py").unlink()
    with ExitStack() as stack:
        assert service.run(stack) == 78
    [query] = service.queries()
    assert f"there is no module {code}. Looked into {tmp_path} and the installed packages." in query.error
