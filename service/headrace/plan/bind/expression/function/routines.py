"""Room 3: which functions there are, which Spark looks up before anything else of a query.

Takes the tree of a query in which something is wrong; gives the function that is not there, or has not such arguments.
Source: Spark LookupFunctions, FunctionRegistry.
"""

from __future__ import annotations

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.call import RANKING, check_arity, is_aggregate, is_function, unresolved_routine
from headrace.plan.bind.expression import leaves, operators
from headrace.plan.bind.time_window import NAMES
from headrace.plan.catalog import Catalog
from headrace.sql.aggregates import AGGREGATES
from headrace.sql.functions import FUNCTIONS
from headrace.sql.parse import position_of

_BOUND_APART = frozenset({"grouping", "grouping_id", "identifier", "cast"})
_LATER = ("UNRESOLVED_COLUMN", "TABLE_OR_VIEW_NOT_FOUND", "DATATYPE_MISMATCH", "AMBIGUOUS_REFERENCE")
"""What Spark finds once all functions are there."""
_WITH_UNIT = frozenset({"dateadd", "date_add", "datediff", "date_diff", "timediff", "timestampadd", "timestampdiff"})
_APART = (exp.Star, exp.Distinct, exp.Lambda, exp.Kwarg, exp.PropertyEQ)


def is_known(name: str) -> bool:
    """Return True for the lower-case name of a function of SQL."""
    known = is_function(name) or is_aggregate(name) or name in NAMES or name in _BOUND_APART or name in RANKING
    return known or name in leaves.CAST_FUNCTIONS or name in operators.SYNONYMS


def missing_routine(tree: exp.Expr, catalog: Catalog, error: StreamError) -> StreamError | None:
    """Return what Spark says of a function instead of the error, None when it says nothing of any."""
    if not (error.condition or "").startswith(_LATER):
        return None
    for call in tree.find_all(exp.Anonymous, bfs=False):
        if isinstance(call.this, str) and not isinstance(call.parent, exp.Dot | exp.Table | exp.Lateral):
            found = _missing(call, call.this.lower(), catalog)
            if found is not None:
                found.at = position_of(call)
                return found
    return None


def _missing(call: exp.Anonymous, name: str, catalog: Catalog) -> StreamError | None:
    if catalog.function(name) is not None:
        return None
    if not is_known(name):
        return unresolved_routine(call.name)
    function = FUNCTIONS.get(name) or AGGREGATES.get(name)
    apart = isinstance(call.parent, exp.WithinGroup) or any(_is_apart(arg) for arg in call.expressions)
    if function is None or apart or name in _WITH_UNIT:
        return None
    try:
        check_arity(name, function.arity, len(call.expressions))
    except StreamError as wrong:
        return wrong
    return None


def _is_apart(arg: exp.Expr) -> bool:
    return isinstance(arg, _APART) or isinstance(arg.this, exp.Star)
