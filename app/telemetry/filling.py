"""From a reported distance to fill: by the container model's shape and the device's calibration where the register knows them, else by
height alone."""

from functools import lru_cache

import msgspec

from app.assets.models import Container
from app.telemetry import geometry
from app.telemetry.geometry import Calibration, Shape
from app.telemetry.store import Mount


def fill_pct(mount: Mount, distance_mm: int, temperature_c: float | None) -> float:
    """Fill of the container that the device hangs in; above 100, or below 0, where the waste lies beyond the marks."""
    if mount.is_plain:
        # the rule is the container's; a Mount has its geometry without the price of loading its row
        return Container.fill_pct(mount, distance_mm)  # type: ignore[arg-type]
    calibration = calibration_of(mount)
    true_mm = geometry.true_distance_mm(distance_mm, calibration, temperature_c)
    return float(geometry.fill_pct(true_mm, calibration, None if mount.shape is None else shape_of(mount.shape)))


def is_blocked(mount: Mount, distance_mm: int) -> bool:
    """Whether something sits in the sensor's blind zone: dirt on its face, or waste that touches it."""
    return mount.nearest_mm is not None and distance_mm <= mount.nearest_mm


def calibration_of(mount: Mount) -> Calibration:
    return Calibration(
        mount.empty_distance_mm, mount.full_distance_mm, mount.offset_mm or 0.0, mount.nearest_mm or 0.0, assumed_c=mount.assumed_c
    )


@lru_cache(maxsize=1024)
def shape_of(document: str) -> Shape | None:
    """The shape that a container model's JSON describes; None where fill is height."""
    said = msgspec.json.decode(document)
    match said["kind"]:
        case "tapered":
            return geometry.tapered(said["bottom_to_top"])
        case "bell":
            return geometry.bell(said["shoulder"])
        case "underground":
            return geometry.underground(said["chute_height"], said["chute_area"])
        case "table":
            return geometry.table(said["points"])
    return None
