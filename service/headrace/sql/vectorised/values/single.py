"""Room 2: the table of Arrow functions made of functions of single values.

Takes nothing; gives for each its name, the DuckDB types of parameters and result, and the function over Arrow arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa

from headrace.sql.vectorised import java_regex
from headrace.sql.vectorised.by_value import by_value
from headrace.sql.vectorised.values import aes, decimal_format, documents, geometry, texts, variants, vectors, xpaths
from headrace.sql.vectorised.values.first_json import first_json
from headrace.sql.vectorised.values.number_patterns import read_number, write_number
from headrace.sql.vectorised.xml.rows import xml_row

Single = tuple[str, tuple[str, ...], str, Callable[..., pa.Array]]

_T, _I, _B, _F = "VARCHAR", "INTEGER", "BLOB", "BOOLEAN"
_ROWS = "STRUCT(pos INTEGER, key VARCHAR, value VARCHAR)[]"
_ARROW: dict[str, Any] = {
    "VARCHAR": pa.string(),
    "INTEGER": pa.int32(),
    "BLOB": pa.binary(),
    "BOOLEAN": pa.bool_(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "FLOAT[]": pa.list_(pa.float32()),
    _ROWS: pa.list_(pa.struct([("pos", pa.int32()), ("key", pa.string()), ("value", pa.string())])),
    "VARCHAR[]": pa.list_(pa.string()),
    "VARCHAR[][]": pa.list_(pa.list_(pa.string())),
}


def _read_number(text: str, pattern: str, ansi: bool) -> str | None:
    value = read_number(text, pattern, ansi)
    return None if value is None else f"{value:f}"


def _write_number(text: str, pattern: str) -> str | None:
    return write_number(Decimal(text), pattern)


def _single(name: str, parameters: str, result: str, run: Callable[..., Any], *, nulls: bool = False) -> Single:
    kinds = {"t": _T, "i": _I, "b": _B, "f": _F, "v": "FLOAT[]", "l": "VARCHAR[]", "d": "FLOAT"}
    function = by_value(run, _ARROW[result], nulls=nulls)
    return f"headrace_{name}", tuple(kinds[letter] for letter in parameters), result, function


SINGLE: tuple[Single, ...] = (
    _single("mask", "ttttt", _T, texts.mask, nulls=True),
    _single("soundex", "t", _T, texts.soundex),
    _single("luhn_check", "t", _F, texts.luhn_check),
    _single("find_in_set", "tt", _I, texts.find_in_set),
    _single("conv", "tiif", _T, texts.conv),
    _single("parse_url", "ttf", _T, lambda url, part, ansi: texts.parse_url(url, part, None, ansi)),
    _single("parse_url_key", "tttf", _T, texts.parse_url),
    _single("valid_utf8", "b", _F, texts.valid_utf8),
    _single("sentences", "t", "VARCHAR[][]", texts.sentences),
    _single("reverse_bytes", "b", _B, texts.reversed_bytes),
    _single("pad_bytes", "bibf", _B, texts.padded_bytes),
    _single("vector_inner_product", "vv", "FLOAT", vectors.inner_product),
    _single("vector_cosine_similarity", "vv", "FLOAT", vectors.cosine_similarity),
    _single("vector_l2_distance", "vv", "FLOAT", vectors.l2_distance),
    _single("vector_norm", "vd", "FLOAT", vectors.norm),
    _single("vector_normalize", "vd", "FLOAT[]", vectors.normalized),
    _single("first_json", "t", _T, first_json),
    _single("json_path", "tt", _T, documents.json_path),
    _single("json_fields", "tl", "VARCHAR[]", documents.json_fields, nulls=True),
    _single("csv_fields", "tt", "VARCHAR[]", documents.csv_fields),
    _single("csv_line", "lt", _T, documents.csv_line),
    _single("format_number", "tt", _T, decimal_format.format_number),
    _single("format_double", "tt", _T, decimal_format.format_double),
    _single("parse_json", "tf", _T, variants.parse_json),
    _single("variant_get", "tt", _T, variants.variant_get),
    _single("variant_text", "tt", _T, variants.variant_text),
    _single("schema_of_variant", "t", _T, variants.schema_of_variant),
    _single("aes_encrypt", "bbttbb", _B, aes.encrypted),
    _single("aes_decrypt", "bbttbf", _B, aes.decrypted),
    _single("variant_schema", "ll", _T, variants.joined_schema),
    _single("variant_schema_name", "t", _T, variants.named_schema),
    _single("variant_rows", "t", _ROWS, variants.variant_rows),
    _single("xpath", "tt", "VARCHAR[]", xpaths.xpath),
    _single("xpath_string", "tt", _T, xpaths.xpath_string),
    _single("xpath_boolean", "tt", _F, xpaths.xpath_boolean),
    _single("xpath_number", "tt", "DOUBLE", xpaths.xpath_number),
    _single("xml_row", "ttt", _T, xml_row),
    _single("wkb", "btf", _B, geometry.normalized),
    _single("read_number", "ttf", _T, _read_number),
    _single("write_number", "tt", _T, _write_number),
    _single("regexp_rlike", "tt", _F, java_regex.rlike),
    _single("regexp_extract", "ttit", _T, java_regex.extract),
    _single("regexp_extract_all", "ttit", "VARCHAR[]", java_regex.extract_all),
    _single("regexp_count", "tt", _I, java_regex.count),
    _single("regexp_substr", "tt", _T, java_regex.substring),
    _single("regexp_instr", "tt", _I, java_regex.place),
    _single("regexp_replace", "ttt", _T, java_regex.replace),
    _single("regexp_split", "tti", "VARCHAR[]", java_regex.split),
    _single("json_place", "t", _T, documents.json_place),
    _single("format_string", "tlt", _T, decimal_format.format_string, nulls=True),
)
"""Registered with every session."""
