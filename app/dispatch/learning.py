"""Every night's lesson: densities and seconds from what crews and scales have reported, one tenant at a time."""

from datetime import datetime, timedelta

from app.db import Database
from app.dispatch.field_queries import load_field_reports
from app.planning.learned_loads import learn, load_town, store_lesson
from app.planning.models import LoadLearning
from app.planning.queries import find_load_learning
from app.tenancy.queries import get_tenant

HISTORY = timedelta(days=120)
"""Looked at; what is older is another season's."""
FRESH = timedelta(hours=20)
"""A tenant learns once a day."""
ACTOR = "job:learn"


def learn_from_reports(database: Database, tenant_id: int, until: datetime, *, again: bool = False) -> LoadLearning | None:
    """Learn from the reports up to an instant and keep it; None where it has been done lately (unless `again`), or nothing was reported.

    Reading and writing are short transactions; the learning between them holds none.
    """
    with database.transaction(tenant_id, actor=ACTOR) as session:
        newest = find_load_learning(session, until=until)
        if newest is not None and until - newest.learned_until < FRESH and not again:
            return None
        reports = load_field_reports(session, get_tenant(session).timezone, until - HISTORY, until)
        town = load_town(session, {*reports.lift_container.tolist(), *reports.visit_container.tolist()})
    if not len(reports.ticket_kg) and not len(reports.visit_s):
        return None
    lesson = learn(town, reports, until)
    with database.transaction(tenant_id, actor=ACTOR) as session:
        return store_lesson(session, lesson)
