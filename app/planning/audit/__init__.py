"""The audit before buying: what Kerbside would have saved, from a town's own past; it may say "buy nothing".

An audit reads like this::

    past = read_past(folder, prices, seed=1)                 # past fills, or lift records and weigh tickets; and how good they are
    study = study_of(past, weeks=12)                         # everything tuned on the weeks before
    finding = audit(past, study, prices, executor)           # today's plan, better weekdays, sensors, and who knows the future
    page = html_report(finding)

Three steps are held apart, because they have three prices: better weekdays cost nothing; sensors are to pay out of what they save beyond
better weekdays; and what even perfect knowledge could not save is the floor.
"""
