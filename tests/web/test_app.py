"""Web: what each path answers, and what no answer gives away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser

import httpx
import pytest
from prometheus_client import CollectorRegistry
from tests.progress.sample import IDLE, PROGRESS, START_US

from headrace.clock import ManualClock
from headrace.progress.history import Activity, ProgressHistory, QueryStatus
from headrace.progress.metrics import Metrics
from headrace.progress.spark_json import to_spark_json
from headrace.values import ProcessingTime
from headrace.web.app import WebSettings, build_app
from headrace.web.guard import SECURITY_HEADERS
from headrace.web.view import QueryView

RUNNING = QueryView(
    name="counts",
    state="running",
    id=PROGRESS.id,
    run_id=PROGRESS.run_id,
    started_us=ProcessingTime(START_US),
    heartbeat_age_s=0.5,
    is_ready=True,
    recent=(PROGRESS, IDLE),
    config={"sink": {"options": {"kafka.sasl.password": "***"}}},
)


class Queries:
    """A view that shows the queries it was given."""

    def __init__(self, *queries: QueryView) -> None:
        self._queries = queries

    def queries(self) -> Sequence[QueryView]:
        """Return them."""
        return self._queries


class Broken:
    """A view with a bug."""

    def queries(self) -> Sequence[QueryView]:
        """Fail with a text that holds a secret."""
        msg = "password=hunter2"
        raise RuntimeError(msg)


async def fetch(
    path: str,
    view: Queries | Broken,
    *,
    method: str = "GET",
    registry: CollectorRegistry | None = None,
) -> httpx.Response:
    """Ask the application without a socket."""
    settings = WebSettings(heartbeat_limit_s=120, clock=ManualClock(START_US + 3_725_000_000))
    app = build_app(view, registry or CollectorRegistry(), settings)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
        return await client.request(method, path, headers={"Origin": "http://evil.example"})


pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """The loop that uvicorn runs here."""
    return "asyncio"


async def test_metrics_shows_the_registry_it_was_given() -> None:
    """In Prometheus' text form."""
    registry = CollectorRegistry()
    Metrics(registry).observe(PROGRESS)
    answer = await fetch("/metrics", Queries(), registry=registry)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'headrace_batch_id{query="counts"} 7.0' in answer.text.splitlines()


@pytest.mark.parametrize(
    ("age_s", "status", "body"),
    [
        (119.0, 200, {"alive": True, "stuck": []}),
        (121.0, 503, {"alive": False, "stuck": ["counts"]}),
        (None, 200, {"alive": True, "stuck": []}),
    ],
)
async def test_only_a_silent_loop_fails_liveness(age_s: float | None, status: int, body: dict[str, object]) -> None:
    """A failed query and a broker that is down do not: killing the process would mend neither."""
    view = Queries(replace(RUNNING, heartbeat_age_s=age_s, is_ready=False, error="no broker", state="failed"))
    answer = await fetch("/healthz", view)
    assert (answer.status_code, answer.json()) == (status, body)


@pytest.mark.parametrize(
    ("state", "is_active", "age_s", "status"),
    [
        ("running", True, 3_599.0, 200),
        ("running", True, 3_601.0, 503),
        ("recovering", False, 3_599.0, 200),
        ("initializing", False, 3_601.0, 503),
        ("running", False, 121.0, 503),
    ],
)
async def test_a_long_batch_and_a_long_start_are_not_stuck(
    state: str, is_active: bool, age_s: float, status: int
) -> None:
    """Killed, they would begin again, for ever; a loop that waits has no such excuse."""
    doing = QueryStatus("Processing new data", is_data_available=is_active, is_trigger_active=is_active)
    answer = await fetch("/healthz", Queries(replace(RUNNING, heartbeat_age_s=age_s, state=state, status=doing)))
    assert answer.status_code == status


async def test_ready_means_that_every_query_has_planned_a_batch() -> None:
    """A process without queries is not ready either: it has not read its file yet."""
    waiting = replace(RUNNING, name="other", is_ready=False)
    ready = await fetch("/readyz", Queries(RUNNING))
    half = await fetch("/readyz", Queries(RUNNING, waiting))
    empty = await fetch("/readyz", Queries())
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "waiting": []})
    assert (half.status_code, half.json()) == (503, {"ready": False, "waiting": ["other"]})
    assert (empty.status_code, empty.json()) == (503, {"ready": False, "waiting": []})


async def test_the_list_of_queries_says_where_each_stands() -> None:
    """With a link to the whole."""
    failed = QueryView(name="two words", state="failed", error="gone", error_code="SINK_FAILED")
    answer = await fetch("/api/v1/queries", Queries(RUNNING, failed))
    assert answer.json() == {
        "queries": [
            {
                "name": "counts",
                "state": "running",
                "id": PROGRESS.id,
                "runId": PROGRESS.run_id,
                "startedAt": "2023-11-14T22:13:20.123Z",
                "ready": True,
                "batchId": 8,
                "lagRecords": 10,
                "error": None,
                "href": "/api/v1/queries/counts",
            },
            {
                "name": "two words",
                "state": "failed",
                "id": None,
                "runId": None,
                "startedAt": None,
                "ready": False,
                "batchId": None,
                "lagRecords": None,
                "error": {"code": "SINK_FAILED", "message": "gone"},
                "href": "/api/v1/queries/two%20words",
            },
        ]
    }


