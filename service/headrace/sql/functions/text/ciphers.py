"""Room 2: aes_encrypt, aes_decrypt and try_aes_decrypt, by way of `vectorised.values.aes`.

Takes rendered bytes; gives DuckDB text. Where no initialization vector is given Spark draws one, which is refused here:
a batch that runs again must give the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.sql.function import Argument, Function, How, Rendered, Resolved
from headrace.sql.functions.signature import table, takes, unsupported
from headrace.sql.settings import SqlSettings
from headrace.sql.vectorised.values import aes
from headrace.types import BINARY, STRING, DataType

_DEFAULTS = ("'GCM'", "'DEFAULT'", "''::BLOB", "''::BLOB")
_SEAL = takes(BINARY, BINARY, STRING, STRING, BINARY, BINARY, gives=BINARY)
_OPEN = takes(BINARY, BINARY, STRING, STRING, BINARY, gives=BINARY)


def _need(name: str) -> None:
    if not aes.is_installed():
        message = f"{name} needs the package {aes.PACKAGE}, which is not installed."
        raise unsupported(message, "pip install 'headrace[crypto]'")


def _seal_types(arguments: Sequence[Argument]) -> Resolved:
    _need("aes_encrypt")
    found = _SEAL(arguments)
    mode = arguments[2] if len(arguments) > 2 else Argument(STRING, constant=True, value="GCM")
    if any(argument.constant and argument.value is None for argument in (*arguments[:2], mode)):
        return found
    if len(arguments) < 5 and not (mode.constant and str(mode.value).upper() not in ("GCM", "CBC")):
        message = "aes_encrypt without an initialization vector draws one: a batch that runs again gives other rows."
        raise unsupported(message, "Give one behind mode and padding, and never the same one twice.")
    return found


def _seal(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
    texts = [a.sql for a in arguments]
    return f"headrace_aes_encrypt({', '.join([*texts, *_DEFAULTS[len(texts) - 2 :]])})"


def _opener(name: str, *, quiet: bool) -> Function:
    def resolve(arguments: Sequence[Argument]) -> Resolved:
        _need(name)
        return _OPEN(arguments)

    def render(arguments: Sequence[Rendered], _kind: DataType, _settings: SqlSettings) -> str:
        texts = [a.sql for a in arguments]
        return f"headrace_aes_decrypt({', '.join([*texts, *_DEFAULTS[len(texts) - 2 : 3]])}, {str(quiet).lower()})"

    return Function(name, (2, 5), resolve, render, How.ARROW)


FUNCTIONS = table(
    Function("aes_encrypt", (2, 6), _seal_types, _seal, How.ARROW),
    _opener("aes_decrypt", quiet=False),
    _opener("try_aes_decrypt", quiet=True),
)
