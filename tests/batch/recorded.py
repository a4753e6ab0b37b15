"""The tables that statements were recorded over, and what Spark calls what is wrong with one."""

from __future__ import annotations

import pytest

from headrace.batch.session import BatchSession
from headrace.errors import StreamError, StreamErrors

VIEWS = {
    "c": "SELECT * FROM VALUES ('a', 1, array(1, 2)), ('b', 2, array(1)), (NULL, 3, array(3)), "
    "('z', CAST(NULL AS INT), array()), ('a', 5, NULL), ('c', 3, array(7)) AS v(k, i, a)",
    "t": "SELECT * FROM VALUES ('a', 1), ('a', 2), ('c', 3), ('b', NULL) AS v(k, g)",
    "u": "SELECT * FROM VALUES ('a', 1), ('c', 3), ('b', 2) AS v(k, g)",
    "n": "SELECT * FROM VALUES ('a', 1), (NULL, 3) AS v(k, g)",
    "e": "SELECT * FROM VALUES ('a', 1) AS v(k, g) WHERE g > 5",
    "s": "SELECT * FROM VALUES (2020, 1, 'x', 10), (2020, 2, 'y', 20), (2020, 1, 'y', 5), (2021, 1, 'x', 7), "
    "(2021, 3, NULL, 9), (NULL, 2, 'x', 1) AS v(y, q, p, n)",
    "w": "SELECT * FROM VALUES (1, 10, 20L, 'a', 'b'), (2, NULL, 40L, NULL, 'd'), (3, NULL, NULL, NULL, NULL) "
    "AS v(id, q1, q2, s1, s2)",
    "m": "SELECT * FROM VALUES (1, map('x', 1, 'y', 2), named_struct('f', 1, 'g', 'q'), "
    "array(named_struct('e', 1, 'h', 'r'))) AS v(id, mp, st, ar)",
    "ev": "SELECT * FROM VALUES (TIMESTAMP'2024-01-01 00:00:01', 'a', 1), (TIMESTAMP'2024-01-01 00:00:04', 'b', 2), "
    "(TIMESTAMP'2024-01-01 00:00:12', 'a', 3) AS v(ts, k, i)",
}


def condition_of(session: BatchSession, sql: str) -> str | None:
    """Return Spark's name of what is wrong with the statement."""
    with pytest.raises((StreamError, StreamErrors)) as caught:
        session.run(sql)
    raised = caught.value
    found = raised.errors[0] if isinstance(raised, StreamErrors) else raised
    assert isinstance(found, StreamError)
    return found.condition
