"""Fitting shop: which delivery guarantee a query reaches end to end, and what keeps it from a higher one."""

from __future__ import annotations

from headrace.assembly.build import build_sink
from headrace.assembly.compile import CompiledQuery
from headrace.clock import SystemClock
from headrace.config.plugin_options import built_options
from headrace.contract import Delivery, PluginKind

_WORDS = {Delivery.EXACTLY_ONCE: "exactly once", Delivery.AT_LEAST_ONCE: "at least once"}


def delivery_text(compiled: CompiledQuery) -> str:
    """Return ``delivery: ...`` with the reasons, as `explain` prints it."""
    sink = build_sink(compiled, "explain", SystemClock())
    try:
        promised = sink.delivery
    finally:
        sink.close()
    reasons = []
    for name in compiled.sources:
        config = compiled.pipeline.sources[name]
        plugin, _ = built_options(PluginKind.SOURCE, config.format, _schema_too(config.options, config.schema_))
        if plugin.spec.replayable is False:
            reasons.append(f'source "{name}" ({config.format}) cannot be read again after a crash')
    if promised is Delivery.AT_LEAST_ONCE:
        reasons.append(f"the sink ({compiled.config.sink.format}) keeps no record of the batches it wrote")
    reached = Delivery.AT_LEAST_ONCE if reasons else promised
    why = "".join(f"\n  not exactly once: {reason}" for reason in reasons)
    return f"delivery: {_WORDS[reached]}{why}"


def _schema_too(options: dict[str, object], schema: str | None) -> dict[str, object]:
    return options if schema is None else {**options, "schema": schema}
