"""Room 3: the analyzer: a sqlglot tree and a catalog give a typed plan, or every error in it.

`query` is the way in. What all parts share stands beside it: `session` (one binding), `scope` (what names mean),
`bound` (an expression and Spark's text of it), `binding` (one clause), `call` (calls by the tables of the SQL room) and
`time_window`. Then, each after those it needs: `refused` (by Spark's names), `nested` (queries inside expressions),
`expression`, `source` (FROM and what it joins) and `select` (one SELECT, clause by clause).
"""

from headrace.plan.bind.query import bind

__all__ = ["bind"]
