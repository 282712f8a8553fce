"""The room's endpoints: signing in, who am I, people, keys, grants, looks under a grant, settings and the audit log."""

from typing import Any

from flask import request
from flask.views import MethodView

from app.db import Versioned
from app.errors import NotAllowed
from app.http import PageArgs, etag_of, page_body, read_page, require_current
from app.openapi import Blueprint
from app.tenancy import operations, page_session, queries, schemas
from app.tenancy.api import database, identity, requires, session
from app.tenancy.identity import Identity
from app.tenancy.models import ApiKey, AuditEntry, ReadGrant, Scope, Tenant, UserAccount
from app.tenancy.scope import get_row, rows_of

blueprint = Blueprint("tenancy", __name__, url_prefix="/api/v1", description="Who may do what, and who did.")


def with_etag(row: Versioned, status: int = 200) -> tuple[Versioned, int, dict[str, str]]:
    """A row and its version; flushes first, because a change gets its version when it is written."""
    session().flush()
    return row, status, {"ETag": etag_of(row)}


def describe(who: Identity) -> dict[str, Any]:
    own = session().get_one(Tenant, who.tenant_id)
    return {name: getattr(who, name) for name in ("tenant_id", "actor", "role", "user_id", "route_id", "view_tenant_id")} | {
        "tenant_slug": own.slug,
        "scopes": sorted(who.scopes),
    }


@blueprint.route("/session")
class PageSession(MethodView):
    @blueprint.doc(security=[])
    @blueprint.arguments(schemas.SignInSchema)
    @blueprint.response(200, schemas.MeWithTokenSchema)
    def post(self, form: dict[str, Any]) -> dict[str, Any]:
        """Sign in: the answer sets the session's cookie, and holds the token that changes must carry (X-CSRF-Token)."""
        if not page_session.comes_from_our_pages():
            raise NotAllowed("This request was sent by a page of another site.")
        signed_in = operations.sign_in(database(), **form, network_address=request.remote_addr or "unknown", secret=page_session.secret())
        page_session.start(signed_in)
        with database().transaction(signed_in.identity.tenant_id) as own:
            slug = queries.get_tenant(own).slug
        who = signed_in.identity
        return {"tenant_id": who.tenant_id, "tenant_slug": slug, "actor": who.actor, "role": who.role, "user_id": who.user_id} | {
            "scopes": sorted(who.scopes),
            "csrf_token": page_session.csrf_token(),
        }

    @blueprint.doc(security=[])
    @blueprint.response(204)
    def delete(self) -> None:
        """Sign out in this browser."""
        page_session.check_csrf()
        page_session.end()


@blueprint.route("/me")
class Me(MethodView):
    @blueprint.response(200, schemas.MeSchema)
    def get(self) -> dict[str, Any]:
        """Who the credential belongs to, and what it may do."""
        return describe(identity())


@blueprint.route("/users")
class Users(MethodView):
    @requires(Scope.ADMIN)
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.response(200, schemas.UserPage)
    def get(self, page: dict[str, Any]) -> Any:
        """List the tenant's people."""
        return page_body(*read_page(session(), rows_of(session(), UserAccount), UserAccount, **page))

    @requires(Scope.ADMIN)
    @blueprint.arguments(schemas.UserSchema)
    @blueprint.response(201, schemas.UserSchema)
    def post(self, new: dict[str, Any]) -> Any:
        """A new person, who can sign in at once."""
        return with_etag(operations.create_user(session(), **new), 201)


@blueprint.route("/users/<int:user_id>")
class UserById(MethodView):
    @requires(Scope.ADMIN)
    @blueprint.response(200, schemas.UserSchema)
    def get(self, user_id: int) -> Any:
        """One person."""
        return with_etag(get_row(session(), UserAccount, user_id))

    @requires(Scope.ADMIN)
    @blueprint.arguments(schemas.UserChangeSchema)
    @blueprint.response(200, schemas.UserSchema)
    def patch(self, values: dict[str, Any], user_id: int) -> Any:
        """New name, role or activity. Another role, or none, ends the person's sessions."""
        user = get_row(session(), UserAccount, user_id)
        require_current(user)
        operations.change_user(session(), user, values)
        return with_etag(user)

    @requires(Scope.ADMIN)
    @blueprint.response(204)
    def delete(self, user_id: int) -> None:
        """The person can no longer sign in; the row stays, because the audit log names it."""
        user = get_row(session(), UserAccount, user_id)
        require_current(user)
        operations.deactivate_user(session(), user)


@blueprint.route("/users/<int:user_id>/password")
class UserPassword(MethodView):
    @blueprint.arguments(schemas.PasswordSchema)
    @blueprint.response(204)
    def put(self, passwords: dict[str, str], user_id: int) -> None:
        """One's own with the old one, anybody's as an administrator. Every session of the person ends but the one that asks."""
        own = identity().user_id == user_id
        if not own:
            identity().require(Scope.ADMIN)
        user = get_row(session(), UserAccount, user_id)
        if own:
            operations.change_password(session(), user, old=passwords["old_password"], new=passwords["new_password"])
            page_session.keep_version(user.session_version)
        else:
            operations.set_password(session(), user, passwords["new_password"], field="new_password")


