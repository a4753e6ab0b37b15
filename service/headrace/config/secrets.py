"""Room 1: secrets, which enter a pipeline by reference only and leave it masked.

Takes option texts with ``${env:NAME}`` and ``${file:PATH}``, gives `Secret` values whose text is shown to no one but
the plugin that is built with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from headrace.contract import Spec
from headrace.errors import StreamError

MASK = "***"

REFERENCE = re.compile(r"\$\{(env|file):([^}]*)\}")

_SECRET_WORDS = ("password", "secret", "token", "jaas", "key.pem", "keystore.key", "basic.auth.user.info")
_PUBLIC_ENDINGS = (".url", ".uri", ".location", ".file", ".type")


class Secret:
    """A text that prints as ``***``; equal only to a secret with the same text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text; to be called at the moment a plugin is built, and its result never kept or logged."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def is_secret_option(spec: Spec, key: str) -> bool:
    """Return True for an option whose value must not be shown.

    Options of a plugin say so themselves. A key that goes through to a client counts as secret when the plugin says
    so or when it reads like one, such as ``kafka.ssl.key.password``.
    """
    name = key.lower()
    for option in spec.options:
        if option.name.lower() == name:
            return option.secret
    if any(name in through.secret for through in spec.passthrough):
        return True
    return any(word in name for word in _SECRET_WORDS) and not name.endswith(_PUBLIC_ENDINGS)


def resolve_secret(text: str, environment: Mapping[str, str], folder: Path) -> Secret:
    """Return the secret a text with references names; a text file's last line break is left out.

    Raises:
        StreamError: CONFIG_SECRET_UNRESOLVED when a variable or file does not exist.
    """

    def value(reference: re.Match[str]) -> str:
        kind, name = reference[1], reference[2].strip()
        if kind == "env":
            if name not in environment:
                message = f"the environment variable {name} is not set."
                raise StreamError("CONFIG_SECRET_UNRESOLVED", message, hint=f"Type: export {name}=...")
            return environment[name]
        path = folder / name
        try:
            return path.read_text(encoding="utf-8-sig").removesuffix("\n").removesuffix("\r")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise StreamError("CONFIG_SECRET_UNRESOLVED", f"the file {path} cannot be read: {why}.") from error

    return Secret(REFERENCE.sub(value, text))


def reveal(value: Any) -> Any:
    """Return the value with every secret in it as plain text; only for the moment of building a plugin."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {key: reveal(item) for key, item in value.items()}
    return [reveal(item) for item in value] if isinstance(value, list | tuple) else value


def secrets_in(value: Any) -> Iterator[Secret]:
    """Yield every secret inside mappings and lists."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_in(item)


def mask(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every known secret replaced by ``***``, the longest first; empty secrets are left out."""
    for secret in sorted(secrets, key=len, reverse=True):
        if secret:
            text = text.replace(secret, MASK)
    return text


def redacted(pipeline: BaseModel) -> dict[str, Any]:
    """Return the pipeline with defaults filled in, in JSON's types, every secret as ``***``."""
    shown: dict[str, Any] = _plain(pipeline.model_dump(by_alias=True, exclude_none=True))
    return shown


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
