"""What trucks will weigh: intervals that hold on days to come, and margins that keep overweight as rare as was asked."""

import numpy as np
import pytest

from forecasting.loads import LoadModel, learn_loads
from forecasting.truck_load import Load, common_spread, predicted_load, safety_factor
from tests.forecasting.tickets import TRUE, WeighedTown, make_town

PAYLOAD_KG = 6_000.0
FILL_SD_L = 120.0


def days_to_come(town: WeighedTown, model: LoadModel, rng: np.random.Generator, count: int = 40):  # type: ignore[no-untyped-def]
    """Trips of one class on new days: (containers, expected litres, what they will really weigh)."""
    for _ in range(count):
        name = str(rng.choice(list(model.classes)))
        mine = [i for i in range(len(town.register)) if town.register.waste_class[i] == name]
        first = int(rng.integers(len(mine)))
        trip = np.array([mine[(first + i) % len(mine)] for i in range(35)])
        litres = rng.uniform(400, 1100, len(trip))
        held = litres + rng.normal(0, FILL_SD_L, len(trip))
        usual = class_usual(town, name)
        density = town.density_kg_l[trip] + usual * (
            rng.normal(0, TRUE["day"]) + rng.normal(0, TRUE["trip"]) + rng.normal(0, TRUE["lift"], len(trip))
        )
        yield trip, litres, held * density


def class_usual(town: WeighedTown, name: str) -> float:
    return float(np.mean([d for d, one in zip(town.density_kg_l, town.register.waste_class, strict=True) if one == name]))


def learned_towns(count: int):  # type: ignore[no-untyped-def]
    for seed in range(count):
        town = make_town(seed=100 + seed, days=30)
        yield town, learn_loads(town.register, town.tickets, town.lifts)


def test_a_loads_interval_covers_what_it_claims_on_days_to_come() -> None:
    rng, scores, alone = np.random.default_rng(1), [], []
    for town, model in learned_towns(10):
        for trip, litres, kg in days_to_come(town, model, rng):
            load = predicted_load(model, trip, litres, np.full(len(trip), FILL_SD_L))
            scores.append((kg.sum() - load.kg) / load.sd_kg)
            alone.append((kg.sum() - load.kg) / load.own_sd_kg)

    assert 0.75 <= (np.abs(scores) < 1.2816).mean() <= 0.87
    assert 0.92 <= (np.abs(scores) < 1.9600).mean() <= 0.98
    # whoever adds the lifts up as if they were independent is far too sure
    assert (np.abs(alone) < 1.2816).mean() < 0.65


def test_trucks_filled_up_to_the_margin_are_overweight_as_often_as_was_asked() -> None:
    """Stops are added until their multiplied kilograms reach the payload; what they weigh on new days is then simulated."""
    rng, share = np.random.default_rng(2), {}
    towns = list(learned_towns(10))
    for asked in (0.20, 0.05):
        over = []
        for town, model in towns:
            for trip, litres, kg in days_to_come(town, model, rng, 80):
                load = predicted_load(model, trip, litres, np.full(len(trip), FILL_SD_L))
                factor = safety_factor(
                    common=load.common_sd_kg / load.kg, own_kg=load.own_sd_kg**2 / load.kg, capacity_kg=PAYLOAD_KG, probability=asked
                )
                means = model.density_kg_l[trip] * litres
                # the truck is as large as makes just this trip full
                over.append(kg.sum() * PAYLOAD_KG / (means.sum() * factor) > PAYLOAD_KG)
        share[asked] = np.mean(over)

    assert 0.025 <= share[0.05] <= 0.065
    assert 0.15 <= share[0.20] <= 0.23


def test_the_factor_solves_the_constraint_by_hand() -> None:
    """Common 6 %, own 10 kg a kg, z = 1.645, 10,000 kg: f = 1.0083 would do for the own part alone, 1.0987 for the common one alone."""
    factor = safety_factor(common=0.06, own_kg=10.0, capacity_kg=10_000, probability=0.05)
    mean = 10_000 / factor

    assert mean + 1.6449 * np.sqrt((0.06 * mean) ** 2 + 10 * mean) == pytest.approx(10_000, rel=1e-4)
    assert safety_factor(common=0.06, own_kg=0.0, capacity_kg=10_000, probability=0.05) == pytest.approx(1 + 1.6449 * 0.06, rel=1e-4)
    assert safety_factor(common=0.06, own_kg=10.0, capacity_kg=10_000, probability=0.5) == 1
    assert safety_factor(common=0.0, own_kg=0.0, capacity_kg=10_000, probability=0.05) == 1


def test_margins_grow_with_care_with_what_is_shared_and_for_small_trucks() -> None:
    usual = {"common": 0.06, "own_kg": 10.0, "capacity_kg": 8_000.0, "probability": 0.05}

    def changed(**values: float) -> float:
        return safety_factor(**(usual | values))

    assert changed() < changed(probability=0.01)
    assert changed() < changed(common=0.10)
    assert changed() < changed(capacity_kg=3_000)


def test_classes_on_one_truck_do_not_err_together() -> None:
    model = learn_loads((town := make_town(seed=3)).register, town.tickets, town.lifts)
    litres = np.full(30, 800.0)
    one = predicted_load(model, np.arange(0, 90, 3), litres)
    mixed = predicted_load(model, np.arange(30), litres)

    assert mixed.common_sd_kg / mixed.kg < one.common_sd_kg / one.kg


def test_an_interval_is_around_the_mean_and_never_below_nothing() -> None:
    assert Load(1000, 60, 80).interval(0.8) == pytest.approx((1000 - 128.16, 1000 + 128.16), abs=0.01)
    assert Load(100, 60, 80).interval(0.95)[0] == 0
    with pytest.raises(ValueError, match="between 0 and 1"):
        Load(100, 60, 80).interval(1)


def test_what_a_days_fills_are_wrong_by_together_is_told_from_chance() -> None:
    rng = np.random.default_rng(4)
    day = np.repeat(np.arange(60), 30)
    expected = rng.uniform(300, 1000, len(day))
    alone = expected + rng.normal(0, 150, len(day))
    together = expected * (1.1 + rng.normal(0, 0.09, 60)[day]) + rng.normal(0, 150, len(day))

    assert common_spread(expected, together, day) == pytest.approx(0.09 / 1.1, abs=0.02)
    assert common_spread(expected, alone, day) < 0.035
    assert common_spread(np.zeros(0), np.zeros(0), np.zeros(0, np.int64), believed=0.07) == 0.07
