"""Plugins for the tests of the config room and the command line, found as any third party's are: by entry points."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.contract import installed_plugins

MODULE = '''
"""Plugins that have a SPEC and nothing to build."""
from headrace.contract import Kind, Option, Passthrough, Plugin, PluginKind, Spec

CLIENT = (Passthrough("wire.", "Goes to the client.", {"wire.group": "the engine sets it"}, ("wire.pin",)),)


def _nothing(*_):
    raise NotImplementedError


def _plugin(name, kind, *options, through=()):
    return Plugin(Spec(name, kind, f"A {kind.value} for tests.", tuple(options), through), _nothing)


SOURCE = _plugin(
    "pond", PluginKind.SOURCE,
    Option("subscribe", Kind.STRING, "Topics.", required=True),
    Option("startingOffsets", Kind.CHOICE, "Where to start.", "latest", allowed=("earliest", "latest")),
    Option("maxRows", Kind.INT, "Rows a batch.", minimum=1),
    Option("apiKey", Kind.STRING, "The key.", secret=True),
    Option("pin", Kind.INT, "A number nobody may see.", secret=True),
    through=CLIENT,
)
SINK = _plugin("pond", PluginKind.SINK, Option("topic", Kind.STRING, "Topic."), through=CLIENT)
TABLE = _plugin("leaf", PluginKind.TABLE, Option("path", Kind.STRING, "File or folder.", required=True))
FORMAT = _plugin("twig", PluginKind.FORMAT, Option("mode", Kind.CHOICE, "Mode.", "calm", allowed=("calm", "wild")))
'''
ENTRY_POINTS = """
[headrace.plugins]
format.twig = pond_plugins:FORMAT
sink.pond = pond_plugins:SINK
source.pond = pond_plugins:SOURCE
table.leaf = pond_plugins:TABLE
"""


@pytest.fixture(scope="module", autouse=True)
def pond(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Install a distribution with the plugins pond, leaf and twig for one module of tests; gives its folder."""
    site = tmp_path_factory.mktemp("site")
    (site / "pond_plugins.py").write_text(MODULE)
    facts = site / "pond_plugins-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: pond-plugins\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(ENTRY_POINTS)
    sys.path.insert(0, str(site))
    installed_plugins.cache_clear()
    yield site
    sys.path.remove(str(site))
    installed_plugins.cache_clear()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Give a function that writes a pipeline file and returns its path."""

    def write_file(text: str) -> Path:
        path = tmp_path / "p.yaml"
        path.write_text(text)
        return path

    return write_file
