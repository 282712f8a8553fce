"""What a town can start from."""

import pytest

from app.assets.models import Container, ContainerModel
from app.assets.operations import add_presets, fill_vehicle
from app.assets.presets import CONTAINER_PRESETS, VEHICLE_PRESETS
from app.assets.queries import list_by_id
from app.assets.schemas import ContainerModelSchema, VehicleSchema
from app.assets.waste_classes import CLASS_DEFAULTS, WasteClass
from app.db import TenantSession
from app.errors import Rejected
from tests.factories import assets as make


def test_presets_are_added_once_and_edited_ones_stay(session: TenantSession):
    make.container_model(session, code="en840-240", name="ours")
    assert add_presets(session) == (13, 1)
    assert add_presets(session) == (0, 14)
    by_code = {model.code: model for model in list_by_id(session, ContainerModel).values()}
    assert by_code["en840-240"].name == "ours"
    assert (by_code["en840-1100"].volume_l, by_code["en840-1100"].max_load_kg) == (1100, 440)


@pytest.mark.parametrize("preset", CONTAINER_PRESETS, ids=lambda preset: preset.code)
def test_a_container_of_every_preset_bears_every_class(preset):
    model = ContainerModel(**vars(preset))
    for waste_class in WasteClass:
        assert Container(waste_class=waste_class, volume_l=model.volume_l).fits(model), CLASS_DEFAULTS[waste_class]
    assert ContainerModelSchema().load(dict(vars(preset)))


@pytest.mark.parametrize("preset", VEHICLE_PRESETS, ids=lambda preset: preset.vehicle_type)
def test_a_vehicle_of_every_preset_is_valid_with_code_and_depot_alone(preset):
    sparse = VehicleSchema().load({"code": "V1", "vehicle_type": preset.vehicle_type, "depot_id": 1})
    whole = fill_vehicle(sparse)
    assert VehicleSchema().load(VehicleSchema().dump(whole)) == whole


def test_what_a_vehicle_says_itself_counts_more_than_its_type():
    assert fill_vehicle({"vehicle_type": "compact_16t", "payload_kg": 5_500, "width_mm": None})["payload_kg"] == 5_500


def test_a_vehicle_of_no_known_type_must_say_everything():
    with pytest.raises(Rejected) as refused:
        fill_vehicle({"vehicle_type": "tuk-tuk", "payload_kg": 300})
    assert "payload_kg" not in {problem.field for problem in refused.value.fields}
    assert {"body_volume_l", "cost_per_h"} < {problem.field for problem in refused.value.fields}
