"""Why a container was not emptied, as a driver reads it on the phone."""

from app.dispatch.models import SkipReason

LABELS: dict[SkipReason, str] = {
    SkipReason.NOT_PRESENTED: "Not put out",
    SkipReason.WRONGLY_PRESENTED: "Put out wrongly",
    SkipReason.TOO_HEAVY: "Too heavy",
    SkipReason.EXCESS_WASTE: "Lid open or side waste",
    SkipReason.CONTAMINATED: "Wrong waste inside",
    SkipReason.INACCESSIBLE_STORE: "Bin store locked or blocked",
    SkipReason.DAMAGED: "Container damaged",
    SkipReason.LOST_IN_VEHICLE: "Fell into the truck",
    SkipReason.NOT_ON_SCHEME: "Not part of the service",
    SkipReason.ROAD_INACCESSIBLE: "Road cannot be driven",
    SkipReason.ROAD_CLOSED: "Road closed",
    SkipReason.ROADWORKS: "Roadworks",
    SkipReason.BLOCKED_BY_VEHICLES: "Blocked by vehicles",
    SkipReason.GATE_LOCKED: "Gate locked",
    SkipReason.PART_ACCESS: "Only part could be reached",
    SkipReason.RISK_OF_INJURY: "Risk of injury",
    SkipReason.ALARM_ACTIVATED: "Would set off an alarm",
    SkipReason.BREAKDOWN: "Truck broke down",
    SkipReason.STREET_COMPLETED: "Street was done before",
}
