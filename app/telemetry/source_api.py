"""Sources, device profiles, and the one address that all network servers send to."""

from datetime import UTC, datetime
from typing import Any

from flask import Response, current_app, jsonify, request, url_for
from flask.views import MethodView

from app.errors import NotFound, Rejected
from app.http import PageArgs, etag_of, page_body, read_page, require_current
from app.openapi import Blueprint
from app.telemetry import readings, source_queries, sources, uplinks
from app.telemetry import source_schemas as schemas
from app.telemetry.models import DeviceProfile, MessageOutcome, Source, SourceMessage
from app.telemetry.source_setup import setup_of
from app.telemetry.uplinks import Uplink, Verdict
from app.tenancy import page_session
from app.tenancy.api import database, requires, session
from app.tenancy.models import Scope
from app.tenancy.scope import get_row, rows_of

blueprint = Blueprint("sources", __name__, url_prefix="/api/v1", description="Network servers and brokers that send us messages.")

FORM = "application/x-www-form-urlencoded"
MOST_PROBLEMS = 20


def uplink_url(source: Source) -> str:
    """Its address; behind https it says so, though this request may have come to us over plain http."""
    scheme = "https" if current_app.config["SESSION_COOKIE_SECURE"] else None
    return url_for("sources.Uplinks", source_key=source.source_key, _external=True, _scheme=scheme)


def described(source: Source) -> dict[str, Any]:
    """A source as it is shown, with its state and how to set it up."""
    state = source_queries.tallies(session(), [source.id])[source.id]
    own = {name: getattr(source, name) for name in schemas.SourceSchema().dump_fields}
    return own | {"state": state, "setup": setup_of(source, uplink_url(source))}


@blueprint.route("/sources")
class Sources(MethodView):
    @requires(Scope.REGISTER_READ)
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.response(200, schemas.SourcePage)
    def get(self, page: dict[str, Any]) -> Any:
        """List sources."""
        return page_body(*read_page(session(), rows_of(session(), Source), Source, **page))

    @requires(Scope.REGISTER_WRITE)
    @blueprint.arguments(schemas.SourceSchema)
    @blueprint.response(201, schemas.NewSourceSchema)
    def post(self, new: dict[str, Any]) -> Any:
        """Make a source. This answer is the only one that holds its secret."""
        source, own = sources.create_source(session(), new, secret=page_session.secret())
        return described(source) | {"secret": own}, 201, {"ETag": etag_of(source)}


@blueprint.route("/sources/<int:source_id>")
class SourceById(MethodView):
    @requires(Scope.REGISTER_READ)
    @blueprint.response(200, schemas.OneSourceSchema)
    def get(self, source_id: int) -> Any:
        """One source, its state, and how to set it up."""
        source = get_row(session(), Source, source_id)
        return _answer_source(source)

    @requires(Scope.REGISTER_WRITE)
    @blueprint.arguments(schemas.SourceChangeSchema)
    @blueprint.response(200, schemas.OneSourceSchema)
    def patch(self, values: dict[str, Any], source_id: int) -> Any:
        """Change a source's settings; its kind, address and secret stay."""
        source = get_row(session(), Source, source_id)
        require_current(source)
        sources.change_source(session(), source, values, secret=page_session.secret())
        return _answer_source(source)

    @requires(Scope.REGISTER_WRITE)
    @blueprint.response(204)
    def delete(self, source_id: int) -> None:
        """Remove a source and its log; readings stay."""
        source = get_row(session(), Source, source_id)
        require_current(source)
        sources.delete_source(session(), source)


def _answer_source(source: Source) -> tuple[dict[str, Any], int, dict[str, str]]:
    return described(source), 200, {"ETag": etag_of(source)}


@blueprint.route("/sources/<int:source_id>/secret")
class SourceSecret(MethodView):
    @requires(Scope.REGISTER_WRITE)
    @blueprint.response(200, schemas.SecretSchema)
    def post(self, source_id: int) -> dict[str, str]:
        """Another secret; the one before opens nothing from now on."""
        return {"secret": sources.renew_secret(session(), get_row(session(), Source, source_id))}


@blueprint.route("/sources/<int:source_id>/messages")
class SourceMessages(MethodView):
    @requires(Scope.REGISTER_READ)
    @blueprint.arguments(schemas.MessageArgs, location="query")
    @blueprint.response(200, schemas.SourceMessagePage)
    def get(self, wanted: dict[str, Any], source_id: int) -> Any:
        """The last messages of a source, and what became of each."""
        source = get_row(session(), Source, source_id)
        limit, cursor = wanted.pop("limit"), wanted.pop("cursor")
        query = source_queries.select_messages(session(), source.id, **wanted)
        return page_body(*read_page(session(), query, SourceMessage, limit=limit, cursor=cursor))


