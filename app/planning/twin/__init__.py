"""The twin: a town's real inflow replayed day by day under any policy, all routed by the same solver with the same trucks and costs.

A study of a town reads like this::

    town, inflow, step = read_town(folder, seed=1)          # places, trucks and costs; what residents threw in, day by day
    study = Study(town, inflow, first, last, sensors=Sensors(step))
    outcomes = run_study(study, ("fixed", "ours", "clairvoyant"), executor)   # policies of each arm, tuned before the counted days
    captures(outcomes)                                      # at equal service: what ours saves of what can be saved

and one policy alone like this::

    replay(inflow, Tours(town), Threshold(0.7), Span(first, last, warm_up=14))

A policy sees what it could have seen: readings and lifts up to the evening before. Only references are handed the future.
"""
