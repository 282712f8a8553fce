"""Every device family that Kerbside understands, by model name.

`decode` never raises anything but `DecodeError` (or a kind of it), whatever bytes or object it is given. A frame without a measurement,
as the answer to a downlink, is no error: its `kind` says what it is.
"""

from collections.abc import Mapping

from app.telemetry.decoders import decentlab, dingtek, dragino, elsys, enginko, milesight, pepperl_fuchs
from app.telemetry.decoders.decoded import Alarm, Decoded, Kind, Reading
from app.telemetry.decoders.draft import Frame
from app.telemetry.decoders.errors import DecodeError, ProfileError, UnknownModelError, WrongPortError
from app.telemetry.decoders.family import Family, key_of
from app.telemetry.decoders.given import read_object
from app.telemetry.decoders.payload import Encoding, Payload, to_bytes

FAMILIES: tuple[Family, ...] = (
    decentlab.FAMILY,
    dingtek.FAMILY,
    dragino.FAMILY,
    elsys.FAMILY,
    enginko.FAMILY,
    milesight.FAMILY,
    pepperl_fuchs.FAMILY,
)

MODELS: dict[str, tuple[str, Family]] = {key_of(model): (model, family) for family in FAMILIES for model in family.models}
"""Key → the name as the maker writes it, and its family."""

NETWORK_PORT = 0
LARGEST_PORT = 255


def list_models() -> list[str]:
    """All names, as their makers write them."""
    return sorted(model for model, _ in MODELS.values())


def find_family(model: str) -> Family | None:
    """The family of a model, however its name is spelt."""
    found = MODELS.get(key_of(model))
    return found[1] if found else None


def get_family(model: str) -> Family:
    """The family of a model; UnknownModelError names those that there are."""
    return _get(model)[1]


def decode(model: str, payload: Payload | Mapping[str, object], f_port: int | None = None, *, encoding: Encoding = "auto") -> Decoded:
    """Read one frame of a device.

    Parameters
    ----------
    model
        The maker's name of the device, spelt in any way: `EM400-MUD`, `em400mud`.
    payload
        The frame's bytes, text in hex or base64, or the object that the network server has decoded already.
    f_port
        LoRaWAN port, where it is known. Port 0 belongs to the network: no measurement.
    encoding
        Of a text.

    Returns
    -------
    Decoded
        Its readings, or, for other frames, what they are about.

    Raises
    ------
    UnknownModelError
        If no decoder has this name.
    WrongPortError
        If this device sends no data on this port.
    DecodeError
        If the payload is not what the maker's document says; names the byte or field.
    """
    name, family = _get(model)
    frame = Frame(name)
    if isinstance(payload, Mapping):
        return read_object(family.names, payload, frame)
    raw = to_bytes(payload, encoding)
    if not _carries_data(family, f_port) or not raw:
        return frame.done()
    family.read(raw, frame, f_port)
    return frame.done()


def _get(model: str) -> tuple[str, Family]:
    found = MODELS.get(key_of(model))
    if found is None:
        raise UnknownModelError(f"one of {', '.join(list_models())}", repr(model[:80]), field="model")
    return found


def _carries_data(family: Family, f_port: int | None) -> bool:
    if f_port is None:
        return True
    if not isinstance(f_port, int) or not NETWORK_PORT <= f_port <= LARGEST_PORT:
        raise WrongPortError(f"a port from {NETWORK_PORT} to {LARGEST_PORT}", "something else", field="f_port")
    if f_port != NETWORK_PORT and not family.takes(f_port):
        raise WrongPortError(f"port {family.port} of {family.maker} {family.models[0]}", str(f_port), field="f_port")
    return f_port != NETWORK_PORT


__all__ = [
    "FAMILIES",
    "MODELS",
    "Alarm",
    "DecodeError",
    "Decoded",
    "Family",
    "Kind",
    "ProfileError",
    "Reading",
    "UnknownModelError",
    "WrongPortError",
    "decode",
    "find_family",
    "get_family",
    "list_models",
]