async def test_a_query_is_told_whole_with_sparks_progress_unchanged() -> None:
    """Our own facts stand beside it, never inside."""
    history = ProgressHistory()
    history.now(Activity.PROCESSING)
    told = (await fetch("/api/v1/queries/counts", Queries(replace(RUNNING, status=history.status)))).json()
    assert told["lastProgress"] == to_spark_json(IDLE)
    assert told["recentProgress"] == [to_spark_json(PROGRESS), to_spark_json(IDLE)]
    assert told["status"] == {
        "message": "Processing new data",
        "isDataAvailable": True,
        "isTriggerActive": True,
    }
    assert told["config"] == {"sink": {"options": {"kafka.sasl.password": "***"}}}
    facts = told["lastFacts"]
    assert (facts["executed"], facts["lateRows"], facts["bytesRead"], facts["stateRows"]) == (False, 4, 21_000, 12)
    assert facts["sources"] == [
        {
            "name": "events",
            "rows": 100,
            "bytesRead": 21_000,
            "lag": [
                {"topic": "events", "partition": 0, "records": 7, "lso_records": 1},
                {"topic": "events", "partition": 1, "records": 3, "lso_records": 0},
            ],
            "decodeErrors": {"malformed": 2},
            "deadLetters": 2,
            "dataLossRecords": 5,
        }
    ]


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/queries/unknown", "/api/v2", "/../etc/passwd"])
async def test_an_unknown_path_is_a_404_in_json(path: str) -> None:
    """A program that asks gets something it can read."""
    answer = await fetch(path, Queries(RUNNING))
    assert answer.status_code == 404
    assert answer.json()["error"] == "NOT_FOUND"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_nothing_can_be_written(method: str) -> None:
    """And a preflight gets no leave to try from another origin."""
    answer = await fetch("/api/v1/queries", Queries(RUNNING), method=method)
    assert answer.status_code == 405
    assert answer.json()["error"] == "METHOD_NOT_ALLOWED"
    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/api/v1/queries", "/nothing", "/style.css"])
async def test_every_answer_has_the_security_headers(path: str) -> None:
    """Errors too; and none allows another origin."""
    answer = await fetch(path, Queries(RUNNING))
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_a_bug_in_a_page_gives_nothing_away() -> None:
    """The text of an exception could hold data or a secret."""
    answer = await fetch("/api/v1/queries", Broken())
    assert answer.status_code == 500
    assert answer.json()["error"] == "INTERNAL"
    assert "hunter2" not in answer.text
    assert answer.headers["content-security-policy"] == SECURITY_HEADERS["Content-Security-Policy"]


class Page(HTMLParser):
    """Collects what a browser would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.forbidden: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag, its links, and attributes the policy would block."""
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]
        self.forbidden += [name for name, _ in attrs if name == "style" or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self.words.append(data)


async def read_page(*queries: QueryView) -> Page:
    """Return the parsed status page."""
    answer = await fetch("/", Queries(*queries))
    page = Page()
    page.feed(answer.text)
    return page


async def test_the_page_needs_no_script_and_no_other_host() -> None:
    """Nothing on it is blocked by its own policy."""
    page = await read_page(RUNNING)
    assert "script" not in page.tags
    assert page.forbidden == []
    assert all(link.startswith("/") and not link.startswith("//") for link in page.links)
    assert page.tags.count("svg") == 9


async def test_the_page_shows_where_each_query_stands() -> None:
    """The overview row, the partitions and the state."""
    words = " ".join((await read_page(RUNNING)).words)
    for seen in ("counts", "running", "1h 2m", "events-0", "aggregate-1", "1,000", "***"):
        assert seen in words


async def test_text_from_outside_is_escaped() -> None:
    """An error may quote a record."""
    bad = replace(RUNNING, error="<script>alert(1)</script>", error_code="DATA_MALFORMED", recent=())
    page = await read_page(bad)
    assert "script" not in page.tags
    assert "[DATA_MALFORMED] <script>alert(1)</script>" in page.words


async def test_empty_states_explain_themselves() -> None:
    """No query, no batch, and a batch-less idle query each say what comes next."""
    assert "No query is loaded yet" in " ".join((await read_page()).words)
    assert "No batch has run yet" in " ".join((await read_page(replace(RUNNING, recent=()))).words)
    assert "waiting for data to arrive" in " ".join((await read_page(replace(RUNNING, recent=(IDLE,)))).words)
