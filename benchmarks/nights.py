"""Generated nights for benchmarks: a town's containers of seven classes, six trucks of three kinds, two depots, two facilities.

Places are random on a flat town, and travel is the crow's way times a detour at a lorry's speed: what is measured is the search, and
nothing that is said about these towns is said about a real one.
"""

import numpy as np

from routing.problem import COST_UNITS_PER_CURRENCY, BreakRule, Facility, Problem, Stop, Travel, Vehicle, Window

H = 3600
DETOUR, METRES_PER_S = 1.35, 8.0
# class: (share of stops, litres, kg, density after the press in kg/m³, seconds a lift, what lifts it)
CLASSES = {
    "residual": (0.24, 1_100, 130, 450, 60, "rear"),
    "paper": (0.20, 1_100, 60, 300, 60, "rear"),
    "plastic": (0.20, 1_100, 30, 150, 60, "rear"),
    "food": (0.12, 660, 250, 800, 60, "rear"),
    "composite": (0.06, 1_100, 40, 200, 60, "rear"),
    "glass": (0.13, 3_000, 800, 0, 180, "crane"),
    "metal": (0.05, 3_000, 250, 0, 180, "crane"),
}
WET, DRY = frozenset({"residual", "food", "paper"}), frozenset({"paper", "plastic", "metal", "glass", "composite"})
SHIFT = Window(6 * H, 15 * H)
GATE = (Window(6 * H, 16 * H - 1_200),)


def town_night(stops: int = 150, mandatory: int = 90, *, seed: int = 1, trucks: int = 6, radius_m: int = 5_000) -> Problem:
    """One night of a town: so many offered stops on about a third as many sites, so many of them mandatory."""
    rng = np.random.default_rng(seed)
    sites = max(1, stops // 3)
    # Depots and facilities lie at the edge of the town, sites around its middle.
    angle = rng.uniform(0, 2 * np.pi, 4)
    edge = 0.9 * radius_m * np.column_stack((np.cos(angle), np.sin(angle)))
    points = np.vstack((edge, rng.normal(0, radius_m / 2, (sites, 2))))
    metres = np.rint(DETOUR * np.hypot(*np.moveaxis(points[:, None] - points[None], -1, 0))).astype(np.int64)
    seconds = np.rint(metres / METRES_PER_S).astype(np.int64)
    names = rng.choice(list(CLASSES), stops, p=[one[0] for one in CLASSES.values()])
    return Problem(
        stops=tuple(_stop(i, str(name), 4 + int(rng.integers(sites)), i < mandatory, rng) for i, name in enumerate(names)),
        facilities=(
            Facility(key="transfer station", location=2, accepts=WET, windows=GATE, turnaround_s=1_200, fee_per_kg=_money(0.04)),
            Facility(key="sorting plant", location=3, accepts=DRY, windows=GATE, turnaround_s=900),
        ),
        vehicles=tuple(_vehicle(number) for number in range(trucks)),
        travel=(Travel(seconds, metres),),
    )


def _stop(number: int, name: str, location: int, mandatory: bool, rng: np.random.Generator) -> Stop:
    _, litres, kg, _, lift_s, lift = CLASSES[name]
    fill = rng.uniform(0.7, 1.1) if mandatory else rng.uniform(0.4, 0.8)
    prize = None if mandatory else _money(rng.uniform(1, 12))
    load, needs = (round(kg * fill), round(litres * fill)), frozenset({lift})
    return Stop(
        key=f"{name} {number}",
        location=location,
        load=load,
        waste_class=name,
        service_s=lift_s,
        setup_s=30,
        prize=prize,
        needs=needs,
    )


def _vehicle(number: int) -> Vehicle:
    """Large, large, compact, compact, crane, crane, and again; by turns from either depot."""
    kg, litres, per_day, per_h, per_km, lift = (
        (9_500, 21_000, 310, 62, 1.25, "rear"),
        (5_500, 13_000, 230, 58, 0.95, "rear"),
        (8_000, 24_000, 260, 58, 0.95, "crane"),
    )[number // 2 % 3]
    carried = {name: density for name, (*_, density, _, lifted) in CLASSES.items() if lifted == lift}
    return Vehicle(
        key=f"T{number + 1}",
        start_location=number % 2,
        end_location=number % 2,
        capacity=(kg, litres),
        shift=SHIFT,
        classes=frozenset(carried),
        compacted_density_kg_m3={name: density for name, density in carried.items() if density},
        max_duration_s=8 * H,
        fixed_cost=_money(per_day),
        cost_per_s=_money(per_h / H),
        cost_per_m=_money(per_km / 1_000),
        breaks=(BreakRule(key="break", duration_s=1_800, after_work_s=6 * H),),
        offers=frozenset({lift}),
    )


def _money(amount: float) -> int:
    return round(amount * COST_UNITS_PER_CURRENCY)
