"""Fitting shop: a compiled query as stable text, for `headrace explain`.

Takes a pipeline and a query's name; gives the text of one stage, and of what delivery the query reaches.
"""

from __future__ import annotations

from headrace.assembly.build import check_parts
from headrace.assembly.compile import CompiledQuery, compile_query
from headrace.assembly.delivery import delivery_text
from headrace.config.pipeline import Pipeline
from headrace.errors import StreamError, did_you_mean
from headrace.incremental.text import format_steps
from headrace.plan.text import format_plan

STAGES = ("parse", "plan", "steps")


def explain(pipeline: Pipeline, query: str, stage: str) -> str:
    """Return a stage's text; the same query gives the same text, byte for byte.

    Raises:
        StreamErrors: the query does not compile.
        StreamError: there is no such query or stage.
    """
    if query not in pipeline.queries:
        hint = did_you_mean(query, pipeline.queries)
        raise StreamError("CONFIG_INVALID_VALUE", f'there is no query "{query}".', hint=hint)
    if stage not in STAGES:
        raise StreamError("CONFIG_INVALID_VALUE", f'there is no stage "{stage}".', hint=did_you_mean(stage, STAGES))
    compiled = compile_query(pipeline, query)
    check_parts(compiled)
    return f"{_stage(compiled, stage)}\n\n{delivery_text(compiled)}\n"


def _stage(compiled: CompiledQuery, stage: str) -> str:
    if stage == "parse":
        return repr(compiled.tree)
    if stage == "plan":
        return f"analyzed\n{format_plan(compiled.analyzed)}\noptimized\n{format_plan(compiled.plan)}"
    return format_steps(compiled.steps)
