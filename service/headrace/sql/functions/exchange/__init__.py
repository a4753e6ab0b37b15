"""Room 2: the part of the function table for texts that carry data: CSV, and JSON beyond reading and writing it."""

from __future__ import annotations

from headrace.sql.functions.exchange import geometry, json_options, json_paths, lines, variants, xml, xml_writing

FUNCTIONS = {
    **json_paths.FUNCTIONS,
    **json_options.FUNCTIONS,
    **lines.FUNCTIONS,
    **variants.FUNCTIONS,
    **xml.FUNCTIONS,
    **xml_writing.FUNCTIONS,
    **geometry.FUNCTIONS,
}
"""CSV and JSON, by name."""
