"""What decoding raises.

DecodeError             the payload is not what its maker describes: at which byte or field, what is expected there, what was found
├── UnknownModelError   no decoder, and no profile, has this name
├── WrongPortError      the frame came on a port that carries no data of this device
└── PayloadTextError    text that is neither hex nor base64
ProfileError            a device profile cannot be used: which field, what is wrong, how to mend it
"""

from collections.abc import Sequence
from typing import NamedTuple


class DecodeError(ValueError):
    """A payload could not be read.

    Parameters
    ----------
    expected
        What the maker's document has there, in words.
    found
        What was there instead.
    offset
        Byte within the payload, from 0; None where the fault lies outside the bytes.
    field
        Name within a decoded object, or of the argument at fault; empty for bytes.
    """

    def __init__(self, expected: str, found: str, *, offset: int | None = None, field: str = "") -> None:
        super().__init__(expected, found, offset, field)
        self.expected, self.found, self.offset, self.field = expected, found, offset, field

    def __str__(self) -> str:
        place = f"byte {self.offset}: " if self.offset is not None else f"{self.field}: " if self.field else ""
        return f"{place}expected {self.expected}, found {self.found}"


class UnknownModelError(DecodeError):
    """No decoder has this name."""


class WrongPortError(DecodeError):
    """The frame came on a port that this device sends no data on."""


class PayloadTextError(DecodeError):
    """The payload came as text that is neither hex nor base64."""


class Fault(NamedTuple):
    """One thing to mend in a profile."""

    field: str
    problem: str
    mend: str


class ProfileError(ValueError):
    """A profile cannot be used; `faults` says everything that has to be mended."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(tuple(faults))
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "; ".join(f"{fault.field or 'profile'} {fault.problem}: {fault.mend}" for fault in self.faults)
