"""The command ``headrace sql``: where statements come from, how answers are written, and what an error does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

COMMAND = [sys.executable, "-m", "headrace", "sql"]


def run(*arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run([*COMMAND, *arguments], input=given, capture_output=True, text=True, timeout=120, check=False)


def test_another_program_can_drive_it_statement_by_statement() -> None:
    """Each answer comes back as soon as the semicolon has arrived, before the input ends, errors too."""
    with subprocess.Popen(
        [*COMMAND, "--output", "json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        answers = []
        for statement in ("SELECT 1 AS a, 'x' AS b;", "SELECT nope;", "SELECT\n 1e10D;"):
            process.stdin.write(statement)
            process.stdin.flush()
            answers.append(json.loads(process.stdout.readline()))
        process.stdin.close()
        assert process.wait(timeout=60) == 0
    assert answers[0] == {"columns": ["a", "b"], "types": ["INT", "STRING"], "rows": [[1, "x"]], "text": ["1\tx"]}
    assert answers[1]["error"]["code"] == "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION"
    assert answers[2]["text"] == ["1.0E10"]


def test_statements_come_from_the_argument_or_a_file(tmp_path: Path) -> None:
    """The last one needs no semicolon."""
    file = tmp_path / "q.sql"
    file.write_text("SELECT 1; -- one\nSELECT 2")
    assert run("--output", "spark-sql", "SELECT NULL, array(1); SELECT true").stdout == "NULL\t[1]\ntrue\n"
    assert run("--output", "spark-sql", "-f", str(file)).stdout == "1\n2\n"
    both = run("-f", str(file), "SELECT 1")
    assert both.returncode == 2


def test_an_error_does_not_stop_the_others_and_shows_no_traceback() -> None:
    """The exit code is the error's."""
    done = run("--output", "spark-sql", "SELECT 1/0; SELECT 2")
    assert done.stdout == "2\n"
    assert "[DIVIDE_BY_ZERO]" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 1


def test_a_table_is_for_people() -> None:
    """Lines around it, and a count of rows below."""
    shown = run("SELECT 1 AS id, 'x' AS name").stdout.splitlines()
    assert shown == ["+----+------+", "| id | name |", "+----+------+", "| 1  | x    |", "+----+------+", "1 row"]


def test_the_time_zone_is_the_sessions() -> None:
    """As Spark's conf spark.sql.session.timeZone."""
    zoned = run("--output", "spark-sql", "--time-zone", "America/Los_Angeles", "SELECT timestamp_seconds(0)")
    assert zoned.stdout == "1969-12-31 16:00:00\n"
    wrong = run("--time-zone", "Nowhere/Never", "SELECT 1")
    assert wrong.returncode != 0
    assert "Traceback" not in wrong.stderr
