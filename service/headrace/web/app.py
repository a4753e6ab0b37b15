"""Web: the routes. Read-only: GET and HEAD, no state of its own, no cross-origin access.

Takes a StatusView and a metrics registry; gives an ASGI application. Liveness looks at the heartbeats of the loops and
at nothing else: a broker that is down is no reason to kill a process that will go on when it is back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import field

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from headrace.clock import Clock, SystemClock
from headrace.dataclass import dataclass
from headrace.web.guard import SecurityHeaders
from headrace.web.page import STYLE, status_page
from headrace.web.twin import query_json, summary_json
from headrace.web.view import QueryView, StatusView

HEARTBEAT_LIMIT_S = 120.0
"""A loop that waits and is silent for longer counts as stuck."""

WORK_LIMIT_S = 3_600.0
"""The same inside of one phase of a batch or of a start, which may be long: killed, it would only begin again."""

_STARTING = frozenset({"initializing", "recovering"})

_Handler = Callable[[Request], Awaitable[Response]]
_WORDS = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """How the pages behave.

    Attributes:
        heartbeat_limit_s: Age of a heartbeat, seconds, from which a loop that waits counts as stuck.
        work_limit_s: The same while a batch runs or the query starts.
        clock: For uptimes.
    """

    heartbeat_limit_s: float = HEARTBEAT_LIMIT_S
    work_limit_s: float = WORK_LIMIT_S
    clock: Clock = field(default_factory=SystemClock)


def build_app(view: StatusView, registry: CollectorRegistry, settings: WebSettings | None = None) -> ASGIApp:
    """Return the application that serves `/`, `/metrics`, `/healthz`, `/readyz` and `/api/v1/queries`."""
    pages = _Pages(view, registry, settings or WebSettings())
    routes: tuple[tuple[str, _Handler], ...] = (
        ("/", pages.status),
        ("/style.css", pages.style),
        ("/metrics", pages.metrics),
        ("/healthz", pages.healthz),
        ("/readyz", pages.readyz),
        ("/api/v1/queries", pages.queries),
        ("/api/v1/queries/{name}", pages.query),
    )
    app = Starlette(
        routes=[Route(path, handler, methods=["GET"]) for path, handler in routes],
        exception_handlers={HTTPException: _http_error, Exception: _bug},
    )
    # Around Starlette, not inside: its answer to a bug is made outside of its own middleware.
    return SecurityHeaders(app)


class _Pages:
    def __init__(self, view: StatusView, registry: CollectorRegistry, settings: WebSettings) -> None:
        self._view = view
        self._registry = registry
        self.settings = settings

    async def status(self, _: Request) -> Response:
        return HTMLResponse(status_page(self._view.queries(), self.settings.clock.now_us()))

    async def style(self, _: Request) -> Response:
        return Response(STYLE, media_type="text/css")

    async def metrics(self, request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._registry), headers={"Content-Type": content_type})

    async def healthz(self, _: Request) -> Response:
        queries = self._view.queries()
        stuck = [query.name for query in queries if self._is_stuck(query)]
        return JSONResponse({"alive": not stuck, "stuck": stuck}, 503 if stuck else 200)

    async def readyz(self, _: Request) -> Response:
        queries = self._view.queries()
        waiting = [query.name for query in queries if not query.is_ready]
        ready = bool(queries) and not waiting
        return JSONResponse({"ready": ready, "waiting": waiting}, 200 if ready else 503)

    async def queries(self, _: Request) -> Response:
        return JSONResponse({"queries": [summary_json(query) for query in self._view.queries()]})

    async def query(self, request: Request) -> Response:
        name = request.path_params["name"]
        found = [query for query in self._view.queries() if query.name == name]
        if not found:
            raise HTTPException(404, "no query of this name; GET /api/v1/queries lists them")
        return JSONResponse(query_json(found[0]))

    def _is_stuck(self, query: QueryView) -> bool:
        age = query.heartbeat_age_s
        works = query.status.is_trigger_active or query.state in _STARTING
        return age is not None and age > (self.settings.work_limit_s if works else self.settings.heartbeat_limit_s)


async def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    body = {"error": _WORDS.get(error.status_code, "REFUSED"), "message": error.detail}
    return JSONResponse(body, error.status_code, headers=error.headers)


async def _bug(_: Request, __: Exception) -> Response:
    # The text of the exception could hold data; the log of the server has it.
    return JSONResponse({"error": "INTERNAL", "message": "the page could not be made; see the service's log"}, 500)
