"""Operators: a join of two streams over state, compared with a loop over all pairs of remembered rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.incremental.steps import JoinSide, JoinStreams
from headrace.operators.join import JoinOperator
from headrace.operators.stateful import StateCounts, Thresholds
from headrace.operators.statements import Statements
from headrace.plan.expressions import Column
from headrace.plan.nodes import JoinType
from headrace.types import (
    BIGINT,
    BINARY,
    CALENDAR_INTERVAL,
    DAY_TIME_INTERVAL,
    DOUBLE,
    INT,
    STRING,
    TIMESTAMP,
    ArrayType,
    DecimalType,
    MapType,
    struct,
)
from headrace.values import EventTime
from headrace_state import QueryState

Row = tuple[int | None, int | None, str]
"""(key, time, name); a name that begins with "-" fails its side's own condition."""

LEFT = (Column(BIGINT, 1, "k"), Column(BIGINT, 2, "t"), Column(STRING, 3, "name"))
RIGHT = (Column(BIGINT, 4, "k"), Column(BIGINT, 5, "t"), Column(STRING, 6, "name"))
WITHIN = 5
"""A right row matches a left one of its key from the left one's time until 5 later."""


def step(how: JoinType, *, evicts: tuple[bool, bool] = (True, True)) -> JoinStreams:
    """Left rows are forgotten 5 behind the watermark, right ones at it: the range of the condition."""
    left = JoinSide("stretch-0", LEFT, (BIGINT,), -WITHIN if evicts[0] else None)
    right = JoinSide("stretch-1", RIGHT, (BIGINT,), 0 if evicts[1] else None)
    output = LEFT if how is JoinType.SEMI else (*LEFT, *RIGHT)
    return JoinStreams("join-0", output, left, right, how, f"c5 >= c2 AND c5 <= c2 + {WITHIN}")


def arrived(columns: tuple[Column, ...], rows: list[Row]) -> pa.Table:
    """What the stretch before a side gives."""
    keys, times = (pa.array([row[place] for row in rows], pa.int64()) for place in (0, 1))
    names = pa.array([row[2] for row in rows], pa.string())
    passes = pa.array([not row[2].startswith("-") for row in rows], pa.bool_())
    own = {f"c{column.id}": values for column, values in zip(columns, (keys, times, names), strict=True)}
    return pa.table({**own, "k0": keys, "passes": passes, "late_us": times, "evict_us": times})


class JoinStage:
    """A join and its state on disk; each call is one batch, applied before the next one."""

    def __init__(self, made: JoinStreams, statements: Statements, folder: Path, kind: Any = "memory") -> None:
        self.step, self.operator = made, JoinOperator(made, statements)
        self._statements, self._folder, self._kind = statements, folder, kind
        self.state = QueryState.open(folder, made.state_tables, kind=kind)

    def __call__(
        self, left: list[Row], right: list[Row], late: int = -100, eviction: int = -100
    ) -> tuple[list[tuple[Any, ...]], StateCounts]:
        """Return the names of the rows that came out, sorted, and the counts."""
        batch = self.state.begin(self.state.version + 1)
        at = Thresholds(EventTime(late), EventTime(eviction))
        rows, counts = self.operator.run(arrived(LEFT, left), arrived(RIGHT, right), at, batch)
        self.state.apply(self.state.seal(batch))
        names = [name for name in ("c3", "c6") if name in rows.column_names]
        shown = [tuple("" if name is None else name for name in row.values()) for row in rows.select(names).to_pylist()]
        return sorted(shown), counts

    def restart(self) -> None:
        """Close the state and open it again, with an operator that never saw a batch."""
        self.state.close()
        self.state = QueryState.open(self._folder, self.step.state_tables, kind=self._kind)
        self.operator = JoinOperator(self.step, self._statements)

    @property
    def sizes(self) -> list[int]:
        """Rows of the tables: entries (the count of rows among them), chunks, times of the left and of the right."""
        return [self.state.rows(table) for table in self.step.state_tables]


@pytest.fixture
def stage(statements: Statements, tmp_path: Path) -> Iterator[Callable[..., JoinStage]]:
    """Makes joins over empty states, closed at the end."""
    made: list[JoinStage] = []

    def make(how: JoinType, *, kind: str = "memory", evicts: tuple[bool, bool] = (True, True)) -> JoinStage:
        made.append(JoinStage(step(how, evicts=evicts), statements, tmp_path / str(len(made)), kind))
        return made[-1]

    yield make
    for one in made:
        one.state.close()