@blueprint.route("/users/<int:user_id>/sign-out")
class UserSignOut(MethodView):
    @blueprint.response(204)
    def post(self, user_id: int) -> None:
        """End every session of a person (a lost phone): one's own, or anybody's as an administrator."""
        if identity().user_id != user_id:
            identity().require(Scope.ADMIN)
        operations.sign_out(session(), get_row(session(), UserAccount, user_id))


@blueprint.route("/api-keys")
class ApiKeys(MethodView):
    @requires(Scope.ADMIN)
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.response(200, schemas.ApiKeyPage)
    def get(self, page: dict[str, Any]) -> Any:
        """List the tenant's keys: what each may do, not the keys themselves."""
        return page_body(*read_page(session(), rows_of(session(), ApiKey), ApiKey, **page))

    @requires(Scope.ADMIN)
    @blueprint.arguments(schemas.ApiKeySchema)
    @blueprint.response(201, schemas.NewApiKeySchema)
    def post(self, new: dict[str, Any]) -> dict[str, Any]:
        """A new key. The answer is the only place where the key itself ever stands."""
        scopes = frozenset(Scope(scope) for scope in new.pop("scopes"))
        row, key = operations.create_api_key(session(), scopes=scopes, **new)
        session().refresh(row)
        return {name: getattr(row, name) for name in ("id", "name", "prefix", "scopes", "expires_at", "created_at")} | {"key": key}


@blueprint.route("/api-keys/<int:key_id>")
class ApiKeyById(MethodView):
    @requires(Scope.ADMIN)
    @blueprint.response(204)
    def delete(self, key_id: int) -> None:
        """The key opens nothing any more."""
        operations.revoke_api_key(session(), get_row(session(), ApiKey, key_id))


@blueprint.route("/grants")
class Grants(MethodView):
    @requires(Scope.ADMIN)
    @blueprint.arguments(PageArgs, location="query")
    @blueprint.response(200, schemas.GrantPage)
    def get(self, page: dict[str, Any]) -> Any:
        """Grants given to the parent, and those that children gave to this tenant."""
        return page_body(*read_page(session(), queries.select_grants(session()), ReadGrant, **page))

    @requires(Scope.ADMIN)
    @blueprint.arguments(schemas.GrantSchema)
    @blueprint.response(201, schemas.GrantSchema)
    def post(self, new: dict[str, Any]) -> ReadGrant:
        """Let the parent read this tenant's rows (people, keys and the audit log excepted)."""
        grant = operations.grant_read(session(), **new)
        session().refresh(grant)
        return grant


@blueprint.route("/grants/<int:grant_id>")
class GrantById(MethodView):
    @requires(Scope.ADMIN)
    @blueprint.response(204)
    def delete(self, grant_id: int) -> None:
        """Revoke: the parent's next query finds nothing."""
        operations.revoke_grant(session(), get_row(session(), ReadGrant, grant_id))


@blueprint.route("/view")
class View(MethodView):
    @blueprint.response(200, schemas.ViewableListSchema)
    def get(self) -> dict[str, Any]:
        """The children that may be looked into now."""
        identity().require_reader()
        return {"items": queries.list_tenants_open_to_us(session())}

    @blueprint.arguments(schemas.ViewSchema)
    @blueprint.response(200, schemas.ViewableSchema)
    def post(self, wanted: dict[str, str]) -> Tenant:
        """Look into a child from the next request on, read only. Page sessions only; programs send `Kerbside-View: <slug>` each time."""
        who = identity()
        who.require_reader()
        if who.user_id is None:
            raise NotAllowed("Only a person's page session can keep looking; a program names the child in the header Kerbside-View.")
        with database().transaction(who.tenant_id, actor=who.actor) as own:
            child = operations.look_into(own, slug=wanted["tenant"])
        page_session.view(child.id)
        return child

    @blueprint.response(204)
    def delete(self) -> None:
        """Back to one's own rows."""
        page_session.view(None)


@blueprint.route("/tenant")
class TenantSettings(MethodView):
    @blueprint.response(200, schemas.TenantSchema)
    def get(self) -> Any:
        """The tenant's own settings."""
        return with_etag(queries.get_tenant(session()))

    @requires(Scope.ADMIN)
    @blueprint.arguments(schemas.TenantSchema)
    @blueprint.response(200, schemas.TenantSchema)
    def patch(self, values: dict[str, Any]) -> Any:
        """Change some of the tenant's settings. Send If-Match."""
        tenant = queries.get_tenant(session())
        require_current(tenant)
        operations.change_tenant(session(), tenant, values)
        return with_etag(tenant)


@blueprint.route("/audit")
class Audit(MethodView):
    @requires(Scope.ADMIN)
    @blueprint.arguments(schemas.AuditArgs, location="query")
    @blueprint.response(200, schemas.AuditPage)
    def get(self, wanted: dict[str, Any]) -> Any:
        """Who changed what, oldest first; with the looks of the parent into this tenant."""
        page = {"limit": wanted.pop("limit"), "cursor": wanted.pop("cursor")}
        return page_body(*read_page(session(), queries.select_audit(session(), **wanted), AuditEntry, **page))
