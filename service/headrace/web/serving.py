"""Web: the one call that serves the pages of a view.

Imported by name when a service is asked for pages (docs/decisions/0002-lazy-commands.md): the web libraries take a
tenth of a second and 6 MB, and most services are scraped or watched by other means.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from headrace.web.app import build_app
from headrace.web.server import WebServer
from headrace.web.view import StatusView


def serve(view: StatusView, registry: CollectorRegistry, address: tuple[str, int]) -> WebServer:
    """Return a server of the view's pages, not started.

    Args:
        view: What the pages show.
        registry: What `/metrics` tells.
        address: Host and port.
    """
    return WebServer(build_app(view, registry), *address)