@dataclass
class Kept:
    """A row that the loop remembers."""

    row: Row
    matched: bool = False


@dataclass
class Loop:
    """The join as a loop over all pairs."""

    how: JoinType
    left: list[Kept] = field(default_factory=list)
    right: list[Kept] = field(default_factory=list)

    def __call__(
        self, left: list[Row], right: list[Row], late: int, eviction: int
    ) -> tuple[list[tuple[Any, ...]], tuple[int, int, int, int]]:
        """Return the rows of a batch, sorted, and (total, updated, removed, late)."""
        outers = (self.how in (JoinType.LEFT, JoinType.FULL), self.how in (JoinType.RIGHT, JoinType.FULL))
        out: list[tuple[Any, ...]] = []
        new, dropped = [], 0
        for place, rows in enumerate((left, right)):
            on_time = [row for row in rows if row[1] is None or row[1] > late]
            dropped += len(rows) - len(on_time)
            new.append([Kept(row) for row in on_time if not row[2].startswith("-")])
            out += [_alone(place, row) for row in on_time if row[2].startswith("-") and outers[place]]
        out += self._pairs(new[0], new[1])
        if not outers[1]:
            new[1] = [one for one in new[1] if one.row[1] is None or one.row[1] > eviction]
        updated, removed = len(new[0]) + len(new[1]), 0
        self.left, self.right = self.left + new[0], self.right + new[1]
        if self.how is JoinType.SEMI:
            gone = [one for one in self.left if one.matched]
            updated -= sum(one in new[0] for one in gone)
            removed += sum(one not in new[0] for one in gone)
            self.left = [one for one in self.left if not one.matched]
        for place, (name, until) in enumerate((("left", eviction - WITHIN), ("right", eviction))):
            rows_kept: list[Kept] = getattr(self, name)
            past = [one for one in rows_kept if one.row[1] is not None and one.row[1] <= until]
            out += [_alone(place, one.row) for one in past if outers[place] and not one.matched]
            setattr(self, name, [one for one in rows_kept if one not in past])
            removed += len(past)
        return sorted(out), (len(self.left) + len(self.right), updated, removed, dropped)

    def _pairs(self, left: list[Kept], right: list[Kept]) -> list[tuple[Any, ...]]:
        found = []
        pairs = [(one, other) for one in left for other in self.right + right]
        pairs += [(one, other) for one in self.left for other in right]
        for one, other in pairs:
            (key, at, name), (other_key, other_at, other_name) = one.row, other.row
            if key == other_key and at is not None and other_at is not None and at <= other_at <= at + WITHIN:
                found.append((name,) if self.how is JoinType.SEMI else (name, other_name))
                one.matched = other.matched = True
        return sorted(set(found)) if self.how is JoinType.SEMI else found


def _alone(place: int, row: Row) -> tuple[str, str]:
    return (row[2], "") if place == 0 else ("", row[2])


def named(rows: list[Any], prefix: str) -> list[Row]:
    """Give each row a name of its own."""
    return [(key, at, f"{sign}{prefix}.{place}") for place, (key, at, sign) in enumerate(rows)]


SIDE = st.lists(
    st.tuples(
        st.sampled_from([None, 1, 1, 1, 2, 3]), st.one_of(st.none(), st.integers(0, 40)), st.sampled_from(["", "", "-"])
    ),
    max_size=40,
)
BATCHES = st.lists(st.tuples(SIDE, SIDE, st.integers(0, 12)), min_size=1, max_size=6)
HOWS = (JoinType.INNER, JoinType.LEFT, JoinType.RIGHT, JoinType.FULL, JoinType.SEMI)


@pytest.mark.parametrize("how", HOWS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=BATCHES)
def test_a_join_gives_what_a_loop_over_all_pairs_gives(
    how: JoinType, batches: list[tuple[list[Any], list[Any], int]], stage: Callable[..., JoinStage]
) -> None:
    """Rows and counts of every batch, for null keys, duplicates, late rows, own conditions and a moving watermark."""
    run, loop = stage(how), Loop(how)
    late = eviction = -1
    for number, (left, right, moves) in enumerate(batches):
        lefts, rights = named(left, f"l{number}"), named(right, f"r{number}")
        late, eviction = eviction, eviction + moves
        rows, counts = run(lefts, rights, late, eviction)
        expected, (total, updated, removed, dropped) = loop(lefts, rights, late, eviction)
        assert rows == expected
        assert (counts.total, counts.updated, counts.removed, counts.dropped_late) == (total, updated, removed, dropped)
    run([], [], 1000, 1000)
    remembered_for_ever = sum(one.row[1] is None for one in loop.left + loop.right)
    assert run([], [], 1000, 1000)[1].total == remembered_for_ever
    assert run.sizes[2:] == [0, 0]
    if remembered_for_ever == 0:
        assert run.sizes[1] == 0


