"""Room 10: one log line a batch.

Takes a BatchProgress; gives the keys for a structured log and the same as one line of text. No payload of any record
gets into either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from headrace.progress.model import BatchProgress
from headrace.values import iso_millis

LogValue = str | int | float


def batch_fields(progress: BatchProgress) -> dict[str, LogValue]:
    """Return the keys of the line: query, batch_id, rows, rate, lag, watermark, late and state rows, duration in ms.

    A rate that is no number and a watermark that does not exist are left out.
    """
    facts = progress.facts
    fields: dict[str, LogValue] = {
        "query": facts.query,
        "batch_id": progress.batch_id,
        "rows_in": progress.num_input_rows,
        "rows_out": facts.output_rows,
        "lag_records": facts.lag_records,
        "duration_ms": progress.batch_duration_ms,
    }
    if math.isfinite(progress.processed_rows_per_second):
        fields["rows_per_s"] = round(progress.processed_rows_per_second, 1)
    if progress.event_time.watermark_us is not None:
        fields["watermark"] = iso_millis(progress.event_time.watermark_us)
    if facts.operators:
        fields["state_rows"] = facts.state_rows
        fields["late_rows"] = facts.late_rows
    if facts.late_input_rows is not None:
        fields["late_input_rows"] = facts.late_input_rows
    if facts.future_rows:
        fields["future_rows"] = sum(facts.future_rows.values())
    return fields


def line_text(fields: Mapping[str, LogValue]) -> str:
    """Return the keys as one line, ``query batch 7: rows_in=10 ...``, in the order given."""
    rest = " ".join(f"{name}={value}" for name, value in fields.items() if name not in {"query", "batch_id"})
    return f"{fields['query']} batch {fields['batch_id']}: {rest}"
