"""The administrator's page: people and keys, through the operations and with the rules of the API."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, request
from marshmallow import Schema, ValidationError
from werkzeug.wrappers import Response

from app.errors import Conflict, Rejected
from app.http import field_problems
from app.tenancy import operations
from app.tenancy.api import identity, requires, session
from app.tenancy.models import ApiKey, Role, Scope, UserAccount
from app.tenancy.queries import get_tenant
from app.tenancy.schemas import ApiKeySchema, PasswordSchema, UserChangeSchema, UserSchema
from app.tenancy.scope import get_row, rows_of
from app.web.pages import back_to, read_date, render_page

blueprint = Blueprint("admin", __name__, url_prefix="/admin")


@blueprint.get("")
@requires(Scope.ADMIN)
def people_and_keys() -> str:
    return render_page(
        "admin/people_and_keys.html",
        people=list(session().scalars(rows_of(session(), UserAccount).order_by(UserAccount.active.desc(), UserAccount.name))),
        keys=list(session().scalars(rows_of(session(), ApiKey).order_by(ApiKey.revoked_at.is_not(None), ApiKey.name))),
        roles=list(Role),
        scopes=list(Scope),
    )


@blueprint.post("/users")
@requires(Scope.ADMIN)
def new_user() -> Response:
    user = operations.create_user(session(), **_read(UserSchema(), "email", "name", "role", "password"))
    flash(f"{user.name} can sign in as {user.role.replace('_', ' ')}.")
    return back_to("/admin")


@blueprint.post("/users/<int:user_id>/activity")
@requires(Scope.ADMIN)
def change_activity(user_id: int) -> Response:
    """Nobody is deleted, because the audit log names them: they can sign in, or no longer."""
    user = get_row(session(), UserAccount, user_id)
    operations.change_user(session(), user, _read(UserChangeSchema(), "active"))
    flash(f"{user.name} can sign in again." if user.active else f"{user.name} can no longer sign in, and is signed out everywhere.")
    return back_to("/admin")


@blueprint.post("/users/<int:user_id>/password")
@requires(Scope.ADMIN)
def reset_password(user_id: int) -> Response:
    """Somebody else's; whoever sits at an administrator's open browser must not get at the administrator's own."""
    if user_id == identity().user_id:
        raise Conflict("Your own password is changed on your account's page, with the present one.")
    user = get_row(session(), UserAccount, user_id)
    new = _read(PasswordSchema(), "new_password")["new_password"]
    operations.set_password(session(), user, new, field="new_password")
    flash(f"{user.name} has a new password, and is signed out everywhere.")
    return back_to("/admin")


@blueprint.post("/keys")
@requires(Scope.ADMIN)
def new_key() -> str:
    """This answer is the only place where the key itself ever stands."""
    wanted = _read(ApiKeySchema(), "name", scopes=request.form.getlist("scopes"), expires_at=_end_of(request.form.get("last_day")))
    row, key = operations.create_api_key(session(), **wanted | {"scopes": [Scope(scope) for scope in wanted["scopes"]]})
    return render_page("admin/new_key.html", row=row, key=key)


@blueprint.post("/keys/<int:key_id>/revoke")
@requires(Scope.ADMIN)
def revoke_key(key_id: int) -> Response:
    row = get_row(session(), ApiKey, key_id)
    operations.revoke_api_key(session(), row)
    flash(f"The key {row.name} opens nothing any more.")
    return back_to("/admin")


def _read(schema: Schema, *names: str, **more: Any) -> dict[str, Any]:
    """The form's fields by the rules of the API; Rejected where they break one."""
    sent = {name: request.form[name] for name in names if name in request.form}
    try:
        return dict(schema.load(sent | more))
    except ValidationError as error:
        raise Rejected("The form was not accepted.", fields=field_problems(error.messages)) from error


def _end_of(last_day: str | None) -> str | None:
    """When a day ends on the tenant's clocks, as the API takes it."""
    return _midnight_after(read_date(last_day)).isoformat() if last_day else None


def _midnight_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(get_tenant(session()).timezone))
