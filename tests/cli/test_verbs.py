"""The verbs that read a pipeline file: outcomes, exit codes, and no secret in any output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace.cli import run

GOOD = """\
version: 1
name: ticks
sources:
  ticks: {format: rate, options: {rowsPerSecond: 10}}
queries:
  tens:
    sql: |
      SELECT value
      FROM ticks WHERE value % 10 = 0
    sink: {format: memory}
checkpoint: {location: state}
"""
SECRET = """\
version: 1
name: hidden
sources:
  ticks:
    format: kafka
    options: {kafka.bootstrap.servers: "localhost:1", subscribe: t, kafka.sasl.password: "${env:HEADRACE_TEST_PW}"}
queries:
  all: {sql: SELECT nothing FROM ticks, sink: {format: memory}}
checkpoint: {location: state}
"""


def _file(folder: Path, text: str) -> str:
    path = folder / "p.yaml"
    path.write_text(text)
    return str(path)


def test_a_good_file_validates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line a file on standard output, nothing on standard error."""
    file = _file(tmp_path, GOOD)
    assert run(["validate", file]) == 0
    assert capsys.readouterr() == (f"{file}: 1 query, no errors\n", "")


def test_online_also_asks_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A checkpoint below a file is no place to write."""
    (tmp_path / "state").write_text("a file")
    assert run(["validate", "--online", _file(tmp_path, GOOD)]) == 74
    assert "[IO_FAILED]" in capsys.readouterr().err


def test_errors_of_all_files_come_with_carets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole text on standard error, and the exit code of a wrong file."""
    monkeypatch.chdir(tmp_path)
    _file(tmp_path, GOOD.replace("format: memory", "format: memry"))
    assert run(["validate", "p.yaml", "--set", "queries.tens.output_mode=upd"]) == 78
    assert capsys.readouterr().err == (
        '[PLUGIN_UNKNOWN] p.yaml:10:20 no sink plugin is called "memry". Did you mean "memory"?\n'
        "   10 |     sink: {format: memry}\n"
        "                           ^\n"
        "\n"
        "[CONFIG_INVALID_VALUE] --set:1:26 queries.tens.output_mode has the value 'upd'; allowed: append, update, "
        'complete. Did you mean "update"?\n'
        "    1 | queries.tens.output_mode=upd\n"
        "                                 ^\n"
        "\n"
        "2 errors\n"
    )


