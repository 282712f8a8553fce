"""The twin: a town's real inflow replayed day by day under any policy, all routed by the same solver with the same trucks and costs.

A study of a town reads like this::

    town, inflow = read_town(folder)                    # places, trucks and costs; what residents threw in, day by day
    tours = Tours(town)                                 # what it costs to lift these containers on one day
    arms = study_arms(town, inflow, tours, span)        # policies by name, each at several service levels, tuned before the span
    outcomes = {name: [replay(town, inflow, tours, policy, span) for policy in arm] for name, arm in arms.items()}
    captured_share(outcomes, ours="ours", fixed="fixed", best="clairvoyant", overflow_share=0.0024)

A policy sees what it could have seen: readings and lifts up to the evening before. Only the clairvoyant is handed the future.
"""
