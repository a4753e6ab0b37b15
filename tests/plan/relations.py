"""The relations that tests of the plan read."""

from __future__ import annotations

from headrace.ddl import parse_schema
from headrace.plan.bind import bind
from headrace.plan.catalog import Catalog, StatefulRelation
from headrace.plan.group_code import GroupCode
from headrace.plan.nodes import Plan
from headrace.sql.parse import parse
from headrace.sql.settings import SqlSettings
from headrace.stateful import TimeMode


def catalog(settings: SqlSettings | None = None) -> Catalog:
    """Return streams with (clicks, l, r) and without (plain) watermark, two tables and two views."""
    found = Catalog(settings)
    found.add_stream(
        "clicks", parse_schema("ts TIMESTAMP, user STRING, v DOUBLE, n INT, xs ARRAY<INT>, p STRUCT<a: INT>")
    )
    found.add_watermark("clicks", "ts", "5 seconds")
    found.add_stream("l", parse_schema("lt TIMESTAMP, k STRING, a INT"))
    found.add_watermark("l", "lt", "5 seconds")
    found.add_stream("r", parse_schema("rt TIMESTAMP, k STRING, b INT"))
    found.add_watermark("r", "rt", "5 seconds")
    found.add_stream("plain", parse_schema("ts TIMESTAMP, user STRING, v DOUBLE"))
    found.add_stream("raw", parse_schema("b BINARY"))
    found.add_table("users", parse_schema("user STRING, city STRING"))
    found.add_table("limits", parse_schema("lim DOUBLE"))
    found.add_view("renamed", "SELECT ts AS time, upper(user) AS who, v FROM clicks")
    found.add_deduplicate("once", "clicks", ("user",), within_watermark=False)
    found.add_deduplicate("once_within", "clicks", ("user",), within_watermark=True)
    found.add_deduplicate("plain_within", "plain", ("user",), within_watermark=True)
    for name, read, mode, time_mode in STATEFUL:
        code = GroupCode("tests:nothing", _nothing, False, parse_schema("n INT"), time_mode, mode)
        found.add_stateful(StatefulRelation(name, read, ("user",), code, parse_schema("ts TIMESTAMP, user STRING")))
    return found


STATEFUL = (
    ("totals", "clicks", "append", TimeMode.NONE),
    ("changes", "clicks", "update", TimeMode.NONE),
    ("timed", "clicks", "append", TimeMode.EVENT_TIME),
    ("timed_plain", "plain", "append", TimeMode.EVENT_TIME),
    ("totals_of_totals", "totals", "append", TimeMode.NONE),
    ("changes_of_changes", "changes", "update", TimeMode.NONE),
    ("totals_of_timed", "timed", "append", TimeMode.NONE),
)
"""Relations made by Python code: name, input, output mode, and what timeouts go by."""


def _nothing(key: object, rows: object, state: object) -> None:
    """A stateful function that keeps nothing."""


def planned(sql: str, settings: SqlSettings | None = None) -> Plan:
    """Return the analyzed plan of a query over `catalog()`."""
    return bind(parse(sql), catalog(settings))
