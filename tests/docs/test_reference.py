"""The committed reference pages are those that the code would write today."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

from headrace.contract import ENTRY_POINTS
from headrace.reference import reference_pages
from headrace.terminal.verbs import COMMANDS, load_command

PAGES = Path(__file__).parents[2] / "docs" / "reference"


def test_reference_pages_are_up_to_date() -> None:
    """When this fails, type: headrace docs."""
    written = {path.name: path.read_text() for path in PAGES.glob("*.md")}
    written["../compatibility.md"] = (PAGES.parent / "compatibility.md").read_text()
    # A session may have other authors' plugins on its path; only our own have pages.
    ours = [entry.load() for entry in entry_points(group=ENTRY_POINTS) if entry.dist and entry.dist.name == "headrace"]
    assert written == reference_pages(ours, {name: load_command(name) for name in COMMANDS})
