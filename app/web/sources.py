"""The dispatcher's pages of sources: which network servers send, what became of their last messages, how each is set up."""

from flask import Blueprint, flash, request
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from app.errors import Rejected
from app.http import field_problems
from app.telemetry import source_queries
from app.telemetry.models import MessageOutcome, Source, SourceKind
from app.telemetry.source_api import uplink_url
from app.telemetry.source_schemas import SourceSchema
from app.telemetry.source_setup import LABELS, setup_of
from app.telemetry.sources import change_source, create_source, renew_secret
from app.tenancy import page_session
from app.tenancy.api import requires, session
from app.tenancy.models import Scope
from app.tenancy.scope import get_row, rows_of
from app.web.pages import back_to, render_page

blueprint = Blueprint("source_pages", __name__, url_prefix="/sources")


@blueprint.get("")
@requires(Scope.REGISTER_READ)
def list_sources() -> str:
    found = list(session().scalars(rows_of(session(), Source).order_by(Source.name)))
    states = source_queries.tallies(session(), [source.id for source in found])
    return render_page("dispatcher/sources.html", sources=found, states=states, labels=LABELS, kinds=list(SourceKind))


@blueprint.get("/<int:source_id>")
@requires(Scope.REGISTER_READ)
def one_source(source_id: int) -> str:
    source = get_row(session(), Source, source_id)
    wanted = next((one for one in MessageOutcome if one == request.args.get("outcome")), None)
    return render_page(
        "dispatcher/source.html",
        source=source,
        state=source_queries.tallies(session(), [source.id])[source.id],
        messages=source_queries.last_messages(session(), source.id, outcome=wanted),
        setup=setup_of(source, uplink_url(source)),
        label=LABELS[source.kind],
        outcomes=list(MessageOutcome),
        wanted=wanted,
    )


@blueprint.post("")
@requires(Scope.REGISTER_WRITE)
def new_source() -> str:
    """This answer is the only place where the secret ever stands."""
    given = {name: request.form[name] for name in ("name", "kind", "default_model") if request.form.get(name)}
    try:
        values = dict(SourceSchema().load(given))
    except ValidationError as error:
        raise Rejected("The form was not accepted.", fields=field_problems(error.messages)) from error
    source, own = create_source(session(), values, secret=page_session.secret())
    return _show_secret(source, own)


@blueprint.post("/<int:source_id>/secret")
@requires(Scope.REGISTER_WRITE)
def new_secret(source_id: int) -> str:
    source = get_row(session(), Source, source_id)
    return _show_secret(source, renew_secret(session(), source))


@blueprint.post("/<int:source_id>/activity")
@requires(Scope.REGISTER_WRITE)
def change_activity(source_id: int) -> Response:
    source = get_row(session(), Source, source_id)
    change_source(session(), source, {"active": request.form.get("active") == "true"}, secret=page_session.secret())
    flash(f"{source.name} is taken again." if source.active else f"{source.name} is switched off: what it sends is refused.")
    return back_to(f"/sources/{source.id}")


def _show_secret(source: Source, own: str) -> str:
    return render_page("dispatcher/source_secret.html", source=source, secret=own, setup=setup_of(source, uplink_url(source)))
