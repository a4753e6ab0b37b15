"""Room 3: the analyzer: a sqlglot tree and a catalog give a typed plan, or every error in it."""

from headrace.plan.bind.query import bind

__all__ = ["bind"]
