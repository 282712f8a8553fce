"""Room for stops that are owed: optional ones get off a truck that could carry a mandatory one in their place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial, reduce

from routing.insertion import Board, insert_greedily, without
from routing.problem import Stop, Vehicle


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One vehicle's board with the mandatory stop on it, and what the change costs in money and prizes."""

    vehicle: Vehicle
    board: Board
    extra_cost: int


def make_room(board: Board, stops: Iterable[Stop]) -> None:
    """Put each mandatory stop that has no place yet into a truck from which optional ones must get off for it.

    Parameters
    ----------
    stops
        Those left out; optional ones among them are passed over, and so are those whose alternative is served.

    Notes
    -----
    Per vehicle the fewest optional stops get off, those of the lowest prizes for what they cost first; they get on again where
    the mandatory stop leaves them room, and the vehicle is taken where that costs least. After it a mandatory stop stays out only
    if it has no place among a vehicle's other mandatory stops either, in the order in which they are driven.
    """
    for stop in stops:
        if stop.mandatory and stop.key not in board.problem.taken_up_at and not board.serves_group_of(stop):
            exchanges = (_exchange(board, vehicle, stop) for vehicle in board.problem.vehicles if vehicle.may_serve(stop))
            best = min((one for one in exchanges if one is not None), key=lambda one: one.extra_cost, default=None)
            if best is not None:
                board.put(best.vehicle.key, best.board.orders[best.vehicle.key])


def _exchange(board: Board, vehicle: Vehicle, stop: Stop) -> _Exchange | None:
    sketch = board.sketch(vehicle)
    optional = _least_worth_first(one for one in sketch.order if isinstance(one, Stop) and _may_get_off(board, vehicle, one))
    fewest = _fewest(board, vehicle, stop, optional)
    alone = None if fewest is None else _with_stop(board, vehicle, stop, optional[:fewest])
    if alone is None:
        return None
    insert_greedily(alone, optional[:fewest])
    on_board = {place.key for place in alone.orders[vehicle.key]}
    lost = sum(one.prize or 0 for one in optional[:fewest] if one.key not in on_board)
    return _Exchange(vehicle, alone, alone.sketch(vehicle).cost - sketch.cost + lost)


def _may_get_off(board: Board, vehicle: Vehicle, stop: Stop) -> bool:
    """Is it optional, and nothing that the driver has been told? What is set down gets off with what was taken up for it."""
    return not stop.mandatory and stop.key not in vehicle.head and stop.key not in board.problem.taken_up_at


def _least_worth_first(stops: Iterable[Stop]) -> list[Stop]:
    """By prize for each second that the stop is sure to take."""
    return sorted(stops, key=lambda one: ((one.prize or 0) / (1 + one.service_s), one.key))


def _fewest(board: Board, vehicle: Vehicle, stop: Stop, optional: list[Stop]) -> int | None:
    """How many must get off, found by halving; None if all of them would not be enough."""
    most = len(optional)
    if not most or _with_stop(board, vehicle, stop, optional) is None:
        return None
    least = 0
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if _with_stop(board, vehicle, stop, optional[:middle]) else (middle, most)
    return most


def _with_stop(board: Board, vehicle: Vehicle, stop: Stop, off: list[Stop]) -> Board | None:
    """A board of this vehicle alone with the stop in the place of those that get off, or None where it still has no place."""
    order = reduce(partial(without, vehicle=vehicle), off, board.orders.get(vehicle.key, ()))
    alone = Board(board.problem, {vehicle.key: order}, vehicles=(vehicle,))
    best = alone.cheapest_on(vehicle, stop)
    if best is None:
        return None
    alone.put(vehicle.key, best.order)
    return alone
