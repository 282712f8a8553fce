"""What each container will hold, and how sure that is: frozen data in, frozen data out.

A night of one tenant::

    histories = build_histories(readings, lifts, sensors)                                   # all containers at once
    origins = nightly_origins(first_day, yesterday, tz)
    artifact = learn(training_table(histories, origins, context, KNOTS_H, until=now))       # store freeze(artifact)
    outlook = artifact.model.predict(snapshots(histories, [now], context), range(1, 169))   # (n, 168, 3) fills
    overflow = overflow_probability(outlook, threshold=1.0)                                 # (n, 168)
    fill = expected_fill(outlook)                                                           # (n, 168)

Ingest keeps a `level.LevelState` per container and calls `level.step` on each reading, `level.lift` on each reported emptying.
"""
