"""The classes that waste is sorted into, and what each weighs before a town's own tickets have taught better.

Densities are starting values with the spread that published sources show (kg a cubic metre, loose in the container).
"""

from dataclasses import dataclass
from enum import StrEnum


class WasteClass(StrEnum):
    """What a container is for."""

    CLOTH = "cloth"
    PLASTIC = "plastic"
    METAL = "metal"
    PAPER = "paper"
    OTHERS = "others"
    GLASS = "glass"
    ELECTRONIC = "electronic"
    FOOD = "food"
    HAZARDOUS = "hazardous"
    COMPOSITE = "composite"
    RESIDUAL = "residual"
    ORGANIC = "organic"


@dataclass(frozen=True)
class ClassDefault:
    """What is assumed of a class until a tenant says otherwise."""

    density_kg_m3: float
    density_low_kg_m3: float
    density_high_kg_m3: float
    compacted_kg_m3: float
    """Density inside a compacting body; equal to the loose density where nothing is pressed (glass, electronic, hazardous)."""
    waste_code: str
    """European list of waste."""
    fiware_kind: str
    """`storedWasteKind` of the Smart Data Models."""
    color: str
    """Of its symbol on maps and labels."""


CLASS_DEFAULTS: dict[WasteClass, ClassDefault] = {
    WasteClass.CLOTH: ClassDefault(100, 89, 200, 250, "20 01 10", "other", "#8e5ba6"),
    WasteClass.PLASTIC: ClassDefault(22, 18, 24, 120, "20 01 39", "plastic", "#e3b505"),
    WasteClass.METAL: ClassDefault(60, 20, 89, 160, "20 01 40", "metal", "#7d8597"),
    WasteClass.PAPER: ClassDefault(200, 145, 305, 400, "20 01 01", "paper", "#2f6db5"),
    WasteClass.OTHERS: ClassDefault(50, 34, 60, 220, "20 03 01", "other", "#b07d3f"),
    WasteClass.GLASS: ClassDefault(300, 225, 330, 300, "20 01 02", "glass", "#2e8b57"),
    WasteClass.ELECTRONIC: ClassDefault(200, 150, 300, 200, "20 01 36", "electronics", "#c4501b"),
    WasteClass.FOOD: ClassDefault(340, 235, 480, 600, "20 01 08", "organic", "#6b8e23"),
    WasteClass.HAZARDOUS: ClassDefault(200, 100, 400, 200, "20 01 27", "hazardous", "#c0263a"),
    WasteClass.COMPOSITE: ClassDefault(35, 25, 50, 150, "15 01 05", "other", "#d98324"),
    WasteClass.RESIDUAL: ClassDefault(130, 80, 200, 450, "20 03 01", "inorganic", "#4a4a4a"),
    WasteClass.ORGANIC: ClassDefault(150, 120, 340, 450, "20 02 01", "organic", "#5c7a29"),
}
