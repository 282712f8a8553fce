"""Sources and device profiles on the wire."""

from ipaddress import ip_network
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from app.http import PageArgs
from app.reading import require_storable
from app.telemetry.models import MessageOutcome, SourceKind
from app.telemetry.readings import DEVICE_PATTERN
from app.telemetry.schemas import page_of
from app.telemetry.source_queries import MESSAGES_KEPT

LONGEST_WINDOW_S = 400 * 86_400
MOST_LISTED = 1_000


def require_network(written: str) -> None:
    """A validator: an address, or a block of them without host bits."""
    try:
        ip_network(written)
    except ValueError as error:
        raise ValidationError("Is neither an address nor a network: write 203.0.113.0/24 or 2001:db8::/32.") from error


def _text(most: int, *, least: int = 1, **options: Any) -> fields.String:
    return fields.String(validate=[validate.Length(least, most), require_storable], **options)


class SigfoxTemplateSchema(Schema):
    """What the callback's body calls its fields; null where it does not send one."""

    device = _text(60)
    time = _text(60)
    data = _text(60)
    sequence = _text(60, allow_none=True)
    rssi = _text(60, allow_none=True)
    snr = _text(60, allow_none=True)


class SourceChangeSchema(Schema):
    name = _text(120)
    allowed_networks = fields.List(
        fields.String(validate=[validate.Length(1, 64), require_network]),
        validate=validate.Length(max=MOST_LISTED),
        metadata={"description": "Addresses that may send (CIDR); empty: any."},
    )
    allowed_devices = fields.List(
        fields.String(validate=validate.Regexp(DEVICE_PATTERN)),
        validate=validate.Length(max=MOST_LISTED),
        metadata={"description": "Devices that it may speak for; empty: all of yours."},
    )
    max_age_s = fields.Integer(
        strict=True,
        validate=validate.Range(1, LONGEST_WINDOW_S),
        metadata={"description": "The replay window: what the network heard longer ago is refused."},
    )
    max_ahead_s = fields.Integer(strict=True, validate=validate.Range(0, LONGEST_WINDOW_S))
    sigfox_template = fields.Nested(SigfoxTemplateSchema, allow_none=True)
    default_model = _text(80, allow_none=True, metadata={"description": "Of devices whose own model is not said."})
    active = fields.Boolean(truthy={True}, falsy={False})
    as_key = _text(128, least=8, allow_none=True, load_only=True, metadata={"description": "ThingPark's LRC-AS key. Never shown again."})


class SourceSchema(SourceChangeSchema):
    """A source as it is read back: without its secret."""

    id = fields.Integer(dump_only=True)
    name = _text(120, required=True)
    kind = fields.Enum(SourceKind, by_value=True, required=True)
    source_key = fields.String(dump_only=True, metadata={"description": "Names it in its address; no secret."})
    has_as_key = fields.Boolean(dump_only=True, metadata={"description": "Whether ThingPark's tokens are checked."})
    created_at = fields.AwareDateTime(format="iso", dump_only=True)
    knocked_at = fields.AwareDateTime(
        format="iso", dump_only=True, metadata={"description": "When somebody last came with a wrong secret, to the minute."}
    )


class SetupSchema(Schema):
    url = fields.String(metadata={"description": "Where the network server sends to."})
    header = fields.String()
    steps = fields.List(fields.String())


class SourceStateSchema(Schema):
    """What the log of the last messages adds up to."""

    word = fields.String(metadata={"description": "never heard, in order, some refused, all refused."})
    last_at = fields.AwareDateTime(format="iso", allow_none=True)
    counts = fields.Dict(keys=fields.Enum(MessageOutcome, by_value=True), values=fields.Integer())


class OneSourceSchema(SourceSchema):
    """A source with its state, and how to set it up."""

    state = fields.Nested(SourceStateSchema, dump_only=True)
    setup = fields.Nested(SetupSchema, dump_only=True)


class NewSourceSchema(OneSourceSchema):
    """The only answer that holds the secret."""

    secret = fields.String(dump_only=True, metadata={"description": "Shown this once."})


class SecretSchema(Schema):
    secret = fields.String(metadata={"description": "Shown this once; the one before opens nothing any more."})


class MessageArgs(PageArgs):
    limit = fields.Integer(load_default=MESSAGES_KEPT, validate=validate.Range(1, MESSAGES_KEPT))
    outcome = fields.Enum(MessageOutcome, by_value=True)


class SourceMessageSchema(Schema):
    id = fields.Integer()
    received_at = fields.AwareDateTime(format="iso")
    device_uid = fields.String()
    outcome = fields.Enum(MessageOutcome, by_value=True)
    field = fields.String(metadata={"description": "Where in the message the fault lies."})
    reason = fields.String()
    mend = fields.String()
    body = fields.String(metadata={"description": "As it came, cut off after 2,000 characters."})


class UplinkItemSchema(Schema):
    outcome = fields.Enum(MessageOutcome, by_value=True)
    device = fields.String()
    reason = fields.String()


class UplinkAnswerSchema(Schema):
    items = fields.List(fields.Nested(UplinkItemSchema), metadata={"description": "One a message."})


class ProfileBodySchema(Schema):
    document = fields.Dict(
        keys=fields.String(), required=True, metadata={"description": "Where the figures lie: docs/telemetry/decoders.md has the form."}
    )


class DeviceProfileSchema(ProfileBodySchema):
    id = fields.Integer(dump_only=True)
    name = fields.String(dump_only=True)
    created_at = fields.AwareDateTime(format="iso", dump_only=True)


SourcePage = page_of(SourceSchema, "SourcePage")
SourceMessagePage = page_of(SourceMessageSchema, "SourceMessagePage")
DeviceProfilePage = page_of(DeviceProfileSchema, "DeviceProfilePage")
