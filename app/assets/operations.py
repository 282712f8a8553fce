"""Changes to the register. Each leaves an audit entry; none commits."""

from dataclasses import asdict
from typing import Any, TypeVar

from app.assets.models import Container, ContainerModel, Vehicle
from app.assets.presets import CONTAINER_PRESETS, VEHICLE_TYPES
from app.assets.queries import find_by_code, ids_by_code, list_references
from app.db import TenantOwned, TenantRow, TenantSession
from app.errors import Conflict, FieldProblem, Rejected
from app.tenancy.audit import changes, picture, record
from app.tenancy.scope import find_row, visible_tenant_id

Row = TypeVar("Row", bound=TenantOwned)

FROM_MODEL = ("volume_l", "empty_distance_mm", "full_distance_mm")
"""What a container has from its model unless it says otherwise."""

VEHICLE_FIGURES = (
    "payload_kg",
    "body_volume_l",
    "waste_classes",
    "lift_kinds",
    "height_mm",
    "width_mm",
    "length_mm",
    "gross_weight_kg",
    "cost_per_day",
    "cost_per_h",
    "cost_per_km",
)
"""What a vehicle must say, or have from its type."""

VEHICLE_HABITS = {
    "compacts": True,
    "compacted_kg_m3": {},
    "overtime_cost_per_h": 0,
    "co2e_kg_per_km": 1.0,
    "co2e_kg_per_lift": 0.08,
    "co2e_kg_per_idle_h": 8.0,
}
"""What is assumed of a vehicle that neither says it nor has it from its type."""

INSTEAD_OF_REMOVING = {
    "container": "Set its status to removed instead: its past stays readable.",
    "vehicle": "Set its status to retired instead: its past stays readable.",
}


def create_row(session: TenantSession, model: type[Row], values: dict[str, Any]) -> Row:
    """Add a row of the register; Conflict if its code or key is taken."""
    _require_free(session, model, values)
    row = model(**complete(session, model, values))
    session.add(row)
    session.flush()
    _record(session, "created", row, after=picture(row))
    return row


def change_row(session: TenantSession, row: TenantOwned, values: dict[str, Any]) -> None:
    """Give a row these values; what they leave out stays."""
    _require_free(session, type(row), values, itself=row)
    before = picture(row)
    for name, value in complete(session, type(row), values).items():
        setattr(row, name, value)
    session.flush()
    _record(session, "changed", row, **dict(zip(("before", "after"), changes(before, picture(row)), strict=True)))


def delete_row(session: TenantSession, row: TenantOwned) -> None:
    """Remove a row that nothing refers to; Conflict, which says what does, otherwise."""
    kinds = list_references(session, row) if isinstance(row, TenantRow) else []
    if kinds:
        mend = INSTEAD_OF_REMOVING.get(row.__tablename__, "Remove or change those first.")
        named = ", ".join(kind.replace("_", " ") for kind in kinds)
        raise Conflict(f"This {row.__tablename__.replace('_', ' ')} is referred to by: {named}. {mend}")
    _record(session, "deleted", row, before=picture(row))
    session.delete(row)
    session.flush()


def complete(session: TenantSession, model: type[TenantOwned], values: dict[str, Any]) -> dict[str, Any]:
    """The values with what they leave out filled in from the container model or the vehicle type; Rejected if they do not fit together."""
    if model is Container:
        container_model = find_row(session, ContainerModel, values["model_id"])
        return values if container_model is None else fill_container(values, container_model)
    return fill_vehicle(values) if model is Vehicle else values


def fill_container(values: dict[str, Any], model: ContainerModel) -> dict[str, Any]:
    """Volume and distances from the model where they are left out; Rejected if it could not bear being full of its class."""
    filled = {name: getattr(model, name) for name in FROM_MODEL} | {name: value for name, value in values.items() if value is not None}
    if filled["empty_distance_mm"] <= filled["full_distance_mm"]:
        raise _rejected("empty_distance_mm", "is not greater than full_distance_mm", "Measure from the sensor down: empty is farther away.")
    would_be = Container(**{name: filled.get(name) for name in ("waste_class", "volume_l", "density_kg_m3")})
    if not would_be.fits(model):
        problem = f"does not fit: full, it would weigh {would_be.load_kg(100):.0f} kg, and model {model.code} bears {model.max_load_kg} kg"
        raise _rejected("waste_class", problem, "Choose another model, or mend volume_l or density_kg_m3.")
    return values | filled


def fill_vehicle(values: dict[str, Any]) -> dict[str, Any]:
    """Figures of the preset that `vehicle_type` names, where they are left out; Rejected names those that are still missing."""
    preset = VEHICLE_TYPES.get(values["vehicle_type"])
    said = {name: value for name, value in values.items() if value is not None}
    filled = VEHICLE_HABITS | (preset.values() if preset else {}) | said
    missing = [name for name in VEHICLE_FIGURES if name not in filled]
    if missing:
        mend = f"Give it, or a vehicle_type that has one: {', '.join(VEHICLE_TYPES)}."
        raise Rejected("The vehicle is not complete.", fields=tuple(FieldProblem(name, "is missing", mend) for name in missing))
    return values | filled


def add_presets(session: TenantSession) -> tuple[int, int]:
    """Add the container models that the tenant does not have yet; how many were added, and how many were there (and stay as they are)."""
    known = ids_by_code(session, ContainerModel)
    missing = [preset for preset in CONTAINER_PRESETS if preset.code not in known]
    for preset in missing:
        create_row(session, ContainerModel, asdict(preset))
    return len(missing), len(CONTAINER_PRESETS) - len(missing)


def require_mine(session: TenantSession, model: type[TenantRow], field: str, row_id: int | None) -> None:
    """A body may only name the tenant's own rows."""
    if row_id is not None and find_row(session, model, row_id) is None:
        kind = model.__tablename__.replace("_", " ")
        raise _rejected(field, f"there is no {kind} {row_id}", f"Create the {kind} first, or name another.")


def _require_free(session: TenantSession, model: type[TenantOwned], values: dict[str, Any], itself: TenantOwned | None = None) -> None:
    """The database would refuse a second one as well; this says which field, and what to do."""
    taken: TenantOwned | None
    if issubclass(model, TenantRow):
        taken = find_by_code(session, model, values["code"]) if "code" in values else None
        field = "code"
    else:
        field = next(column.key for column in model.__table__.primary_key if column.key != "tenant_id")
        taken = session.get(model, (visible_tenant_id(session), values[field]))
    if taken is not None and taken is not itself:
        mend = FieldProblem(field, f"{values[field]} is taken", "Choose another, or change the one that has it.")
        raise Conflict(f"There is a {model.__tablename__.replace('_', ' ')} {values[field]} already.", fields=(mend,))


def _record(session: TenantSession, action: str, row: TenantOwned, **pictures: Any) -> None:
    numbered = row if isinstance(row, TenantRow) else None
    record(session, f"{row.__tablename__}.{action}", numbered, subject_kind=row.__tablename__, **pictures)


def _rejected(field: str, problem: str, mend: str) -> Rejected:
    return Rejected(f"{field} {problem}.", fields=(FieldProblem(field, problem, mend),))
