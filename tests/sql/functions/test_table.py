"""The function table: its parts fit together."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter

from headrace.sql import aggregates, functions


def test_no_name_stands_in_two_parts_of_a_table() -> None:
    """Of two entries one would never be called, and would say what is not so."""
    for room, table in ((functions, "FUNCTIONS"), (aggregates, "AGGREGATES")):
        found = pkgutil.walk_packages(room.__path__, f"{room.__name__}.")
        modules = [importlib.import_module(module.name) for module in found if not module.ispkg]
        names = Counter(name for module in modules for name in getattr(module, table, ()))
        assert [name for name, times in names.items() if times > 1] == []
        assert set(names) <= set(getattr(room, table))
