"""How much memory a process may use, and what DuckDB may hold of it for each query."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.memory import allowed_bytes, query_bytes

GIB = 1 << 30


@pytest.mark.parametrize("file", ["memory.max", "memory/memory.limit_in_bytes"])
def test_the_limit_of_the_container_counts_when_it_is_less_than_the_machine(file: str, tmp_path: Path) -> None:
    """Of either version of control groups."""
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(f"{1 << 28}\n")
    assert allowed_bytes(tmp_path) == 1 << 28


def test_without_a_limit_it_is_the_machines_memory(tmp_path: Path) -> None:
    """No control group, one without a limit, and one with a limit beyond the machine."""
    machine = allowed_bytes(tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    assert allowed_bytes(tmp_path) == machine
    (tmp_path / "memory.max").write_text(f"{1 << 62}\n")
    assert allowed_bytes(tmp_path) == machine > 1 << 28


@pytest.mark.parametrize(
    ("queries", "allowed", "each"),
    [(1, 64 * GIB, GIB), (2, GIB, GIB * 2 // 10), (1, 1 << 28, 128 << 20), (8, 4 * GIB, GIB * 2 // 10)],
)
def test_queries_share_two_fifths_of_the_memory(queries: int, allowed: int, each: int) -> None:
    """At most 1 GiB and at least 128 MiB each."""
    assert abs(query_bytes(queries, allowed) - each) <= 1
