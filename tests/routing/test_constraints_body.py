"""What rides where in the body, what it takes to lift it, and what is brought elsewhere. A dash is 100 m and 10 s."""

from routing.problem import Compartment
from tests.routing.ascii_city import ascii_city, facility, stop, truck
from tests.routing.plans import broken, hand_plan

CITY = ascii_city("D----A----B----C----U")  # A at 40 s, B at 80, C at 120, U at 160
KEPT: dict[str, object] = {}

PAPER = Compartment(classes=frozenset({"paper"}), capacity=(300, 600))
GLASS_AND_METAL = Compartment(classes=frozenset({"glass", "metal"}), capacity=(500, 400))
CLASSES = frozenset({"paper", "glass", "metal"})


def split(**changes):
    return truck(compartments=(PAPER, GLASS_AND_METAL), classes=CLASSES, **changes)


def test_each_compartment_holds_its_own_classes():
    """Paper 200 + 100 kg fill 300; glass 300 and metal 200 kg share 500. One kilogram of metal more is one too much, at C."""
    load = {"A": stop(200, 10, waste_class="paper"), "Aa": stop(100, 10, waste_class="paper"), "B": stop(300, 10, waste_class="glass")}
    kept = CITY.problem(split(), load={**load, "C": stop(200, 10, waste_class="metal")})
    assert broken(kept, {"truck": ["A", "B", "C", "Aa", "U"]}) == KEPT
    over = CITY.problem(split(), load={**load, "C": stop(201, 10, waste_class="metal")})
    assert broken(over, {"truck": ["A", "B", "C", "Aa", "U"]}) == {"load_within_compartment": [("C", (1, 0))]}


def test_an_unload_empties_every_compartment():
    """200 + 200 kg of paper are 100 too much for one trip, and nothing for two."""
    problem = CITY.problem(split(), load={"A": stop(200, 10, waste_class="paper"), "B": stop(200, 10, waste_class="paper")})
    assert broken(problem, {"truck": "AUBU"}) == KEPT
    assert broken(problem, {"truck": "ABU"}) == {"load_within_compartment": [("B", (100, 0))]}


def test_compartments_share_the_permitted_load():
    """300 kg of paper and 500 of glass fit their parts, but the axle bears 700."""
    load = {"A": stop(300, 10, waste_class="paper"), "B": stop(500, 10, waste_class="glass")}
    assert broken(CITY.problem(split(capacity_kg=800), load=load), {"truck": "ABU"}) == KEPT
    assert broken(CITY.problem(split(capacity_kg=700), load=load), {"truck": "ABU"}) == {"load_within_capacity": [("B", (100, 0))]}


def test_litres_in_a_compartment_are_pressed():
    """300 kg at 500 kg/m³ are 600 l, which fits; at 400 kg/m³ they are 750 l, 150 too many."""
    load = {"A": stop(300, 2_000, waste_class="paper")}
    assert broken(CITY.problem(split(compacted_density_kg_m3={"paper": 500}), load=load), {"truck": "AU"}) == KEPT
    said = broken(CITY.problem(split(compacted_density_kg_m3={"paper": 400}), load=load), {"truck": "AU"})
    assert said == {"load_within_compartment": [("A", (0, 150))]}


def test_a_class_without_a_compartment_stays_out():
    """The truck may carry food, but has no part for it."""
    without = truck(compartments=(PAPER,), classes=frozenset({"paper", "food"}))
    assert broken(CITY.problem(without, load={"A": stop(waste_class="paper")}), {"truck": "AU"}) == KEPT
    said = broken(CITY.problem(without, load={"A": stop(waste_class="food")}), {"truck": "AU"})
    assert said == {"vehicle_carries_class": [("A", ())]}


