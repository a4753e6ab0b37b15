"""Room 2: AES in the modes ECB, CBC and GCM, by way of the package ``cryptography``, which is an extra.

Takes and gives bytes; the initialization vector stands before what it was used for. No message holds a key or a text.
Source: Spark ExpressionImplUtils.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from headrace.sql.vectorised.by_value import ConditionError

PACKAGE = "cryptography"
_BLOCK_BITS = 128
_KEYS = (16, 24, 32)
_VECTORS = {"ECB": 0, "CBC": 16, "GCM": 12}
_PADDINGS = {"ECB": ("PKCS", "DEFAULT"), "CBC": ("PKCS", "DEFAULT"), "GCM": ("NONE", "DEFAULT")}
_TAG_BYTES = 16
_BOTH = "`aes_encrypt`/`aes_decrypt`"


def is_installed() -> bool:
    """Return True when the package can be imported."""
    return find_spec(PACKAGE) is not None


def encrypted(text: bytes, key: bytes, mode: str, padding: str, vector: bytes, more: bytes) -> bytes:
    """Return the vector and the ciphertext behind it.

    Args:
        text: What to encrypt.
        key: 16, 24 or 32 bytes.
        mode: ECB, CBC or GCM in any case.
        padding: PKCS, NONE or DEFAULT in any case.
        vector: As long as the mode wants it; none for ECB.
        more: For GCM, what is authenticated and not encrypted.

    Raises:
        ConditionError: what Spark raises; UNSUPPORTED_FEATURE.AES_RANDOM_IV where Spark would draw a vector.
    """
    mode = _checked(key, mode, padding)
    if vector and mode == "ECB":
        raise _not_supported("AES_MODE_IV", "`aes_encrypt` with AES-ECB does not support initialization vectors (IVs)")
    if vector and len(vector) != _VECTORS[mode]:
        message = f"supports 16-byte CBC IVs and 12-byte GCM IVs, but got {len(vector)} bytes for {mode}"
        raise _wrong("AES_IV_LENGTH", "`iv`", message)
    if not vector and mode != "ECB":
        raise _not_supported("AES_RANDOM_IV", f"{mode} without an initialization vector, which chance would draw")
    _no_more(mode, more, "aes_encrypt")
    if mode == "GCM":
        sealed = import_module(f"{PACKAGE}.hazmat.primitives.ciphers.aead").AESGCM(key).encrypt(vector, text, more)
        return vector + bytes(sealed)
    padder = import_module(f"{PACKAGE}.hazmat.primitives.padding").PKCS7(_BLOCK_BITS).padder()
    work = _cipher(key, mode, vector).encryptor()
    return vector + bytes(work.update(padder.update(text) + padder.finalize()) + work.finalize())


def decrypted(sealed: bytes, key: bytes, mode: str, padding: str, more: bytes, quiet: bool) -> bytes | None:
    """Return what was encrypted.

    Args:
        sealed: The vector and the ciphertext behind it.
        key: 16, 24 or 32 bytes.
        mode: ECB, CBC or GCM in any case.
        padding: PKCS, NONE or DEFAULT in any case.
        more: For GCM, what was authenticated and not encrypted.
        quiet: Whether None stands for every error.

    Raises:
        ConditionError: what Spark raises.
    """
    try:
        return _opened(sealed, key, _checked(key, mode, padding), more)
    except ConditionError:
        if quiet:
            return None
        raise


def _opened(sealed: bytes, key: bytes, mode: str, more: bytes) -> bytes:
    size = _VECTORS[mode]
    vector, text = sealed[:size], sealed[size:]
    if len(vector) < size:
        raise _failed("the input is shorter than an initialization vector")
    _no_more(mode, more, "aes_decrypt")
    if mode == "GCM":
        aead = import_module(f"{PACKAGE}.hazmat.primitives.ciphers.aead")
        if len(text) < _TAG_BYTES:
            raise _failed("Input data too short to contain an expected tag length of 16bytes")
        try:
            return bytes(aead.AESGCM(key).decrypt(vector, text, more))
        except import_module(f"{PACKAGE}.exceptions").InvalidTag as error:
            raise _failed("Tag mismatch!") from error
    if len(text) % (_BLOCK_BITS // 8):
        raise _failed("Input length must be multiple of 16 when decrypting with padded cipher")
    if not text:
        return b""
    work = _cipher(key, mode, vector).decryptor()
    padder = import_module(f"{PACKAGE}.hazmat.primitives.padding").PKCS7(_BLOCK_BITS).unpadder()
    try:
        return bytes(padder.update(work.update(text) + work.finalize()) + padder.finalize())
    except ValueError as error:
        raise _failed("Given final block not properly padded; such issues can arise if a bad key is used") from error


def _cipher(key: bytes, mode: str, vector: bytes) -> Any:
    ciphers = import_module(f"{PACKAGE}.hazmat.primitives.ciphers")
    chosen = ciphers.modes.CBC(vector) if mode == "CBC" else ciphers.modes.ECB()
    return ciphers.Cipher(ciphers.algorithms.AES(key), chosen)


def _checked(key: bytes, mode: str, padding: str) -> str:
    """The mode in capitals."""
    if len(key) not in _KEYS:
        message = f"expects a binary value with 16, 24 or 32 bytes, but got {len(key)} bytes"
        raise _wrong("AES_KEY_LENGTH", "`key`", message)
    if padding.upper() not in _PADDINGS.get(mode.upper(), ()):
        raise _not_supported("AES_MODE", f"AES-{mode} with the padding {padding} by the {_BOTH} function")
    return mode.upper()


def _no_more(mode: str, more: bytes, name: str) -> None:
    if more and mode != "GCM":
        message = f"`{name}` with AES-{mode} does not support additional authenticate data (AAD)"
        raise _not_supported("AES_MODE_AAD", message)


def _not_supported(condition: str, message: str) -> ConditionError:
    return ConditionError(f"UNSUPPORTED_FEATURE.{condition}", f"The feature is not supported: {message}.")


def _wrong(condition: str, what: str, message: str) -> ConditionError:
    return ConditionError(
        f"INVALID_PARAMETER_VALUE.{condition}", f"The value of parameter(s) {what} in {_BOTH} is invalid: {message}."
    )


def _failed(why: str) -> ConditionError:
    return _wrong("AES_CRYPTO_ERROR", "`expr`, `key`", f"detail message: {why}")
