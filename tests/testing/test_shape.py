"""A pipeline test with a slip of the keyboard fails, rather than to check less than it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.testing.pipeline_tests import judge

GOOD = """\
version: 1
sources: {c: {schema: a INT}}
query: {sql: SELECT a FROM c WHERE a > 1}
x-note: what begins with x- is left alone
steps:
  - add: {c: [{a: 1}, {a: 2}]}
    expect: [{a: 2}]
  - restart: true
"""


def _judged(folder: Path, text: str) -> list[str]:
    path = folder / "t.yaml"
    path.write_bytes(text.encode())
    [told] = judge(path, crash=False).failures or ("",)
    return [line.replace(f"{path}:", "") for line in told.splitlines()]


def test_the_good_test_of_these_tests_is_good(tmp_path: Path) -> None:
    """Each case below differs from it in one place; a byte order mark is none."""
    assert _judged(tmp_path, GOOD) == []
    assert _judged(tmp_path, f"\ufeff{GOOD}") == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("expect:", "expct:", '[CONFIG_UNKNOWN_KEY] 7:5 expct is not known. Did you mean "expect"?'),
        ("steps:", "stps:", '[CONFIG_UNKNOWN_KEY] 5:1 stps is not known. Did you mean "steps"?'),
        ("{c: [{a: 1}", "{d: [{a: 1}", '[CONFIG_INVALID_VALUE] 6:11 "d" is no source of this test. Allowed: c.'),
        ("[{a: 2}]\n", "{a: 2}\n", "[CONFIG_INVALID_VALUE] 7:5 expect has the value {'a': 2}; allowed: a list."),
        ("[{a: 2}]\n", "[2]\n", "[CONFIG_INVALID_VALUE] 7:14 a row has the value 2; allowed: a mapping."),
        ("- restart: true", "- x", "[CONFIG_INVALID_VALUE] 8:5 a step has the value 'x'; allowed: a mapping."),
        (
            "restart: true",
            "late_rows: x",
            "[CONFIG_INVALID_VALUE] 8:5 late_rows has the value 'x'; allowed: a whole number.",
        ),
        (
            "query: {sql: SELECT a FROM c WHERE a > 1}",
            "query: q",
            "[CONFIG_INVALID_VALUE] 3:1 a test without `pipeline` has a mapping as its query, with the key sql.",
        ),
        (
            "sources: {c: {schema: a INT}}",
            "tables: {}",
            "[CONFIG_MISSING_KEY] 1:1 a test has sources, or names a pipeline file. "
            "Add sources: {clicks: {schema: user STRING}}.",
        ),
    ],
)  # fmt: skip
def test_what_no_test_has_is_told_with_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    """Unknown keys, sources that are not there, values of another type; before anything runs."""
    assert told in _judged(tmp_path, GOOD.replace(old, new))


def test_all_findings_come_at_once(tmp_path: Path) -> None:
    """In the order of the file."""
    text = GOOD.replace("expect:", "expects:").replace("version", "vershun").replace("restart: true", "restart: maybe")
    assert [line.partition("] ")[2].partition(" ")[0] for line in _judged(tmp_path, text)] == ["1:1", "7:5", "8:5"]
