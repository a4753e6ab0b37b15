"""Room 2: the part of the function table for texts that carry data: JSON, CSV, XML and geometries."""

from __future__ import annotations

from headrace.sql.functions.exchange import (
    geometry,
    json_paths,
    json_values,
    lines,
    variants,
    xml,
    xml_reading,
    xml_writing,
)

FUNCTIONS = {
    **json_paths.FUNCTIONS,
    **json_values.FUNCTIONS,
    **lines.FUNCTIONS,
    **variants.FUNCTIONS,
    **xml.FUNCTIONS,
    **xml_reading.FUNCTIONS,
    **xml_writing.FUNCTIONS,
    **geometry.FUNCTIONS,
}
"""JSON, CSV, XML and geometries, by name."""
