"""What the registry knows of a family of devices."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.telemetry.decoders.draft import Frame
from app.telemetry.decoders.given import Name

Read = Callable[[bytes, Frame, int | None], None]
"""Reads a payload that is not empty into the frame; the last argument is the port, where it is known."""


@dataclass(frozen=True, slots=True)
class Family:
    """One maker's devices that speak alike.

    Parameters
    ----------
    maker
        As the maker writes it.
    models
        Names as the maker writes them; the first is the family's own.
    read
        Reads its bytes.
    names
        What the maker's public codecs call the figures.
    source
        The public document the decoder follows.
    port
        The LoRaWAN port of its data as delivered; None where the document names none.
    other_ports
        Further ports that `read` tells apart. Ports outside both are refused where `port_is_fixed`.
    port_is_fixed
        False where the port is a setting of the device.
    self_compensating
        Whether the device itself corrects the speed of sound for temperature, or measures by light; None: not documented.
    """

    maker: str
    models: tuple[str, ...]
    read: Read
    names: Mapping[str, Name]
    source: str
    port: int | None = None
    other_ports: frozenset[int] = field(default_factory=frozenset)
    port_is_fixed: bool = False
    self_compensating: bool | None = None

    def takes(self, f_port: int) -> bool:
        """Whether frames on this port can be its data."""
        return not self.port_is_fixed or f_port == self.port or f_port in self.other_ports


def key_of(model: str) -> str:
    """`EM400-MUD`, `em400 mud` and `EM400MUD` are one device."""
    return re.sub(r"[^0-9a-z]", "", model.casefold())