def test_a_facility_must_accept_what_every_compartment_holds():
    load = {"A": stop(waste_class="paper"), "B": stop(waste_class="glass")}
    both = CITY.problem(split(), load=load, unload={"U": facility({"paper", "glass"})})
    assert broken(both, {"truck": "ABU"}) == KEPT
    one = CITY.problem(split(), load=load, unload={"U": facility({"paper"})})
    assert broken(one, {"truck": "ABU"}) == {"facility_accepts_class": [("U", ())]}


def test_a_truck_takes_its_own_time_for_stops_and_lifts():
    """Three containers: 30 s of service, 20 s for the stop and 3 × 15 s for the lifts are 95 s on top of 320 s of driving."""
    slow = truck(stop_s=20, lift_s=15)
    problem = CITY.problem(slow, load={"A": stop(service_s=30, lifts=3)})
    assert broken(problem, {"truck": "AU"}) == KEPT
    assert hand_plan(problem, {"truck": "AU"}).routes[0].end_s == 320 + 95


def exchange(**changes):
    """A full container at A goes to C, the same 400 kg."""
    return {"A": stop(400, 500, bring_to="C", **changes), "C": stop(-400, -500, **changes)}


def test_what_is_taken_up_is_set_down_later_in_the_same_trip():
    """B's 300 kg ride along or not; at C the 400 kg leave the truck, so no unload is needed for them."""
    problem = CITY.problem(truck(), load={**exchange(), "B": (300, 10)})
    assert broken(problem, {"truck": "AC"}) == KEPT
    assert broken(problem, {"truck": "ABCU"}) == KEPT
    assert [visit.load_after[0] for visit in hand_plan(problem, {"truck": "ABCU"}).routes[0].visits] == [400, 700, 300, 0]


def test_setting_down_before_taking_up_is_found():
    """Neither is anything on board at C, nor is what A gives ever brought: the truck comes home with it."""
    problem = CITY.problem(truck(), load=exchange())
    said = broken(problem, {"truck": "CAU"})
    assert said == {"delivered_after_pickup": [("C", ()), ("A", ())]}


def test_an_unload_between_taking_up_and_setting_down_is_found():
    problem = CITY.problem(truck(), load=exchange())
    assert broken(problem, {"truck": "AUC"}) == {"delivered_after_pickup": [("A", ()), ("C", ())]}


def test_taking_up_and_setting_down_are_one_vehicles_work():
    problem = CITY.problem(truck("one", ends_empty=False), truck("two"), load=exchange())
    assert broken(problem, {"one": "AC"}) == KEPT
    assert broken(problem, {"one": "A", "two": "C"}) == {"delivered_after_pickup": [("A", ()), ("C", ())]}


def test_half_a_transfer_is_found():
    problem = CITY.problem(truck(ends_empty=False), load=exchange(prize=0))
    assert broken(problem, {}) == KEPT
    assert broken(problem, {"truck": "A"}) == {"delivered_after_pickup": [("A", ())]}
    assert broken(problem, {"truck": "C"}) == {"delivered_after_pickup": [("C", ())]}


def test_what_is_set_down_is_pressed_as_it_was_taken_up():
    """400 kg at 900 kg/m³ are 444.4 l, 445 with the last begun litre: 445 come on board and 445 leave."""
    problem = CITY.problem(truck(compacted_density_kg_m3={"waste": 900}), load=exchange())
    visits = hand_plan(problem, {"truck": "AC"}).routes[0].visits
    assert [visit.load_after for visit in visits] == [(400, 445), (0, 0)]


def test_a_transfer_counts_as_on_board_until_it_is_set_down():
    """Paper from A to B, then glass at C: one class at a time. Glass at C before B meets paper on board."""
    carrier = truck(classes=frozenset({"paper", "glass"}))
    load = {"A": stop(bring_to="B", waste_class="paper"), "B": stop(-10, -10, waste_class="paper"), "C": stop(waste_class="glass")}
    problem = CITY.problem(carrier, load=load)
    assert broken(problem, {"truck": "ABCU"}) == KEPT
    assert broken(problem, {"truck": "ACBU"}) == {"one_class_per_trip": [("C", ())]}
