"""Room 3: arguments given by name, as in ``mask(str => s, upperChar => 'A')``.

Takes a function's name and its trees; gives the arguments in the order of the function's parameters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sqlglot import exp

from headrace.errors import StreamError
from headrace.plan.bind.call import is_aggregate, is_function, unresolved_routine
from headrace.plan.bind.time_window import NAMES
from headrace.sql.parse import position_of

_COLLECTION = ("collection",)
_INPUT = ("input",)

PARAMETERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(("explode", "explode_outer", "posexplode", "posexplode_outer"), _COLLECTION),
        **dict.fromkeys(("inline", "inline_outer", "variant_explode", "variant_explode_outer"), _INPUT),
        "count_min_sketch": ("column", "epsilon", "confidence", "seed"),
        "mask": ("str", "upperChar", "lowerChar", "digitChar", "otherChar"),
    }
)
"""The functions whose parameters have names in Spark (FunctionBuilder.functionSignature)."""


_DEFAULTS: Mapping[str, tuple[exp.Expr | None, ...]] = MappingProxyType(
    {"mask": (None, *(exp.Literal.string(char) for char in "Xxn"), exp.Null())}
)
"""What stands for a parameter that is left out before one that is given."""


def positional(name: str, args: Sequence[exp.Expr]) -> list[exp.Expr]:
    """Return the arguments in the order of the parameters; what stands before the first name is in order already.

    Raises:
        StreamError: the function has no names, the name is none of them or given twice, or one in between is absent.
    """
    if not any(isinstance(arg, exp.Kwarg) for arg in args):
        if not args and name in PARAMETERS:
            message = f"{name} is given no {PARAMETERS[name][0]}."
            raise StreamError("SQL_ANALYSIS", message, condition="REQUIRED_PARAMETER_NOT_FOUND")
        return list(args)
    known = _names(name, args)
    found: dict[int, exp.Expr] = {}
    for place, arg in enumerate(args):
        at = place
        if isinstance(arg, exp.Kwarg):
            lowered = [parameter.lower() for parameter in known]
            if arg.this.name.lower() not in lowered:
                raise _wrong(arg, f"{name} has no parameter {arg.this.name}; allowed: {', '.join(known)}.", _UNKNOWN)
            at = lowered.index(arg.this.name.lower())
        elif len(found) != place or any(isinstance(earlier, exp.Kwarg) for earlier in args[:place]):
            raise _wrong(
                arg, f"{name} has an argument without a name behind one with a name.", "UNEXPECTED_POSITIONAL_ARGUMENT"
            )
        if at in found:
            named = at < len(args) and isinstance(args[at], exp.Kwarg)
            how = "DOUBLE_NAMED_ARGUMENT_REFERENCE" if named else "BOTH_POSITIONAL_AND_NAMED"
            raise _wrong(arg, f"{name} is given {known[at]} twice.", f"DUPLICATE_ROUTINE_PARAMETER_ASSIGNMENT.{how}")
        found[at] = arg.expression if isinstance(arg, exp.Kwarg) else arg
    found = _with_defaults(name, found)
    missing = [known[at] for at in range(max(found)) if at not in found]
    if missing:
        raise _wrong(args[0], f"{name} is given no {missing[0]}.", "REQUIRED_PARAMETER_NOT_FOUND")
    return [found[at] for at in sorted(found)]


def _names(name: str, args: Sequence[exp.Expr]) -> tuple[str, ...]:
    if name in PARAMETERS:
        return PARAMETERS[name]
    if not (is_function(name) or is_aggregate(name) or name in NAMES):
        raise unresolved_routine(name)
    raise _wrong(args[0], f"{name} takes no arguments by name.", "NAMED_PARAMETERS_NOT_SUPPORTED")


def _with_defaults(name: str, found: dict[int, exp.Expr]) -> dict[int, exp.Expr]:
    defaults = enumerate(_DEFAULTS.get(name, ()))
    return {at: value.copy() for at, value in defaults if value is not None and at < max(found)} | found


_UNKNOWN = "UNRECOGNIZED_PARAMETER_NAME"


def _wrong(node: exp.Expr, message: str, condition: str) -> StreamError:
    return StreamError("SQL_ANALYSIS", message, condition=condition, at=position_of(node))
