"""A payload as it comes: bytes, or text in hex or base64."""

import base64
import binascii
import re
from typing import Literal

from app.telemetry.decoders.errors import DecodeError, PayloadTextError

Encoding = Literal["auto", "hex", "base64"]
Payload = bytes | bytearray | memoryview | str

LONGEST_BYTES = 4096
"""No radio carries a frame as long as this."""

_GAPS = re.compile(r"[\s:,-]+")
_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]*)")


def to_bytes(payload: Payload, encoding: Encoding = "auto") -> bytes:
    """The bytes of a payload.

    Parameters
    ----------
    payload
        Bytes, or text. Hex may be spaced, or joined by `:`, `-` or commas, with or without 0x.
    encoding
        `auto` takes text for hex wherever it can be, else for base64. Who knows which it is, says so: "AAAA" is both.

    Raises
    ------
    PayloadTextError
        If the text is neither, or if it is something else altogether.
    DecodeError
        If there are more bytes than any radio carries.
    """
    if not isinstance(payload, str | bytes | bytearray | memoryview):
        raise PayloadTextError("bytes, hex or base64", type(payload).__name__, field="payload")
    raw = _from_text(payload, encoding) if isinstance(payload, str) else bytes(payload)
    if len(raw) > LONGEST_BYTES:
        raise DecodeError(f"at most {LONGEST_BYTES} bytes", str(len(raw)), field="payload")
    return raw


def _from_text(text: str, encoding: Encoding) -> bytes:
    if len(text) > 8 * LONGEST_BYTES:
        raise DecodeError(f"at most {LONGEST_BYTES} bytes", f"{len(text)} characters", field="payload")
    if encoding != "base64":
        match = _HEX.fullmatch(_GAPS.sub("", text))
        if match and len(match[1]) % 2 == 0:
            return bytes.fromhex(match[1])
        if encoding == "hex":
            raise PayloadTextError("pairs of hex digits", repr(text[:40]), field="payload")
    try:
        return base64.b64decode(_pad("".join(text.split()).replace("-", "+").replace("_", "/")), validate=True)
    except (binascii.Error, ValueError) as error:
        raise PayloadTextError("hex or base64" if encoding == "auto" else "base64", repr(text[:40]), field="payload") from error


def _pad(text: str) -> str:
    """Some senders leave the trailing = out."""
    return text if "=" in text else text + "=" * (-len(text) % 4)
