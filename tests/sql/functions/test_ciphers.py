"""AES by the package: what Spark encrypted is in tests/functions; here are the rules around it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import StreamError
from headrace.sql.function import Argument
from headrace.sql.functions import FUNCTIONS
from headrace.sql.vectorised.by_value import ConditionError
from headrace.sql.vectorised.values import aes
from headrace.types import STRING

_KEY = b"0000111122223333"


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=70), st.sampled_from([16, 24, 32]), st.sampled_from(["ECB", "CBC", "gcm"]), st.binary())
def test_what_is_encrypted_is_decrypted(text: bytes, size: int, mode: str, more: bytes) -> None:
    """In every mode, with keys of every length."""
    vector = bytes({"ECB": 0, "CBC": 16, "gcm": 12}[mode])
    more = more if mode == "gcm" else b""
    sealed = aes.encrypted(text, bytes(range(size)), mode, "default", vector, more)
    assert sealed.startswith(vector)
    assert aes.decrypted(sealed, bytes(range(size)), mode, "DEFAULT", more, False) == text


@pytest.mark.parametrize("mode", ["GCM", "CBC"])
def test_a_vector_is_not_drawn_by_chance(mode: str) -> None:
    """When the mode is known beforehand the statement is refused, else the row fails."""
    arguments = [Argument(STRING), Argument(STRING), Argument(STRING, constant=True, value=mode)]
    with pytest.raises(StreamError, match="initialization vector"):
        FUNCTIONS["aes_encrypt"].resolve(arguments)
    with pytest.raises(ConditionError, match="AES_RANDOM_IV"):
        aes.encrypted(b"text", _KEY, mode, "DEFAULT", b"", b"")


def test_no_message_holds_the_key_or_the_text() -> None:
    """Neither of a wrong length, nor of wrong bytes."""
    sealed = aes.encrypted(b"the text", _KEY, "GCM", "DEFAULT", bytes(12), b"")
    for content, key, mode in (
        (sealed[:-1], _KEY, "GCM"),
        (sealed[:20], _KEY, "GCM"),
        (sealed, b"short key", "GCM"),
        (sealed[:5], _KEY, "CBC"),
        (sealed[:33], _KEY, "CBC"),
        (bytes(48), _KEY, "CBC"),
    ):
        with pytest.raises(ConditionError) as caught:
            aes.decrypted(content, key, mode, "DEFAULT", b"", False)
        assert key.decode() not in str(caught.value)
        assert "the text" not in str(caught.value)
        assert aes.decrypted(content, key, mode, "DEFAULT", b"", True) is None


def test_the_functions_are_refused_without_their_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal says what to install."""
    monkeypatch.setattr(aes, "PACKAGE", "package_that_is_not_there")
    for name in ("aes_encrypt", "aes_decrypt", "try_aes_decrypt"):
        with pytest.raises(StreamError) as caught:
            FUNCTIONS[name].resolve([Argument(STRING), Argument(STRING)])
        assert caught.value.hint == "pip install 'headrace[crypto]'"
