"""Densities from tickets of whole trips: the truth of simulated towns is found, with the doubt that there is."""

from dataclasses import replace

import numpy as np
import pytest

from forecasting.loads import LoadModel, Spreads, learn_loads
from forecasting.tickets import Lifts, Register, Tickets, what_happened
from tests.forecasting.tickets import TRUE, WeighedTown, make_town

NOWHERE = Lifts(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
NO_TICKETS = Tickets((), np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(0))


def learn(town: WeighedTown) -> LoadModel:
    return learn_loads(town.register, town.tickets, town.lifts)


def with_ticket(town: WeighedTown, row: int, kg: float, tare_kg: float = np.nan) -> WeighedTown:
    """The town with one ticket keyed otherwise."""
    kilograms, tares = town.tickets.kg.copy(), town.tickets.tare_kg.copy()
    kilograms[row], tares[row] = kg, tare_kg
    return replace(town, tickets=replace(town.tickets, kg=kilograms, tare_kg=tares))


def class_truth(town: WeighedTown, name: str) -> float:
    mine = np.array([one == name for one in town.register.waste_class])
    return float(town.density_kg_l[mine].mean())


def test_two_containers_and_three_tickets_by_hand() -> None:
    """A alone weighs 150 kg of 1,000 l and B 90 kg of 1,000 l, and both together 240 kg: scales that do not err leave no doubt."""
    register = Register(("A", "B"), ("residual",) * 2, ("north",) * 2, np.array([0.13, 0.13]), {"residual": 0.3})
    tickets = Tickets(("a", "b", "both"), np.array([150.0, 90.0, 240.0]), np.full(3, 0.01), np.array([1, 2, 3]), np.full(3, np.nan))
    lifts = Lifts(np.array([0, 1, 2, 2]), np.array([0, 1, 0, 1]), np.full(4, 1000.0), np.zeros(4))

    steady = learn_loads(register, tickets, lifts, Spreads(zone=0.01, container=0.5, day=1e-4, lift=1e-4))

    assert steady.density_kg_l == pytest.approx([0.150, 0.090], abs=0.002)
    assert steady.tickets.tolist() == [2, 2]


def test_a_class_is_known_to_about_a_percent_after_two_months_though_no_ticket_is_of_one_container() -> None:
    town = make_town(seed=4)
    model = learn(town)

    for name, figure in model.classes.items():
        assert figure.density_kg_l == pytest.approx(class_truth(town, name), rel=0.06)
        assert figure.sd_kg_l / figure.density_kg_l < 0.03
        assert figure.tickets == 60
    assert model.evaluation.mae_pct is not None and model.evaluation.register_mae_pct is not None
    assert model.evaluation.mae_pct < 10 < model.evaluation.register_mae_pct


def test_intervals_of_containers_and_classes_cover_what_they_claim() -> None:
    """Over nine towns: 80 % and 95 % intervals of 2,160 containers; the spreads themselves are learned, so a few percent are lost."""
    own, classes = [], []
    for seed in range(9):
        town = make_town(seed=seed, containers=240, days=50, per_trip=35, bins_alone=0.2 * (seed % 3))
        model = learn(town)
        own.append((model.density_kg_l - town.density_kg_l) / model.sd_kg_l)
        classes += [(one.density_kg_l - class_truth(town, name)) / one.sd_kg_l for name, one in model.classes.items()]

    scores = np.abs(np.concatenate(own))
    assert 0.73 <= (scores < 1.2816).mean() <= 0.86
    assert 0.90 <= (scores < 1.9600).mean() <= 0.98
    assert (np.abs(classes) < 1.9600).mean() >= 0.86


def test_what_no_ticket_is_about_is_drawn_to_its_zone_and_class_and_is_less_sure() -> None:
    town = make_town(seed=6, bins_alone=0.3)
    unseen = 0
    kept = town.lifts.container != unseen
    lifts = Lifts(town.lifts.ticket[kept], town.lifts.container[kept], town.lifts.litres[kept], town.lifts.litres_sd[kept])
    name, zone = town.register.waste_class[unseen], town.register.zone[unseen]

    model = learn_loads(town.register, town.tickets, lifts)

    assert model.tickets[unseen] == 0
    assert model.density_kg_l[unseen] == pytest.approx(model.zones[name, zone].density_kg_l, rel=0.05)
    seen = [i for i in range(len(town.register)) if town.register.waste_class[i] == name and i != unseen]
    assert model.sd_kg_l[unseen] > model.sd_kg_l[seen].max()


def test_shrunken_densities_beat_those_of_the_class_and_the_register() -> None:
    town = make_town(seed=8, bins_alone=0.3)
    model = learn(town)
    of_class = np.array([model.classes[name].density_kg_l for name in town.register.waste_class])

    def error(density: np.ndarray) -> float:
        return float(np.abs(density / town.density_kg_l - 1).mean())

    assert error(model.density_kg_l) < 0.7 * error(of_class) < error(town.register.density_kg_l)


def test_days_and_lifts_vary_as_they_truly_do() -> None:
    found = [learn(make_town(seed=seed, days=80, bins_alone=0.2)).spreads for seed in range(6)]

    assert np.mean([one.day for one in found]) == pytest.approx(TRUE["day"], abs=0.015)
    assert np.mean([one.lift for one in found]) == pytest.approx(TRUE["lift"], abs=0.03)


@pytest.mark.parametrize(
    ("wrong", "tare_kg", "why"),
    [
        (lambda kg: kg / 1000, np.nan, "keyed in tonnes"),
        (lambda kg: kg * 10, np.nan, "a digit too many"),
        (lambda kg: kg + 11_200, 11_000, "the empty truck's weight was not taken off"),
        (lambda _: 0.0, np.nan, "it says that nothing was weighed"),
    ],
)
def test_a_ticket_that_cannot_be_is_set_aside_and_teaches_nothing(wrong, tare_kg, why) -> None:  # type: ignore[no-untyped-def]
    town = make_town(seed=9)
    model = learn(with_ticket(town, 20, wrong(town.tickets.kg[20]), tare_kg))
    without = learn_loads(town.register, *_without(town, 20))

    assert [(one.key, one.why) for one in model.set_aside] == [("ticket 20", why)]
    assert model.set_aside[0].expected_kg == pytest.approx(town.tickets.kg[20], rel=0.35)
    assert model.density_kg_l == pytest.approx(without.density_kg_l, rel=1e-3)


def _without(town: WeighedTown, row: int) -> tuple[Tickets, Lifts]:
    kept, of_lift = np.arange(len(town.tickets)) != row, town.lifts.ticket != row
    tickets = Tickets(
        tuple(np.array(town.tickets.keys)[kept].tolist()),
        *(column[kept] for column in (town.tickets.kg, town.tickets.sd_kg, town.tickets.day, town.tickets.tare_kg)),
    )
    numbers = np.cumsum(kept) - 1
    lifts = (town.lifts.container, town.lifts.litres, town.lifts.litres_sd)
    return tickets, Lifts(numbers[town.lifts.ticket[of_lift]], *(column[of_lift] for column in lifts))


def test_one_ticket_in_ten_may_be_wrong() -> None:
    town = make_town(seed=10, days=60)
    for row in range(0, len(town.tickets), 10):
        town = with_ticket(town, row, town.tickets.kg[row] / 1000 if row % 20 else town.tickets.kg[row] + 12_000)
    model = learn(town)

    assert {one.key for one in model.set_aside} == {f"ticket {row}" for row in range(0, 180, 10)}
    for name, figure in model.classes.items():
        assert figure.density_kg_l == pytest.approx(class_truth(town, name), rel=0.06)


def test_honest_tickets_are_hardly_ever_set_aside() -> None:
    towns = [make_town(seed=seed, bins_alone=0.1) for seed in range(5)]
    aside = [len(learn(town).set_aside) for town in towns]
    assert sum(aside) <= 0.003 * sum(len(town.tickets) for town in towns)


def test_without_tickets_the_register_counts_with_the_spread_of_its_class() -> None:
    town = make_town()
    model = learn_loads(town.register, NO_TICKETS, NOWHERE)

    assert model.density_kg_l == pytest.approx(town.register.density_kg_l)
    assert model.class_sd[0] == pytest.approx(0.28, rel=0.1)
    assert model.evaluation.tickets == 0 and model.evaluation.mae_pct is None


def test_same_tickets_same_densities() -> None:
    first, second = learn(make_town(seed=12)), learn(make_town(seed=12))
    assert np.array_equal(first.density_kg_l, second.density_kg_l)


def test_a_lift_of_a_ticket_or_container_that_is_not_there_is_refused() -> None:
    town = make_town()
    with pytest.raises(ValueError, match="container that does not exist"):
        learn_loads(town.register, town.tickets, replace(town.lifts, container=town.lifts.container + 1000))
    with pytest.raises(ValueError, match="ticket that does not exist"):
        learn_loads(town.register, NO_TICKETS, town.lifts)


def test_what_happened_to_a_ticket_in_words() -> None:
    assert what_happened(4.3, 4300, np.nan) == "keyed in tonnes"
    assert what_happened(430, 4300, np.nan) == "a digit is missing"
    assert what_happened(15_900, 4300, np.nan) == "the empty truck's weight was not taken off"
    assert what_happened(7600, 4300, 11_000).startswith("too heavy")
    assert what_happened(1500, 4300, np.nan).startswith("too light")
    assert what_happened(4300, 0, np.nan) == "no lift with a known volume is on it"
