"""Room 3: the nodes of the logical plan, one streaming or relational concept each.

Frozen; `columns` is what a node gives, in order. Every relational meaning is Spark's; how a node runs is not known
here.
"""

from headrace.plan.nodes.plan import Plan, walk
from headrace.plan.nodes.relational import (
    Aggregate,
    Expand,
    Filter,
    Generate,
    Join,
    JoinType,
    Limit,
    Offset,
    Project,
    Recursion,
    RecursionScan,
    SetOperation,
    Sort,
    SortKey,
    Union,
    WindowFunctions,
)
from headrace.plan.nodes.sources import StreamScan, TableScan, Values
from headrace.plan.nodes.timed import (
    NO_GUARD,
    Deduplicate,
    GroupsWithState,
    SessionAssign,
    TimeGuard,
    Watermark,
    WindowAssign,
)

__all__ = [
    "NO_GUARD",
    "Aggregate",
    "Deduplicate",
    "Expand",
    "Filter",
    "Generate",
    "GroupsWithState",
    "Join",
    "JoinType",
    "Limit",
    "Offset",
    "Plan",
    "Project",
    "Recursion",
    "RecursionScan",
    "SessionAssign",
    "SetOperation",
    "Sort",
    "SortKey",
    "StreamScan",
    "TableScan",
    "TimeGuard",
    "Union",
    "Values",
    "Watermark",
    "WindowAssign",
    "WindowFunctions",
    "walk",
]