def test_an_error_in_sql_points_into_the_block(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The caret stands below the unknown column, in the file's own line."""
    file = _file(tmp_path, GOOD.replace("SELECT value", "SELECT valu"))
    assert run(["validate", file, "--format", "json"]) == 78
    found = json.loads(capsys.readouterr().out)
    assert [(error["file"], error["line"], error["column"]) for error in found] == [(file, 8, 14)]


@pytest.mark.parametrize("stage", ["parse", "plan", "steps"])
def test_explain_prints_the_same_text_every_time(
    tmp_path: Path, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stable text, for golden files."""
    file = _file(tmp_path, GOOD)
    texts = []
    for _ in range(2):
        assert run(["explain", file, "--stage", stage, "--query", "tens"]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] != ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "--query", "none"],
        ["explain", "--stage", "none"],
        ["run", "--query", "none"],
        ["run", "--http", "nowhere"],
        ["run", "--max-batches", "0"],
    ],
)
def test_wrong_flags_are_usage_errors(tmp_path: Path, arguments: list[str]) -> None:
    """Exit code 2, before anything starts."""
    verb, *flags = arguments
    assert run([verb, _file(tmp_path, GOOD), *flags]) == 2


def test_no_verb_prints_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Errors, plans and tracebacks are searched."""
    monkeypatch.setenv("HEADRACE_TEST_PW", "hunter2")
    file = _file(tmp_path, SECRET)
    good = _file(tmp_path, SECRET)
    run(["validate", file])
    run(["--debug", "validate", file, "--set", "name=1"])
    run(["explain", good, "--stage", "parse"])
    run(["explain", good, "--set", "queries.all.sql=SELECT value FROM ticks"])
    out, err = capsys.readouterr()
    assert "nothing" in err
    assert "hunter2" not in out + err


PARTS = """\
version: 1
name: parts
sources:
  ticks:
    format: kafka
    options: {kafka.bootstrap.servers: "localhost:1", subscribe: t, kafka.nonsense: 1}
    decode: {format: csv, schema: "a INT, b STRING", options: {sep: "--"}}
queries:
  all:
    sql: SELECT a, b FROM ticks
    sink: {format: csv, options: {path: "s3://bucket/out", timeZone: Mars/Base}}
checkpoint: {location: state}
"""


def test_what_a_part_would_refuse_at_its_start_is_told_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options that only the plugins understand, each at its key; the verbs that run and explain say the same."""
    monkeypatch.chdir(tmp_path)
    _file(tmp_path, PARTS)
    assert run(["validate", "p.yaml"]) == 78
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("[")] == [
        '[PLUGIN_OPTION_INVALID] p.yaml:6:69 the Kafka client refuses the option "kafka.nonsense": No such '
        'configuration property: "nonsense". kafka.* options are librdkafka\'s; see its CONFIGURATION page.',
    ]
    _file(tmp_path, PARTS.replace(", kafka.nonsense: 1", ""))
    expected = [
        "[PLUGIN_OPTION_INVALID] p.yaml:7:64 the csv option \"sep\" has the value '--'; allowed: one character, no "
        "line break",
        '[INVALID_CONF_VALUE.TIME_ZONE] p.yaml:11:60 the option "timeZone" is no time zone; seen: Mars/Base. Write a '
        "region such as Europe/Oslo, or an offset such as +05:30.",
    ]
    for verb in ("validate", "run", "explain"):
        assert run([verb, "p.yaml"]) == 78
        assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("[")] == expected
    _file(tmp_path, PARTS.replace(", kafka.nonsense: 1", "").replace('"--"', '";"').replace("Mars/Base", "+05:30"))
    assert run(["validate", "p.yaml"]) == 78
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("[")] == [
        "[PLUGIN_OPTION_INVALID] p.yaml:11:35 the option \"path\" has the value 's3://bucket/out' is no path of this "
        "machine; allowed: a path, or file:///path. Mount it, and name the folder.",
    ]


def test_a_long_line_is_shown_around_the_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two hundred characters of it, the caret below the right one."""
    text = GOOD.replace("rowsPerSecond: 10", f"rowsPerSecond: 10, rampUpTime: '{' ' * 300}1 s', nope: '{'x' * 300}'")
    assert run(["validate", _file(tmp_path, text)]) == 78
    _, source, caret = capsys.readouterr().err.splitlines()
    assert source.startswith("    4 | ...   ")
    assert source.endswith("xxx...")
    assert source[caret.index("^") :].startswith("nope: ")
    assert len(source) == 8 + 200 + 6


def test_online_asks_the_sinks_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Here for a folder; the finding stands at the sink."""
    (tmp_path / "out").write_text("a file")
    file = _file(tmp_path, GOOD.replace("{format: memory}", "{format: json, options: {path: out}}"))
    assert run(["validate", "--online", file]) == 74
    assert capsys.readouterr().err.splitlines()[0] == (
        f"[IO_FAILED] {file}:10:11 the folder {tmp_path / 'out'} cannot be written: {tmp_path / 'out'} is no folder "
        "this user may write to."
    )


def test_rows_and_columns_that_cannot_be_are_told_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row of a table that the file holds, and a column with the name of the struct beside decoded ones."""
    text = PARTS.replace(", kafka.nonsense: 1", "").replace(', options: {sep: "--"}', "")
    text = text.replace('{format: csv, options: {path: "s3://bucket/out", timeZone: Mars/Base}}', "{format: memory}")
    assert run(["validate", _file(tmp_path, text.replace("b STRING", "Record STRING"))]) == 78
    assert (
        capsys.readouterr()
        .err.splitlines()[0]
        .endswith(
            'the schema of source "ticks" has a column record, which is the struct of the source\'s own columns. '
            "Leave it out, or read it by from_json, without decode."
        )
    )
    tables = "tables: {t: {schema: x INT, rows: [{x: 99999999999}]}}\nqueries:"
    file = _file(tmp_path, text.replace("queries:", tables).replace("FROM ticks", "FROM ticks JOIN t ON a = x"))
    assert run(["validate", file]) == 78
    assert 'row 1, column "x": 99999999999 is no INT' in capsys.readouterr().err
