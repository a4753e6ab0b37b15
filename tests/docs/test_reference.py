"""The committed reference pages are those that the code would write today."""

from __future__ import annotations

from pathlib import Path

from headrace.cli import COMMANDS, load_command
from headrace.contract import all_plugins
from headrace.reference import reference_pages

PAGES = Path(__file__).parents[2] / "docs" / "reference"


def test_reference_pages_are_up_to_date() -> None:
    """When this fails, type: headrace docs."""
    written = {path.name: path.read_text() for path in PAGES.glob("*.md")}
    # Only our own plugins have pages; a session may have others on its path.
    ours = [plugin for plugin in all_plugins() if plugin.build.__module__.startswith("headrace_plugins")]
    assert written == reference_pages(ours, {name: load_command(name) for name in COMMANDS})
