"""Kinds of containers and trucks to start from: typical figures, each to be replaced by what a town measures.

Containers: EN 840 sizes at the nominal 0.4 kg a litre, and underground vessels. Distances are from a sensor in the lid down to the
empty floor and to the full mark.

Trucks: money in the tenant's currency (figures are of euro size), CO₂e tailpipe. About half of the 1.8–1.9 kg a km that a 26 t truck
emits comes from idling and lifting, so it is counted by hour and by lift.
"""

from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from app.assets.models import LiftKind
from app.assets.waste_classes import WasteClass

NOMINAL_KG_PER_L = 0.4


@dataclass(frozen=True)
class ContainerPreset:
    """A kind of container, as `ContainerModel` holds it."""

    code: str
    name: str
    volume_l: int
    max_load_kg: int
    tare_kg: int
    lift_kind: LiftKind
    lift_s: int
    empty_distance_mm: int
    full_distance_mm: int


def _en_840(volume_l: int, tare_kg: int, empty_distance_mm: int, full_distance_mm: int) -> ContainerPreset:
    wheels = "two wheels" if volume_l <= 360 else "four wheels"
    name, max_load_kg = f"{volume_l:,} l, {wheels} (EN 840)", round(volume_l * NOMINAL_KG_PER_L)
    return ContainerPreset(
        f"en840-{volume_l}", name, volume_l, max_load_kg, tare_kg, LiftKind.REAR, 60, empty_distance_mm, full_distance_mm
    )


def _underground(volume_m3: int, tare_kg: int, empty_distance_mm: int) -> ContainerPreset:
    volume_l = volume_m3 * 1000
    max_load_kg = round(volume_l * NOMINAL_KG_PER_L)
    name = f"{volume_m3} m³, underground"
    return ContainerPreset(f"underground-{volume_l}", name, volume_l, max_load_kg, tare_kg, LiftKind.CRANE, 240, empty_distance_mm, 300)


CONTAINER_PRESETS: tuple[ContainerPreset, ...] = (
    _en_840(80, 9, 800, 100),
    _en_840(120, 10, 830, 100),
    _en_840(140, 11, 930, 100),
    _en_840(180, 13, 940, 100),
    _en_840(240, 14, 950, 100),
    _en_840(360, 19, 970, 120),
    _en_840(500, 38, 950, 120),
    _en_840(660, 42, 1000, 130),
    _en_840(770, 46, 1130, 140),
    _en_840(1000, 58, 1080, 150),
    _en_840(1100, 60, 1180, 150),
    _underground(3, 550, 2000),
    _underground(4, 620, 2400),
    _underground(5, 700, 2800),
)

LIFTED_LOOSE = (WasteClass.GLASS, WasteClass.ELECTRONIC, WasteClass.HAZARDOUS)
"""Classes that no press may break."""
PRESSED = tuple(c for c in WasteClass if c not in LIFTED_LOOSE)


@dataclass(frozen=True)
class VehiclePreset:
    """A kind of truck, as `Vehicle` holds it; `vehicle_type` is its name there."""

    vehicle_type: str
    payload_kg: int
    body_volume_l: int
    compacts: bool
    height_mm: int
    width_mm: int
    length_mm: int
    gross_weight_kg: int
    cost_per_day: Decimal
    cost_per_h: Decimal
    cost_per_km: Decimal
    co2e_kg_per_km: float
    co2e_kg_per_lift: float
    co2e_kg_per_idle_h: float
    waste_classes: tuple[WasteClass, ...] = PRESSED
    lift_kinds: tuple[LiftKind, ...] = (LiftKind.REAR,)
    compacted_kg_m3: dict[str, float] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """What a vehicle of this kind is, but for its code and its depot."""
        lists = {"waste_classes": [str(c) for c in self.waste_classes], "lift_kinds": [str(kind) for kind in self.lift_kinds]}
        return asdict(self) | lists


# A crew of three costs 600–700 a day, hence about 80 an hour; of two, 55. A km is fuel (71 l / 100 km at the top end) and wear.
VEHICLE_PRESETS: tuple[VehiclePreset, ...] = (
    VehiclePreset(
        vehicle_type="rear_loader_26t",
        payload_kg=10_000,
        body_volume_l=21_000,
        compacts=True,
        height_mm=3_600,
        width_mm=2_550,
        length_mm=9_800,
        gross_weight_kg=26_000,
        cost_per_day=Decimal(220),
        cost_per_h=Decimal(80),
        cost_per_km=Decimal("1.40"),
        co2e_kg_per_km=1.0,
        co2e_kg_per_lift=0.08,
        co2e_kg_per_idle_h=8.0,
    ),
    VehiclePreset(
        vehicle_type="compact_16t",
        payload_kg=6_000,
        body_volume_l=13_000,
        compacts=True,
        height_mm=3_300,
        width_mm=2_300,
        length_mm=7_600,
        gross_weight_kg=16_000,
        cost_per_day=Decimal(160),
        cost_per_h=Decimal(80),
        cost_per_km=Decimal("1.10"),
        co2e_kg_per_km=0.75,
        co2e_kg_per_lift=0.07,
        co2e_kg_per_idle_h=6.5,
    ),
    VehiclePreset(
        vehicle_type="small_7t5",
        payload_kg=2_500,
        body_volume_l=7_000,
        compacts=True,
        height_mm=2_800,
        width_mm=2_050,
        length_mm=6_200,
        gross_weight_kg=7_500,
        cost_per_day=Decimal(95),
        cost_per_h=Decimal(55),
        cost_per_km=Decimal("0.70"),
        co2e_kg_per_km=0.45,
        co2e_kg_per_lift=0.05,
        co2e_kg_per_idle_h=4.0,
    ),
    VehiclePreset(
        vehicle_type="small_3t5",
        payload_kg=900,
        body_volume_l=5_000,
        compacts=False,
        height_mm=2_500,
        width_mm=1_900,
        length_mm=5_500,
        gross_weight_kg=3_500,
        cost_per_day=Decimal(55),
        cost_per_h=Decimal(35),
        cost_per_km=Decimal("0.45"),
        co2e_kg_per_km=0.28,
        co2e_kg_per_lift=0.03,
        co2e_kg_per_idle_h=2.5,
        waste_classes=tuple(WasteClass),
    ),
    VehiclePreset(
        vehicle_type="crane_26t",
        payload_kg=9_000,
        body_volume_l=24_000,
        compacts=False,
        height_mm=3_900,
        width_mm=2_550,
        length_mm=9_500,
        gross_weight_kg=26_000,
        cost_per_day=Decimal(260),
        cost_per_h=Decimal(45),
        cost_per_km=Decimal("1.40"),
        co2e_kg_per_km=1.0,
        co2e_kg_per_lift=0.25,
        co2e_kg_per_idle_h=8.0,
        waste_classes=tuple(WasteClass),
        lift_kinds=(LiftKind.CRANE,),
    ),
)

VEHICLE_TYPES: dict[str, VehiclePreset] = {preset.vehicle_type: preset for preset in VEHICLE_PRESETS}
