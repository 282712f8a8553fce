"""One file a solver; the only files that import one. An engine says who visits what in which order, and nothing else.

    search(problem, *, stop, seed, on_improvement, warm_start) -> dict[str, Order] | None

Times, breaks and costs come from `routing.clock`, the verdict from `routing.check`: a solver's own figures are never quoted.
"""