def test_a_row_goes_when_the_watermark_reaches_it_and_not_before(stage: Callable[..., JoinStage]) -> None:
    """Left rows go when the watermark is 5 past them; the last moment still matches."""
    run = stage(JoinType.FULL)
    assert run([(1, 10, "a"), (2, 10, "b")], [(3, 14, "x")])[0] == []
    rows, counts = run([], [(1, 15, "y")], late=14, eviction=14)
    assert (rows, counts.removed, counts.total) == ([("", "x"), ("a", "y")], 1, 3)
    rows, counts = run([], [], late=14, eviction=15)
    assert (rows, counts.removed, counts.total) == ([("b", "")], 3, 0)
    assert run.sizes == [1, 0, 0, 0]


def test_a_match_is_remembered_for_both_rows_in_later_batches(stage: Callable[..., JoinStage]) -> None:
    """Neither comes out alone, though they matched in a batch long gone, one of them twice."""
    run = stage(JoinType.FULL)
    assert run([(1, 10, "a")], [])[0] == []
    assert run([], [(1, 11, "x")])[0] == [("a", "x")]
    assert run([], [(1, 12, "y"), (1, 30, "z")])[0] == [("a", "y")]
    assert run([], [], late=20, eviction=20)[0] == []
    assert run([], [], late=20, eviction=90)[0] == [("", "z")]


def test_a_right_row_that_is_past_matches_and_is_not_kept(stage: Callable[..., JoinStage]) -> None:
    """Unless it may come out alone; it is not late, which the watermark before decides. Source: SPARK-49829."""
    left: list[Row] = [(1, 10, "a")]
    right: list[Row] = [(1, 11, "x"), (2, 12, "y")]
    rows, counts = stage(JoinType.LEFT)(left, right, late=5, eviction=30)
    assert (rows, counts.updated, counts.removed, counts.total) == ([("a", "x")], 1, 1, 0)
    rows, counts = stage(JoinType.FULL)(left, right, late=5, eviction=30)
    assert (rows, counts.updated, counts.removed, counts.total) == ([("", "y"), ("a", "x")], 3, 3, 0)


def test_equal_rows_are_so_many_rows(stage: Callable[..., JoinStage]) -> None:
    """2 times 3 of the same."""
    run = stage(JoinType.INNER)
    run([(1, 10, "a")] * 2, [])
    assert run([], [(1, 10, "x")] * 3)[0] == [("a", "x")] * 6
    assert run([(1, 10, "b")], [])[0] == [("b", "x")] * 3


def test_null_keys_match_each_other(stage: Callable[..., JoinStage]) -> None:
    """The plan lets them in only for <=>."""
    run = stage(JoinType.INNER)
    run([(None, 10, "a"), (0, 10, "b")], [])
    assert run([], [(None, 10, "x")])[0] == [("a", "x")]


def test_a_left_row_of_a_semi_join_comes_once_and_leaves_the_state(stage: Callable[..., JoinStage]) -> None:
    """At its first match; a row that matches at once is never stored."""
    run = stage(JoinType.SEMI)
    run([(1, 10, "a"), (1, 90, "b")], [])
    rows, counts = run([(1, 11, "c")], [(1, 11, "x"), (1, 12, "y")])
    assert (rows, counts.updated, counts.removed, counts.total) == ([("a",), ("c",)], 2, 1, 3)
    assert run([], [(1, 13, "z")])[0] == []


