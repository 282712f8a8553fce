"""A route as GPX: the way along the streets as a track, its stops as waypoints."""

import gpxpy.gpx

from app.dispatch.sheet import RouteSheet, Stop


def to_gpx(sheet: RouteSheet) -> str:
    """GPX 1.1; the waypoints in the order of the route, with the planned arrivals."""
    route, plan, vehicle = sheet.of.route, sheet.of.plan, sheet.of.vehicle
    gpx = gpxpy.gpx.GPX()
    gpx.creator = "Kerbside"
    gpx.name = f"{vehicle.code} {plan.service_date}"
    gpx.waypoints = [_waypoint(stop) for stop in sheet.stops if stop.place is not None]
    points = [gpxpy.gpx.GPXTrackPoint(lat, lon) for lon, lat in route.path]
    if points:
        track = gpxpy.gpx.GPXTrack(name=gpx.name)
        track.segments.append(gpxpy.gpx.GPXTrackSegment(points))
        gpx.tracks.append(track)
    return str(gpx.to_xml(version="1.1"))


def _waypoint(stop: Stop) -> gpxpy.gpx.GPXWaypoint:
    place, visit = stop.place, stop.visit
    assert place is not None, "asked for stops with a place only"
    what = f"{stop.container.container.code} {stop.container.container.waste_class}" if stop.container else str(visit.kind)
    return gpxpy.gpx.GPXWaypoint(
        place.lat, place.lon, time=visit.arrives_at, name=f"{visit.sequence} {place.name}", description=what, type=str(visit.kind)
    )
