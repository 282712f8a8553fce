"""Distances on the globe, taken as a sphere: within 0.5 % of the ellipsoid."""

from typing import Final

import numpy as np
import numpy.typing as npt

EARTH_RADIUS_M: Final = 6_371_008.8
METRES_PER_DEGREE: Final = EARTH_RADIUS_M * np.pi / 180

FloatArray = npt.NDArray[np.float64]


def great_circle_m(lon_a: FloatArray, lat_a: FloatArray, lon_b: FloatArray, lat_b: FloatArray) -> FloatArray:
    """Distance in metres by the haversine formula; degrees in, arrays broadcast against each other."""
    phi_a, phi_b = np.radians(lat_a), np.radians(lat_b)
    half_chord = np.sin((phi_b - phi_a) / 2) ** 2 + np.cos(phi_a) * np.cos(phi_b) * np.sin(np.radians(lon_b - lon_a) / 2) ** 2
    distance: FloatArray = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(half_chord, 1)))
    return distance


def to_xyz_m(lon: FloatArray, lat: FloatArray) -> FloatArray:
    """Points in space, in metres from the centre of the Earth; shape (n, 3). Straight distances there hold for any latitude."""
    lam, phi = np.radians(lon), np.radians(lat)
    return EARTH_RADIUS_M * np.column_stack((np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)))


def as_points(points: npt.ArrayLike) -> FloatArray:
    """Check and copy points given as (longitude, latitude) in degrees.

    Returns
    -------
    ndarray
        Shape (n, 2), float64.

    Raises
    ------
    ValueError
        If the shape is another, or a coordinate is not a place on Earth; the message names the first bad point.
    """
    array = np.array(points, dtype=np.float64)
    if array.size == 0:
        return array.reshape(0, 2)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"points must have the shape (n, 2): longitude, latitude; got {array.shape}")
    bad = ~np.isfinite(array).all(axis=1) | (np.abs(array) > (180, 90)).any(axis=1)
    if bad.any():
        index = int(np.flatnonzero(bad)[0])
        raise ValueError(f"point {index} is no place on Earth: longitude {array[index, 0]}, latitude {array[index, 1]}")
    return array
