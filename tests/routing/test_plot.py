"""Plans as pictures: what must be in them, whatever the plan; how they look is for eyes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from routing.check import check
from routing.instances import Instance, read_instance
from routing.instances.figures import Floats
from routing.plan import Plan
from routing.plot import COLOURS, Scale, draw_plan, on_plane, scale_of, write_plot
from routing.problem import BreakRule, Problem, Window
from tests.routing.ascii_city import ascii_city, truck
from tests.routing.plans import hand_plan
from tests.routing.test_instances import KIM, SOLOMON
from tests.routing.test_instances_vrplib import POINTS, vrplib


@pytest.fixture
def problem() -> Problem:
    """A and B are 500 and 400 kg of 1,000: half full, then nine tenths."""
    lunch = BreakRule(key="lunch", duration_s=600, window=Window(0, 60))
    return ascii_city("D----A----B----U").problem(truck(breaks=(lunch,)), load={"A": (500, 100), "B": (400, 100)})


@pytest.fixture
def plan(problem: Problem) -> Plan:
    plan = hand_plan(problem, {"truck": ["A", "lunch", "B", "U"]})
    assert check(problem, plan).violations == ()
    return plan


def points(problem: Problem) -> Floats:
    return np.column_stack((np.arange(problem.travel[0].size), np.zeros(problem.travel[0].size))).astype(float)


def texts(figure: Figure) -> str:
    """All that is written, a line a text."""
    legends = [child for axes in figure.axes for child in axes.get_children() if hasattr(child, "get_texts")]
    written = [*figure.texts, *(axes.title for axes in figure.axes), *(text for one in legends for text in one.get_texts())]
    written += [axes._left_title for axes in figure.axes]
    return "\n".join(text.get_text() for text in written)


def curves(axes: Axes) -> list[list[float]]:
    """Fill of the dimensions in per cent; the line at 100 is not one of them."""
    drawn = [[float(value) for value in line.get_ydata()] for line in axes.lines]
    return [values for values in drawn if set(values) != {100.0}]


def test_degrees_lie_on_the_plane_in_metres_east_and_north():
    """At 60° north a degree of longitude is half of one of latitude: 55.6 km and 111.2 km; and the 180th meridian is no edge."""
    for lon in (10.0, 179.5):
        far = lon + 1 if lon < 100 else lon + 1 - 360
        xy = on_plane(np.array([[60.0, lon], [60.0, far], [61.0, lon], [59.0, lon]]))
        east_km, north_km = (xy[1] - xy[0])[0] / 1_000, (xy[2] - xy[0])[1] / 1_000
        assert (east_km, north_km) == (pytest.approx(55.6, abs=0.1), pytest.approx(111.2, abs=0.1))
        assert np.allclose(xy.mean(axis=0), 0, atol=1e-6)


def test_the_legend_says_how_far_and_how_much(problem: Problem, plan: Plan):
    """Out to U and home are 2 × 1,200 m; 500 + 400 kg, 100 + 100 l."""
    said = texts(draw_plan(problem, plan, title="Street"))
    assert "Street: 1 route, 2 stops, 2.4 km" in said
    assert "1  truck: 2.4 km, 2 stops, 900 kg + 200 l" in said


def test_the_load_climbs_with_each_stop_and_falls_with_the_unload(problem: Problem, plan: Plan):
    profile = draw_plan(problem, plan).axes[-1]
    kg, litres = curves(profile)
    assert sorted(set(kg)) == [0, 50, 90]
    assert (kg[0], max(kg), kg[-1]) == (0, 90, 0)
    assert (litres[0], max(litres), litres[-1]) == (0, 20, 0)


def test_unloads_and_breaks_are_to_be_seen(problem: Problem, plan: Plan):
    assert {visit.kind.value for visit in plan.routes[0].visits} == {"pickup", "unload", "break"}
    said = texts(draw_plan(problem, plan))
    assert "unloading" in said
    assert "break" in said


def test_without_coordinates_there_are_only_profiles(problem: Problem, plan: Plan):
    bare, drawn = draw_plan(problem, plan), draw_plan(problem, plan, xy=points(problem))
    assert len(drawn.axes) == len(bare.axes) + 1
    assert drawn.get_figheight() > bare.get_figheight()
    assert "depot" not in texts(bare)
    assert {"depot", "facility"} <= set(texts(drawn).splitlines())


def test_routes_that_lie_beside_each_other_have_different_colours():
    """Seven trucks around the depot in the middle of a ring of seven stops."""
    names = "ABCDEFG"
    city = ascii_city("D" + "-".join("ABC") + "".join(f"-{name}" for name in "EFGH"))
    stops = [name for name in city.names if name != "D"]
    problem = city.problem(*(truck(f"T{name}", ends_empty=False) for name in names), load=dict.fromkeys(stops, (10, 10)))
    plan = hand_plan(problem, {f"T{name}": [stop] for name, stop in zip(names, stops, strict=True)})
    angles = np.linspace(0, 2 * np.pi, len(stops), endpoint=False)
    xy = np.vstack(([0.0, 0.0], np.column_stack((np.cos(angles), np.sin(angles)))))
    plane = draw_plan(problem, plan, xy=xy).axes[0]
    assert len({line.get_color() for line in plane.lines}) == len(COLOURS) == 7


def test_the_same_plan_gives_the_same_picture_to_the_byte(problem: Problem, plan: Plan, tmp_path):
    for name in ("one.svg", "two.svg"):
        write_plot(draw_plan(problem, plan, xy=points(problem), title="Street"), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert "2.4 km, 2 stops" in (tmp_path / "one.svg").read_text(), "letters are letters, that can be searched"


def test_an_empty_plan_is_a_picture_too(problem: Problem, tmp_path):
    nothing = Plan(routes=(), unserved=(), engine="none", seed=0, problem_digest="")
    write_plot(draw_plan(problem, nothing, xy=points(problem)), tmp_path / "nothing.svg")
    assert (tmp_path / "nothing.svg").stat().st_size > 0


@pytest.mark.parametrize(
    "wrong",
    [{"location": 5_000}, {"location": -1}, {"load_after": ()}, {"departure_s": 10**30}, {"key": "nobody"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_plan_full_of_nonsense_is_drawn_as_far_as_it_goes(problem: Problem, plan: Plan, tmp_path, wrong: dict[str, object]):
    first, *others = plan.routes[0].visits
    nonsense = replace(plan, routes=(replace(plan.routes[0], visits=(replace(first, **wrong), *others)),))
    assert not check(problem, nonsense).feasible
    write_plot(draw_plan(problem, nonsense, xy=points(problem)), tmp_path / "nonsense.svg")
    assert (tmp_path / "nonsense.svg").stat().st_size > 0


@pytest.mark.parametrize(
    ("instance", "scale", "length", "hour"),
    [
        (read_instance(KIM), Scale("miles", 5_280), "2.0 miles", "2:56"),
        (read_instance(SOLOMON), Scale("", 10, seconds=10), "distance 1,056", "1,056"),
        (read_instance(vrplib("HFVRP", "CAPACITY : 9")).beside(79035.62), Scale("", 1_000, seconds=1_000), "distance 11", "11"),
    ],
    ids=["Kim", "Solomon", "HFVRP"],
)
def test_each_kind_of_instance_has_its_units(instance: Instance, scale: Scale, length: str, hour: str):
    """10,560 feet are 2 miles, 10,560 s are 2:56; in tenths they are 1,056, in thousandths 11."""
    assert scale_of(instance) == scale
    assert (scale.length(10_560), scale.hour(10_560)) == (length, hour)


# Coordinates


def test_each_format_says_where_its_locations_lie():
    for instance in (read_instance(vrplib("CVRP", "CAPACITY : 9")), read_instance(SOLOMON), read_instance(KIM)):
        assert instance.xy is not None
        assert instance.xy.shape == (instance.problem.travel[0].size, 2)
    assert read_instance(SOLOMON).xy[1].tolist() == [-3, 4]
    assert read_instance(KIM).xy[:2].tolist() == [[0, 0], [0, 10_560]], "the depot comes first"


def test_a_matrix_that_is_written_out_may_come_with_places_to_draw_or_without():
    matrix = "EDGE_WEIGHT_FORMAT : LOWER_ROW"
    weights = "EDGE_WEIGHT_SECTION\n3\n4 5"
    shown = POINTS.replace("NODE_COORD", "DISPLAY_DATA")
    assert read_instance(vrplib("CVRP", "CAPACITY : 9", matrix, weights, weights="EXPLICIT", points="")).xy is None
    there = read_instance(vrplib("CVRP", "CAPACITY : 9", matrix, weights, weights="EXPLICIT", points=shown)).xy
    assert there is not None
    assert there.tolist() == [[0, 0], [3, 4], [6, 8]]
