"""Reading a payload byte by byte; whoever reads past its end learns where and what was due there."""

import struct
from typing import Literal

from app.telemetry.decoders.errors import DecodeError

ByteOrder = Literal["big", "little"]


class Cursor:
    """A place in a payload.

    Parameters
    ----------
    payload
        The bytes of one frame.
    order
        Byte order of its numbers.
    offset
        Where to begin.
    """

    def __init__(self, payload: bytes, order: ByteOrder, offset: int = 0) -> None:
        self.payload, self.order, self.offset = payload, order, offset

    @property
    def left(self) -> int:
        """Bytes not yet read."""
        return len(self.payload) - self.offset

    def take(self, length: int, what: str) -> bytes:
        """The next `length` bytes; DecodeError where fewer are left."""
        if self.left < length:
            raise DecodeError(f"{count_bytes(length)} of {what}", str(max(self.left, 0)), offset=self.offset)
        taken = self.payload[self.offset : self.offset + length]
        self.offset += length
        return taken

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self.left, "rest")

    def unsigned(self, length: int, what: str) -> int:
        """An unsigned integer of `length` bytes."""
        return int.from_bytes(self.take(length, what), self.order)

    def signed(self, length: int, what: str) -> int:
        """A two's complement integer of `length` bytes."""
        return int.from_bytes(self.take(length, what), self.order, signed=True)

    def float32(self, what: str) -> float:
        """An IEEE 754 single, rounded to what its 24 bits can mean; NaN and infinity pass."""
        return to_float32(self.take(4, what), self.order)

    def expect(self, value: int, what: str) -> None:
        """One byte that has to be `value`."""
        at = self.offset
        found = self.unsigned(1, what)
        if found != value:
            raise DecodeError(f"0x{value:02X} ({what})", f"0x{found:02X}", offset=at)

    def finish(self) -> None:
        """Nothing may be left."""
        if self.left:
            raise DecodeError("the end of the payload", f"{count_bytes(self.left)} more", offset=self.offset)


def to_float32(value: bytes, order: ByteOrder) -> float:
    """A single as the shortest decimal that has its bits: 20.8, not 20.799999237060547."""
    number: float = struct.unpack(">f" if order == "big" else "<f", value)[0]
    return float(f"{number:.7g}")


def count_bytes(length: int) -> str:
    """`1 byte`, `2 bytes`."""
    return "1 byte" if length == 1 else f"{length} bytes"