@blueprint.route("/uplinks/<string:source_key>")
class Uplinks(MethodView):
    @blueprint.doc(security=[{"source": []}], requestBody={"required": True, "content": {"application/json": {"schema": {}}}})
    @blueprint.alt_response(401, description="The source's secret, or ThingPark's token, is missing or wrong.")
    @blueprint.alt_response(403, description="The source, the sender's address or the device is not allowed.")
    @blueprint.alt_response(404, description="There is no such source.")
    @blueprint.alt_response(413, description="The message is too large.")
    @blueprint.alt_response(422, description="The message cannot be taken, now or later: which field, and the mend.")
    @blueprint.response(200, schemas.UplinkAnswerSchema)
    def post(self, source_key: str) -> Response:
        """Take what a network server or a context broker sends, in the form of the source's kind.

        What is answered 200 is on disk, or is nothing to keep: a join, an acknowledgement, a repeat. What is refused now would be refused
        again; it is in the source's log all the same. A source of Kerbside's own JSON is answered as POST /measurements answers.
        """
        found = source_queries.find_source_of_key(database(), source_key)
        if found is None:
            raise NotFound("There is no such source.")
        tenant_id, source_id = found
        with database().transaction(tenant_id, actor=f"source:{source_id}") as own:
            verdicts = uplinks.take_uplink(own, source_id, _uplink(), secret=page_session.secret(), now=datetime.now(UTC))
        return _answer_uplink(verdicts)


def _uplink() -> Uplink:
    return Uplink(
        body=request.get_data(cache=False),
        query=request.query_string.decode("ascii", "replace"),
        event=request.args.get("event", "up"),
        is_form=request.mimetype == FORM,
        headers=dict(request.headers),
        address=request.remote_addr,
    )


def _answer_uplink(verdicts: list[Verdict]) -> Response:
    """Refused as a whole only where nothing was taken: a broker's notification speaks of many devices."""
    if verdicts[0].outcomes is not None:
        return Response(readings.encode_answer(list(verdicts[0].outcomes)), mimetype="application/json")
    errors = [verdict.error for verdict in verdicts if verdict.outcome is MessageOutcome.REFUSED and verdict.error]
    if len(errors) == 1 == len(verdicts):
        raise errors[0]
    if errors and len(errors) == len(verdicts):
        raise Rejected("None of the messages was taken.", fields=uplinks.list_problems(verdicts)[:MOST_PROBLEMS])
    return jsonify(schemas.UplinkAnswerSchema().dump({"items": verdicts}))


@blueprint.route("/device-profiles")
class DeviceProfiles(MethodView):
    @requires(Scope.REGISTER_READ)
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.response(200, schemas.DeviceProfilePage)
    def get(self, page: dict[str, Any]) -> Any:
        """List device profiles."""
        return page_body(*read_page(session(), rows_of(session(), DeviceProfile), DeviceProfile, **page))

    @requires(Scope.REGISTER_WRITE)
    @blueprint.arguments(schemas.DeviceProfileSchema)
    @blueprint.response(201, schemas.DeviceProfileSchema)
    def post(self, new: dict[str, Any]) -> Any:
        """Describe a device that no decoder knows. Every field that has to be mended is named."""
        row = sources.create_profile(session(), new["document"])
        return row, 201, {"ETag": etag_of(row)}


@blueprint.route("/device-profiles/<int:profile_id>")
class DeviceProfileById(MethodView):
    @requires(Scope.REGISTER_READ)
    @blueprint.response(200, schemas.DeviceProfileSchema)
    def get(self, profile_id: int) -> Any:
        """One device profile."""
        row = get_row(session(), DeviceProfile, profile_id)
        return row, 200, {"ETag": etag_of(row)}

    @requires(Scope.REGISTER_WRITE)
    @blueprint.arguments(schemas.DeviceProfileSchema)
    @blueprint.response(200, schemas.DeviceProfileSchema)
    def put(self, new: dict[str, Any], profile_id: int) -> Any:
        """Another document under the same name."""
        row = get_row(session(), DeviceProfile, profile_id)
        require_current(row)
        sources.replace_profile(session(), row, new["document"])
        return row, 200, {"ETag": etag_of(row)}

    @requires(Scope.REGISTER_WRITE)
    @blueprint.response(204)
    def delete(self, profile_id: int) -> None:
        """Remove a profile that no device is read by."""
        row = get_row(session(), DeviceProfile, profile_id)
        require_current(row)
        sources.delete_profile(session(), row)
