"""Batch SQL: rows as a table with lines around it, for people.

Takes rows and their schema; gives lines of text, a count of rows below.
"""

from __future__ import annotations

import pyarrow as pa

from headrace.batch.result_text import texts_of
from headrace.types import StructType


def table_lines(schema: StructType, rows: pa.Table, zone: str) -> list[str]:
    """Return the table's lines; no lines for a statement without columns."""
    if not schema.fields:
        return []
    columns = []
    for i, field in enumerate(schema.fields):
        texts = texts_of(rows.column(i).combine_chunks(), field.type, zone)
        columns.append([field.name, *("NULL" if text is None else text for text in texts)])
    widths = [max(len(text) for text in column) for column in columns]
    edge = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    lines = [
        "|" + "|".join(f" {text:<{width}} " for text, width in zip(row, widths, strict=True)) + "|"
        for row in zip(*columns, strict=True)
    ]
    count = len(rows)
    return [edge, lines[0], edge, *lines[1:], edge, f"{count} {'row' if count == 1 else 'rows'}"]
