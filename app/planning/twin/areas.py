"""Areas: places so near each other that a truck which comes for one may as well come for all.

Days are decided upon by area, for stems and shifts are shared; containers are decided upon within the areas that are driven to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from app.planning.twin.tours import Tour, Tours

WIDE = 0.35
"""An area is at most so wide, as a part of the way to its yard."""
MOST_AREAS = 6
"""The cost of every set of areas is worked out: 2^6 tours."""
AreaSet = frozenset[int]


@dataclass(eq=False)
class Areas:
    """K areas of a town's containers, with the tours of each set of them.

    Parameters
    ----------
    of
        Each container's area, 0..K-1 (n,).
    """

    tours: Tours
    of: NDArray[np.int64]
    _tour: dict[AreaSet, Tour] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return int(self.of.max()) + 1

    def members(self, areas: AreaSet) -> NDArray[np.bool_]:
        """The containers of these areas (n,)."""
        return np.isin(self.of, list(areas))

    def tour(self, areas: AreaSet) -> Tour:
        """All containers of these areas lifted on one day."""
        if areas not in self._tour:
            self._tour[areas] = self.tours.of(self.members(areas))
        return self._tour[areas]

    def sets(self) -> list[AreaSet]:
        """All sets of areas, the empty one first."""
        return [frozenset(some) for size in range(self.count + 1) for some in combinations(range(self.count), size)]


def areas_of(tours: Tours) -> Areas:
    """Cut the town where gaps are wide, compared with the way to the yard; into few enough areas."""
    town = tours.town
    places = town.yard
    if places <= 1:
        return Areas(tours, np.zeros(len(town.keys), np.int64))
    between = (town.distance_m[:places, :places] + town.distance_m[:places, :places].T) / 2
    tree = linkage(squareform(between, checks=False), method="complete")
    usual_m = float(np.median(town.distance_m[:places, town.yard]))
    label = fcluster(tree, WIDE * usual_m, criterion="distance")
    if label.max() > MOST_AREAS:
        label = fcluster(tree, MOST_AREAS, criterion="maxclust")
    return Areas(tours, (label[town.place_of] - 1).astype(np.int64))
