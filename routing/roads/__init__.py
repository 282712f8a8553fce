"""Streets: a graph from an OpenStreetMap extract, travel times and distances between points for a vehicle, and the lines to draw.

extract → build → graph, then an engine answers: `cch` (fast), `dijkstra` (the same answers, slower), `great_circle` (no map), `given`.
"""