@pytest.mark.parametrize("kind", ["memory", "rocksdb"])
def test_many_rows_of_one_key_are_kept_in_chunks_and_forgotten_in_part(
    kind: str, stage: Callable[..., JoinStage]
) -> None:
    """1,000 rows in 100 batches, restarted between; then the older half goes, row by row exact, and later the rest."""
    run = stage(JoinType.LEFT, kind=kind)
    if kind == "memory":
        run.restart = lambda: None  # type: ignore[method-assign]  # what is in memory ends with it
    for batch in range(100):
        run([(7, batch * 10 + place, f"{batch * 10 + place:03}") for place in range(10)], [])
        if batch % 25 == 0:
            run.restart()
    assert run.sizes[0] == 2
    assert 10 < run.sizes[1] < 64
    run.restart()
    rows, counts = run([], [(7, 505, "x")], late=490, eviction=505)
    assert rows == [*((f"{at:03}", "") for at in range(500)), *((f"{at:03}", "x") for at in range(500, 506))]
    assert (counts.removed, counts.total) == (501, 499)
    run.restart()
    rows, counts = run([], [], late=505, eviction=2000)
    assert rows == [(f"{at:03}", "") for at in range(506, 1000)]
    assert run.sizes == [1, 0, 0, 0]


def test_a_side_without_a_bound_is_kept_for_ever(stage: Callable[..., JoinStage]) -> None:
    """And has no index by time."""
    run = stage(JoinType.INNER, evicts=(False, True))
    run([(1, 10, "a")], [(1, 11, "x")])
    rows, counts = run([(1, 2000, "b")], [(1, 2001, "y")], late=100, eviction=1000)
    assert (rows, counts.total, counts.removed) == ([("b", "y")], 3, 1)
    assert run.sizes == [2, 0, 0, 1]
    assert run.operator.wants_batch(EventTime(6), EventTime(5))
    assert not stage(JoinType.INNER, evicts=(False, False)).operator.wants_batch(EventTime(6), EventTime(5))


def test_values_of_any_type_come_out_as_they_went_in(statements: Statements, tmp_path: Path) -> None:
    """From the open list, from a chunk (the 17th row closes it), and as null on a side alone."""
    kinds = (
        ArrayType(struct(a=INT, b=STRING)),
        MapType(STRING, DOUBLE),
        DecimalType(38, 6),
        BINARY,
        DAY_TIME_INTERVAL,
        CALENDAR_INTERVAL,
        TIMESTAMP,
    )
    more = tuple(Column(kind, 10 + place, "") for place, kind in enumerate(kinds))
    left = JoinSide("stretch-0", (*LEFT, *more), (BIGINT,), 0)
    made = JoinStreams("join-0", (*LEFT, *more, *RIGHT), left, step(JoinType.LEFT).right, JoinType.LEFT, "c5 = c2")
    run = JoinStage(made, statements, tmp_path)
    values: list[list[Any]] = [
        [[{"a": 1, "b": None}, {"a": None, "b": "x"}], None],
        [[("k", 1.5), ("l", None)], []],
        [Decimal("12345678901234567890123456789012.123456"), None],
        [b"", b"\xff"],
        [timedelta(microseconds=-1), None],
        [pa.MonthDayNano([1, -2, 3000]), None],
        [datetime(2024, 2, 29, tzinfo=UTC), None],
    ]
    rows: list[Row] = [(1, at, f"{at}") for at in range(18)]
    wide = arrived(LEFT, rows)
    for column, pair in zip(more, values, strict=True):
        array = pa.array([pair[at % 2] for at in range(18)], column.type.arrow())
        wide = wide.add_column(wide.num_columns - 4, f"c{column.id}", array)
    batch = run.state.begin(0)
    nothing = arrived(RIGHT, [])
    run.operator.run(wide, nothing, Thresholds(EventTime(-1), EventTime(-1)), batch)
    run.state.apply(run.state.seal(batch))
    batch = run.state.begin(1)
    found, _ = run.operator.run(wide.slice(0, 0), nothing, Thresholds(EventTime(-1), EventTime(99)), batch)
    given = wide.select([f"c{column.id}" for column in (*LEFT, *more)])
    assert found.select(given.column_names).sort_by("c2").to_pylist() == given.to_pylist()
    assert found.column("c6").null_count == 18
    run.state.close()


def test_the_signature_says_how_rows_are_laid_out(stage: Callable[..., JoinStage]) -> None:
    """So that a checkpoint of another layout is refused."""
    rows = "row1(list<struct<v0: bool, v1: int64, v2: int64, v3: int64, v4: string>>)"
    assert stage(JoinType.LEFT, evicts=(True, False)).operator.signature == {
        "operator": "join",
        "type": "LeftOuter",
        "layout": "rows packed by key",
        "left": {"keys": "key1(int64)", "rows": rows, "evicts": True},
        "right": {"keys": "key1(int64)", "rows": rows, "evicts": False},
    }
