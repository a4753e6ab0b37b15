"""The console sink prints what Spark's prints."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from headrace.contract import Marker
from headrace.options import parse_options
from headrace.testing.sink_kit import KIT_CONTEXT, check_sink
from headrace.types import BIGINT, STRING, struct
from headrace_plugins.console import PLUGIN, ConsoleSink, show
from headrace_plugins.console.show import java_double


def _make(stream: io.StringIO, **options: object) -> ConsoleSink:
    return ConsoleSink(parse_options(PLUGIN.spec, options), KIT_CONTEXT, stream)


def test_the_sink_keeps_the_laws_of_the_contract() -> None:
    """The battery passes as at-least-once."""
    stream = io.StringIO()

    def visible() -> list[str]:
        cells = [line.strip("|").split("|") for line in stream.getvalue().splitlines() if line.startswith("|")]
        return [row[1].strip() for row in cells if row[1].strip() != "value"]

    check_sink(lambda: _make(stream), visible)


def test_a_batch_prints_as_in_spark() -> None:
    """Ruler, number, table, and a line for rows not shown; nothing before commit."""
    stream = io.StringIO()
    context = replace(KIT_CONTEXT, schema=struct(value=STRING, count=BIGINT))
    sink = ConsoleSink(parse_options(PLUGIN.spec, {"numRows": 2}), context, stream)
    sink.begin(Marker("q", 7, "", 1))
    assert sink.write(pa.table({"value": ["a", None, "c"], "count": [1, 22, 333]})) == 3
    assert stream.getvalue() == ""
    sink.commit(Marker("q", 7, "", 1))
    assert stream.getvalue() == (
        "-------------------------------------------\n"
        "Batch: 7\n"
        "-------------------------------------------\n"
        "+-----+-----+\n"
        "|value|count|\n"
        "+-----+-----+\n"
        "|    a|    1|\n"
        "| NULL|   22|\n"
        "+-----+-----+\n"
        "only showing top 2 rows\n"
        "\n"
    )


def test_without_a_stream_it_prints_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """The stream is looked up when the batch is printed."""
    sink = PLUGIN.build(parse_options(PLUGIN.spec, {}), KIT_CONTEXT)
    sink.begin(Marker("q", 0, "", 1))
    sink.commit(Marker("q", 0, "", 1))
    assert capsys.readouterr().out.endswith(
        "Batch: 0\n" + "-" * 43 + "\n+---+-----+\n|key|value|\n+---+-----+\n+---+-----+\n\n"
    )


def test_every_type_has_sparks_text() -> None:
    """Control characters are escaped, so that a row cannot paint on the terminal."""
    at = datetime(2020, 1, 2, 3, 4, 5, 120_000, UTC)
    table = pa.table(
        {
            "t": pa.array([at], pa.timestamp("us", "UTC")),
            "n": pa.array([18_263 * 86_400_000_000], pa.timestamp("us")),
            "d": [date(2020, 1, 2)],
            "b": [True],
            "x": [1e10],
            "f": pa.array([0.1], pa.float32()),
            "m": [Decimal("1.50")],
            "y": [b"ab"],
            "a": pa.array([[1, None]]),
            "s": pa.array([{"p": 1, "q": "z"}]),
            "k": pa.array([[("one", 1)]], pa.map_(pa.string(), pa.int64())),
            "c": ["tab\tbell\x07\x1b[31m"],
        }
    )
    cells = show(table, truncate=False, time_zone="Europe/Berlin").splitlines()[3].strip("|").split("|")
    assert [cell.rstrip() for cell in cells] == [
        "2020-01-02 04:04:05.12",
        "2020-01-02 00:00:00",
        "2020-01-02",
        "true",
        "1.0E10",
        "0.1",
        "1.50",
        "[61 62]",
        "[1, NULL]",
        "{1, z}",
        "{one -> 1}",
        "tab\\tbell\\a\\u001B[31m",
    ]


def test_long_cells_are_cut_to_twenty_characters() -> None:
    """Wide characters count two columns."""
    table = pa.table({"v": ["x" * 21, "y" * 20, "漢字"]})
    assert show(table) == (
        "+--------------------+\n"
        "|                   v|\n"
        "+--------------------+\n"
        "|xxxxxxxxxxxxxxxxx...|\n"
        "|yyyyyyyyyyyyyyyyyyyy|\n"
        "|                漢字|\n"
        "+--------------------+\n"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (1.5e300, "1.5E300"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_doubles_are_written_as_java_writes_them(value: float, text: str) -> None:
    """Scientific below 0.001 and from 1e7."""
    assert java_double(value) == text


def test_times_beyond_pythons_calendar_are_shown_as_spark_shows_them() -> None:
    """Also inside of lists, maps and structs."""
    far, old = 1_700_000_000_000_000_000, -(10**17)
    times = pa.array([far, old, None], pa.timestamp("us", tz="UTC"))
    days = pa.array([10_000_000, -1_000_000, None], pa.date32())
    nested = pa.StructArray.from_arrays([pa.ListArray.from_arrays([0, 1, 2, 2], times.drop_null()), days], ["l", "d"])
    shown = show(pa.table({"t": times, "d": days, "n": nested}), truncate=False, time_zone="GMT+05:30")
    assert [line.strip("|").split("|") for line in shown.splitlines()[3:-1]] == [
        ["+55840-11-09 03:43:20", "+29349-01-26", "{[+55840-11-09 03:43:20], +29349-01-26}"],
        ["-1199-02-15 19:43:20 ", "-0768-02-04 ", "{[-1199-02-15 19:43:20], -0768-02-04}  "],
        ["NULL                 ", "NULL        ", "{[], NULL}                             "],
    ]
