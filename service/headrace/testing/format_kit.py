"""Room testing: a battery of checks that any format plugin must pass, ours or yours.

Takes a codec and rows it can carry; gives nothing when every law of `contract.Decoder` and `contract.Encoder` holds, an
AssertionError that names the broken law otherwise. Knows no format by name.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from headrace.contract import Codec, Decoded, Decoder, Encoder

GARBAGE: tuple[bytes, ...] = (
    b"",
    b" ",
    b"\x00",
    b"\xff\xfe",
    b"\xc3(",
    b"{",
    b'{"a":',
    b"[1,2",
    b"]",
    b'"',
    b"null",
    b"'; DROP TABLE x; --",
    b"\xed\xa0\x80",
    b"{" * 2000,
)
"""Bytes that no format should choke on: each gives a row, malformed or not."""


def check_format(codec: Codec, rows: pa.Table, garbage: Sequence[bytes] = GARBAGE) -> None:
    """Assert every law of the format contract.

    Args:
        codec: What the plugin built; a direction it lacks is not checked.
        rows: Rows, at least two, that must come back equal after encoding and decoding.
        garbage: Values that must neither raise nor disturb their neighbours.

    Raises:
        AssertionError: a law does not hold; the message says which.
    """
    if codec.encoder is not None:
        _check_encoder(codec.encoder, rows)
    if codec.decoder is not None:
        _check_empty(codec.decoder, rows)
        _check_garbage(codec.decoder, rows.column_names, garbage)
    if codec.encoder is not None and codec.decoder is not None:
        values = _binary(codec.encoder.encode(rows))
        _check_round_trip(codec.decoder, values, rows)
        _check_columns(codec.decoder, values, rows)
        _check_neighbours(codec.decoder, values, rows, garbage)


def _binary(values: pa.Array) -> pa.ChunkedArray:
    return pa.chunked_array([values.cast(pa.binary())])


def _check_encoder(encoder: Encoder, rows: pa.Table) -> None:
    for part in (rows, rows.slice(0, 0)):
        values = encoder.encode(part)
        assert len(values) == part.num_rows, f"encode() gave {len(values)} values for {part.num_rows} rows"
        assert values.null_count == 0, "encode() must never give null"
    pieces = [encoder.encode(rows.slice(n, 1)).to_pylist()[0] for n in range(rows.num_rows)]
    assert pieces == encoder.encode(rows).to_pylist(), "a row's value must not depend on its neighbours"


def _check_empty(decoder: Decoder, rows: pa.Table) -> None:
    nothing = decoder.decode(pa.chunked_array([], pa.binary()), rows.column_names)
    assert nothing.rows.schema.equals(rows.schema), f"no values gave the columns {nothing.rows.schema}"
    assert nothing.rows.num_rows == 0, f"no values gave {nothing.rows.num_rows} rows"
    null = decoder.decode(pa.chunked_array([[None]], pa.binary()), rows.column_names)
    assert null.malformed == {}, f"a null value is not malformed: {null.malformed}"
    _check_all_null(null.rows, 0)


def _check_all_null(rows: pa.Table, number: int) -> None:
    row = rows.slice(number, 1).to_pylist()[0]
    assert all(value is None for value in row.values()), f"row {number} must be all null, it is {row}"


def _check_garbage(decoder: Decoder, columns: Sequence[str], garbage: Sequence[bytes]) -> None:
    decoded = decoder.decode(pa.chunked_array([garbage], pa.binary()), columns)
    assert decoded.rows.num_rows == len(garbage), f"{len(garbage)} values gave {decoded.rows.num_rows} rows"
    for number, reason in decoded.malformed.items():
        assert reason, f"value {number} is malformed without a reason"
        _check_all_null(decoded.rows, number)


def _check_round_trip(decoder: Decoder, values: pa.ChunkedArray, rows: pa.Table) -> None:
    whole = decoder.decode(values, rows.column_names)
    _expect(whole, rows, "decode(encode(rows)) must give the rows")
    chunks = pa.chunked_array([chunk for n in range(len(values)) for chunk in values.slice(n, 1).chunks], pa.binary())
    _expect(decoder.decode(chunks, rows.column_names), rows, "how values are chunked must not matter")


def _check_columns(decoder: Decoder, values: pa.ChunkedArray, rows: pa.Table) -> None:
    turned = list(reversed(rows.column_names))
    for names in (turned, turned[:1], []):
        decoded = decoder.decode(values, names)
        assert decoded.rows.column_names == names, f"asked for {names}, got {decoded.rows.column_names}"
        assert decoded.malformed == {}, f"well-formed values became malformed: {decoded.malformed}"
        assert decoded.rows.to_pylist() == rows.select(names).to_pylist(), f"the columns {names} differ from the rows"


def _check_neighbours(decoder: Decoder, values: pa.ChunkedArray, rows: pa.Table, garbage: Sequence[bytes]) -> None:
    for bad in garbage:
        mixed = [values[0].as_py(), bad, None, *(value.as_py() for value in values.slice(1))]
        decoded = decoder.decode(pa.chunked_array([mixed], pa.binary()), rows.column_names)
        assert set(decoded.malformed) <= {1}, f"{bad!r} made other rows malformed: {decoded.malformed}"
        good = pa.concat_tables([decoded.rows.slice(0, 1), decoded.rows.slice(3)])
        assert good.to_pylist() == rows.to_pylist(), f"{bad!r} changed the rows beside it"


def _expect(decoded: Decoded, rows: pa.Table, law: str) -> None:
    assert decoded.malformed == {}, f"{law}: malformed {decoded.malformed}"
    assert decoded.rows.schema.equals(rows.schema), f"{law}: columns {decoded.rows.schema}, not {rows.schema}"
    assert decoded.rows.to_pylist() == rows.to_pylist(), f"{law}: got {decoded.rows.to_pylist()}"
