"""Bad files: the whole text of what is said about them, all findings at once, and never a secret."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.config.load import load
from headrace.errors import StreamErrors

GOOD = """\
version: 1
name: a
sources:
  s: {format: pond, options: {subscribe: t}}
queries:
  q: {sql: SELECT 1, sink: {format: pond}}
checkpoint: {location: c}
"""
SOURCE = "  s: {format: pond, options: {subscribe: t}}"

CASES = [
    ("name: a", "nmae: a", [
        '[CONFIG_MISSING_KEY] p.yaml:1:1 the pipeline needs the key "name".',
        '[CONFIG_UNKNOWN_KEY] p.yaml:2:1 nmae is not known. Did you mean "name"?',
    ]),
    ("version: 1", "version: 2", ["[CONFIG_INVALID_VALUE] p.yaml:1:10 version has the value 2; allowed: 1."]),
    (SOURCE, f"{SOURCE[:-1]}, watermark: {{column: t, delay: 1 second, idle_timeout: 0 seconds, late_rows: keep}}}}", [
        "[CONFIG_INVALID_VALUE] p.yaml:4:100 sources.s.watermark.idle_timeout has the value '0 seconds'; the duration "
        "must be longer than 0.",
        "[CONFIG_INVALID_VALUE] p.yaml:4:122 sources.s.watermark.late_rows has the value 'keep'; allowed: drop, "
        "dead_letter.",
    ]),
    (SOURCE, f"{SOURCE[:-1]}, watermark: {{column: t, delay: 1 second, max_future_skew: soon, idle: 1 minute}}}}", [
        "[CONFIG_INVALID_VALUE] p.yaml:4:103 sources.s.watermark.max_future_skew has the value 'soon'; 'soon' is not a "
        "duration; write a number and a unit, such as '10 seconds' or '5 minutes'.",
        "[CONFIG_UNKNOWN_KEY] p.yaml:4:109 sources.s.watermark.idle is not known. Allowed: column, delay, "
        "idle_timeout, late_rows, max_future_skew.",
    ]),
    (SOURCE, f"{SOURCE[:-1]}, decode: {{format: json, dead_letter: {{topic: a}}}}, dead_letter: {{topic: b}}}}", [
        "[CONFIG_INVALID_VALUE] p.yaml:4:6 sources.s has the value {...}; dead_letter stands in the source and in its "
        "decode; write one.",
    ]),
    ("name: a", "name: a\nname: b", [
        '[CONFIG_DUPLICATE_KEY] p.yaml:3:1 the key "name" stands twice; the first is in line 2.',
    ]),
    ("name: a", "name: [", ["[CONFIG_FILE_UNREADABLE] p.yaml:4:4 this is no YAML: did not find expected ',' or ']'."]),
    (GOOD, "just text", [
        "[CONFIG_INVALID_VALUE] p.yaml:1:1 a pipeline file is a mapping; this one holds 'just text'.",
    ]),
    (GOOD, "", ["[CONFIG_INVALID_VALUE] p.yaml:1:1 a pipeline file is a mapping; this one holds null."]),
    ("format: pond, options", "format: pnod, options", [
        '[PLUGIN_UNKNOWN] p.yaml:4:15 no source plugin is called "pnod". Did you mean "pond"?',
    ]),
    ("{subscribe: t}", "{subscribe: t, maxRow: 5}", [
        '[PLUGIN_OPTION_INVALID] p.yaml:4:45 pond has no option "maxRow". Did you mean "maxRows"?',
    ]),
    ("{subscribe: t}", "{maxRows: 0, wire.group: g}", [
        '[PLUGIN_OPTION_INVALID] p.yaml:4:21 pond needs the option "subscribe": Topics.',
        "[PLUGIN_OPTION_INVALID] p.yaml:4:31 the option \"maxRows\" has the value 0; the least allowed is 1",
        '[PLUGIN_OPTION_INVALID] p.yaml:4:43 the option "wire.group" is not supported: the engine sets it',
    ]),
    ("{subscribe: t}", "{subscribe: t, wire.password: hunter2}", [
        "[CONFIG_PLAIN_SECRET] p.yaml:4:60 sources.s.options.wire.password is a secret in plain text. Write "
        "${env:NAME} or ${file:PATH}, or allow it with --allow-plain-secrets.",
    ]),
    ("{subscribe: t}", '{subscribe: t, wire.password: "${env:NONE}"}', [
        "[CONFIG_SECRET_UNRESOLVED] p.yaml:4:60 sources.s.options.wire.password: the environment variable NONE is not "
        "set. Type: export NONE=...",
    ]),
    ("{subscribe: t}", '{subscribe: "${env:PW}"}', [
        "[CONFIG_INVALID_VALUE] p.yaml:4:42 sources.s.options.subscribe is no secret; ${env:...} and ${file:...} are "
        "read in options marked secret only.",
    ]),
    ("location: c", 'location: "${env:PW}"', [
        "[CONFIG_INVALID_VALUE] p.yaml:7:24 checkpoint.location is no secret; ${env:...} and ${file:...} are read in "
        "options marked secret only.",
    ]),
    ("{subscribe: t}", '{subscribe: t, pin: "${env:PW}"}', [
        '[PLUGIN_OPTION_INVALID] p.yaml:4:45 the option "pin" has the value ***: allowed: a whole number of at most '
        "9223372036854775807.",
    ]),
    ("  q: {", "  q: {trigger: {processing_time: 5}, ", [
        "[CONFIG_INVALID_VALUE] p.yaml:6:16 queries.q.trigger has the value {...}; write a number and a unit, such as "
        "'10 seconds' or '5 minutes'.",
    ]),
    ("  q: {", "  2q: {", [
        '[CONFIG_INVALID_VALUE] p.yaml:6:3 "2q" is no name: a name is made of letters, digits and _, and does not '
        "begin with a digit.",
    ]),
    (SOURCE, f"{SOURCE}\ntables:\n  S: {{format: leaf, options: {{path: x}}, refresh: sometimes}}", [
        '[CONFIG_INVALID_VALUE] p.yaml:6:3 the name "S" is taken by sources.s in line 4.',
        "[CONFIG_INVALID_VALUE] p.yaml:6:50 tables.S.refresh has the value 'sometimes'; allowed: never, every_batch, "
        "or a duration such as '5 minutes'.",
    ]),
    (SOURCE, f"{SOURCE}\nviews: [{{name: v, deduplicate: {{input: w}}, sql: SELECT 1}}]", [
        "[CONFIG_INVALID_VALUE] p.yaml:5:9 views[0] has the value {...}; a view has one of sql, deduplicate, stateful.",
        '[CONFIG_INVALID_VALUE] p.yaml:5:40 deduplicate.input names "w", which is no source, table or earlier view. '
        "Allowed: s.",
    ]),
    ("sql: SELECT 1", "sql: !file no.sql", [
        "[CONFIG_INVALID_VALUE] p.yaml:6:12 the file no.sql cannot be read: No such file or directory.",
        "[CONFIG_INVALID_VALUE] p.yaml:6:12 queries.q.sql has the value null; allowed: a text.",
    ]),
    ("sql: SELECT 1", "sql: !include x", [
        "[CONFIG_INVALID_VALUE] p.yaml:6:12 the tag !include is not known; allowed: !file.",
        "[CONFIG_INVALID_VALUE] p.yaml:6:12 queries.q.sql has the value null; allowed: a text.",
    ]),
    ("{subscribe: t}}", '{subscribe: t}, decode: {format: twig, schema: "a INT, b STRNG"}}', [
        "[UNSUPPORTED_DATATYPE] p.yaml:4:87 In the schema 'a INT, b STRNG' at line 1, column 10: unsupported data type "
        "'STRNG'. Did you mean \"STRING\"?",
    ]),
    ("{subscribe: t}", "{subscribe: , maxRows: 1.5, wire.id: ~}", [
        '[PLUGIN_OPTION_INVALID] p.yaml:4:31 the option "subscribe" has no value. Write one, "" for an empty text, or '
        "leave the option out.",
        '[PLUGIN_OPTION_INVALID] p.yaml:4:44 the option "maxRows" has the value 1.5: allowed: a whole number of at '
        "most 9223372036854775807.",
        '[PLUGIN_OPTION_INVALID] p.yaml:4:58 the option "wire.id" has no value. Write one, "" for an empty text, or '
        "leave the option out.",
    ]),
    (SOURCE, f"{SOURCE[:-1]}, dead_letter: {{topic: d, options: {{kafka.sasl.password: hunter2, topicc: x}}}}}}", [
        "[CONFIG_PLAIN_SECRET] p.yaml:4:101 sources.s.dead_letter.options.kafka.sasl.password is a secret in plain "
        "text. Write ${env:NAME} or ${file:PATH}, or allow it with --allow-plain-secrets.",
        '[PLUGIN_OPTION_INVALID] p.yaml:4:110 kafka has no option "topicc". Did you mean "topic"?',
    ]),
    ("version: 1", 'version: "1"', [
        "[CONFIG_INVALID_VALUE] p.yaml:1:10 version has the value '1'; allowed: 1. Write it without quotes.",
    ]),
    ("version: 1", "version: 1" + "0" * 5_000, [
        f"[CONFIG_INVALID_VALUE] p.yaml:1:10 version has the value '1{'0' * 54}...'; allowed: 1.",
    ]),
    (SOURCE, f"{SOURCE[:-1]}, watermark: {{column: t, delay: {'9' * 400} s}}}}", [
        f"[CONFIG_INVALID_VALUE] p.yaml:4:76 sources.s.watermark.delay has the value '{'9' * 55}...'; the duration is "
        "longer than ten thousand years.",
    ]),
    ("location: c", "location: 's3://bucket/c'", [
        "[CONFIG_INVALID_VALUE] p.yaml:7:13 checkpoint has the value {...}; 's3://bucket/c' is no path of this "
        "machine; allowed: a path, or file:///path.",
    ]),
    ("name: a", f"name: a\nx-deep: {'[' * 300}{']' * 300}", [
        "[CONFIG_INVALID_VALUE] p.yaml:3:73 values stand inside each other more than 64 times.",
    ]),
    ("name: a", f"name: a\nx-deep: {'[' * 100_000}", [
        "[CONFIG_FILE_UNREADABLE] p.yaml:3:5008 values stand inside each other more than 64 times.",
    ]),
    ("sink: {format: pond}", "sink: {format: pond, encode: twg}", [
        '[PLUGIN_UNKNOWN] p.yaml:6:51 no format plugin is called "twg". Did you mean "twig"?',
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CASES, ids=[case[2][0][:40] + case[1][:20] for case in CASES])
def test_a_bad_file_is_told_all_at_once(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, old: str, new: str, expected: list[str]
) -> None:
    """Findings stand in file order with the value seen, what is allowed, and a suggestion."""
    monkeypatch.chdir(write(GOOD.replace(old, new)).parent)
    with pytest.raises(StreamErrors) as raised:
        load(Path("p.yaml"), environment={"PW": "hunter2"})
    assert str(raised.value).splitlines() == expected
    assert "hunter2" not in str(raised.value)


def test_the_good_file_of_these_tests_is_good(write: Callable[[str], Path]) -> None:
    """Each case above differs from a good file in one place."""
    assert load(write(GOOD), environment={}).name == "a"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The system's reason is kept."""
    with pytest.raises(StreamErrors, match=r"no\.yaml cannot be read: No such file or directory\."):
        load(tmp_path / "no.yaml", environment={})
