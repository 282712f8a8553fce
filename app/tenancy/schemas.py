"""People, keys, grants and the audit log on the wire."""

import re
from datetime import UTC, datetime
from zoneinfo import available_timezones

from marshmallow import Schema, ValidationError, fields, validate

from app.http import PageArgs
from app.reading import LARGEST_ID, require_our_times
from app.tenancy.models import Role, Scope, TenantKind
from app.tenancy.passwords import LONGEST, SHORTEST

NAME = validate.Length(1, 200)


def is_timezone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError("Not a time zone; name one of the IANA data base, such as Europe/Berlin.")


def is_locale(name: str) -> None:
    if not re.fullmatch(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*", name) or len(name) > 16:
        raise ValidationError("Not a locale; write it like en or pt-BR.")


def are_weekdays(days: list[int]) -> None:
    if sorted(set(days)) != sorted(days) or not all(0 <= day <= 6 for day in days):
        raise ValidationError("Each weekday once, 0 (Monday) to 6 (Sunday).")


def is_ahead(when: datetime) -> None:
    if when <= datetime.now(UTC):
        raise ValidationError("Lies in the past.")


class SignInSchema(Schema):
    email = fields.String(required=True, validate=validate.Length(1, 254))
    password = fields.String(required=True, load_only=True)
    organisation = fields.String(load_default=None, metadata={"description": "Slug; needed where one address belongs to several."})


class MeSchema(Schema):
    tenant_id = fields.Integer()
    tenant_slug = fields.String()
    actor = fields.String()
    role = fields.Enum(Role, by_value=True, allow_none=True)
    user_id = fields.Integer(allow_none=True)
    route_id = fields.Integer(allow_none=True)
    scopes = fields.List(fields.String())
    view_tenant_id = fields.Integer(allow_none=True)


class MeWithTokenSchema(MeSchema):
    csrf_token = fields.String()


class UserSchema(Schema):
    id = fields.Integer(dump_only=True)
    email = fields.Email(required=True, validate=validate.Length(max=254))
    name = fields.String(required=True, validate=NAME)
    role = fields.Enum(Role, by_value=True, required=True)
    password = fields.String(required=True, load_only=True, metadata={"description": f"{SHORTEST} to {LONGEST} characters."})
    active = fields.Boolean(dump_only=True)
    last_sign_in_at = fields.AwareDateTime(dump_only=True)
    created_at = fields.AwareDateTime(dump_only=True)


class UserChangeSchema(Schema):
    name = fields.String(validate=NAME)
    role = fields.Enum(Role, by_value=True)
    active = fields.Boolean()


class PasswordSchema(Schema):
    new_password = fields.String(required=True, load_only=True)
    old_password = fields.String(load_default="", load_only=True, metadata={"description": "Needed for one's own."})


class ApiKeySchema(Schema):
    id = fields.Integer(dump_only=True)
    name = fields.String(required=True, validate=validate.Length(1, 120))
    prefix = fields.String(dump_only=True)
    scopes = fields.List(fields.String(validate=validate.OneOf([*Scope])), required=True, validate=validate.Length(min=1))
    expires_at = fields.AwareDateTime(load_default=None, allow_none=True, validate=[is_ahead, require_our_times])
    created_at = fields.AwareDateTime(dump_only=True)
    revoked_at = fields.AwareDateTime(dump_only=True)
    last_used_at = fields.AwareDateTime(dump_only=True)


class NewApiKeySchema(ApiKeySchema):
    key = fields.String(dump_only=True, metadata={"description": "The key itself. It is shown this once."})


class GrantSchema(Schema):
    id = fields.Integer(dump_only=True)
    tenant_id = fields.Integer(dump_only=True, metadata={"description": "The child whose rows may be read."})
    grantee_tenant_id = fields.Integer(dump_only=True, metadata={"description": "The parent that may read them."})
    granted_by = fields.String(dump_only=True)
    purpose = fields.String(required=True, validate=validate.Length(1, 300))
    granted_at = fields.AwareDateTime(dump_only=True)
    expires_at = fields.AwareDateTime(load_default=None, allow_none=True, validate=[is_ahead, require_our_times])
    revoked_at = fields.AwareDateTime(dump_only=True)


class TenantSchema(Schema):
    id = fields.Integer(dump_only=True)
    parent_id = fields.Integer(dump_only=True)
    slug = fields.String(dump_only=True)
    kind = fields.Enum(TenantKind, by_value=True, dump_only=True)
    name = fields.String(validate=NAME)
    timezone = fields.String(validate=is_timezone)
    locale = fields.String(validate=is_locale)
    currency = fields.String(validate=validate.Regexp("[A-Z]{3}\\Z", error="Three capital letters of ISO 4217."))
    service_weekdays = fields.List(fields.Integer(strict=True), validate=are_weekdays)
    map_name = fields.String(allow_none=True, validate=validate.Length(1, 80))
    simulated = fields.Boolean(dump_only=True)


class ViewSchema(Schema):
    tenant = fields.String(required=True, metadata={"description": "Slug of the child to look into."})


class ViewableSchema(Schema):
    id = fields.Integer()
    slug = fields.String()
    name = fields.String()
    kind = fields.Enum(TenantKind, by_value=True)


class ViewableListSchema(Schema):
    items = fields.List(fields.Nested(ViewableSchema))


class AuditArgs(PageArgs):
    actor = fields.String()
    action = fields.String()
    subject_kind = fields.String()
    subject_id = fields.Integer(validate=validate.Range(1, LARGEST_ID))
    since = fields.AwareDateTime(validate=require_our_times)
    until = fields.AwareDateTime(validate=require_our_times)


class AuditEntrySchema(Schema):
    id = fields.Integer()
    tenant_id = fields.Integer(metadata={"description": "Whose entry it is: the parent's, where it tells of a look into this tenant."})
    at = fields.AwareDateTime()
    actor = fields.String()
    action = fields.String()
    subject_kind = fields.String()
    subject_id = fields.Integer(allow_none=True)
    before = fields.Dict(allow_none=True)
    after = fields.Dict(allow_none=True)
    note = fields.String(allow_none=True)
    looked_into_tenant_id = fields.Integer(allow_none=True)


def page_of(item: type[Schema]) -> type[Schema]:
    """The schema of one page of a list of these."""
    name = item.__name__.removesuffix("Schema") + "PageSchema"
    return Schema.from_dict({"items": fields.List(fields.Nested(item)), "next": fields.String(allow_none=True)}, name=name)


UserPage, ApiKeyPage, GrantPage, AuditPage = (page_of(schema) for schema in (UserSchema, ApiKeySchema, GrantSchema, AuditEntrySchema))
