"""What is done with sources and device profiles. Each change leaves an audit entry; a secret stands in one answer and nowhere else."""

from collections.abc import Mapping
from secrets import token_urlsafe
from typing import Any

from app.db import TenantSession
from app.errors import Conflict, FieldProblem, Rejected
from app.telemetry import source_queries
from app.telemetry.decoders import ProfileError, find_family, list_models
from app.telemetry.decoders.family import key_of
from app.telemetry.decoders.profile import Profile, dump_profile, load_profile
from app.telemetry.models import DeviceProfile, Source, SourceKind
from app.tenancy import audit
from app.tenancy.queries import hash_key
from app.tenancy.seal import NotSealedHere, seal, unseal

SECRET_PREFIX = "ks_"  # noqa: S105 - how a secret begins, not one


def create_source(session: TenantSession, values: Mapping[str, Any], *, secret: str) -> tuple[Source, str]:
    """A new source; the second of the pair is its own secret, which nobody can show again. `secret` seals what must be read back."""
    given = dict(values)
    as_key = given.pop("as_key", None)
    require_fitting(given["kind"], given | {"as_key": as_key})
    require_model(session, given.get("default_model"), field="default_model")
    own = new_secret()
    source = Source(**given, source_key=token_urlsafe(18), secret_hash=hash_key(own))
    source.sealed_as_key = _sealed(source, as_key, secret)
    session.add(source)
    session.flush()
    session.refresh(source)
    audit.record(session, "source.created", source, after=audit.picture(source))
    return source, own


def change_source(session: TenantSession, source: Source, values: Mapping[str, Any], *, secret: str) -> None:
    """New settings; an `as_key` of None forgets the one that is there."""
    given = dict(values)
    require_fitting(source.kind, given)
    require_model(session, given.get("default_model"), field="default_model")
    before = audit.picture(source)
    if "as_key" in given:
        source.sealed_as_key = _sealed(source, given.pop("as_key"), secret)
    for name, value in given.items():
        setattr(source, name, value)
    session.flush()
    was, is_now = audit.changes(before, audit.picture(source))
    audit.record(session, "source.changed", source, before=was, after=is_now)


def renew_secret(session: TenantSession, source: Source) -> str:
    """Another secret in place of the one that there is, which opens nothing from now on."""
    own = new_secret()
    source.secret_hash = hash_key(own)
    session.flush()
    audit.record(session, "source.secret_renewed", source)
    return own


def delete_source(session: TenantSession, source: Source) -> None:
    """Its address leads nowhere from now on, and its log goes with it; readings stay."""
    audit.record(session, "source.deleted", source, before=audit.picture(source))
    session.delete(source)
    session.flush()


def as_key_of(source: Source, secret: str) -> str | None:
    """ThingPark's key as it was entered; None if none was, or if it does not open any more."""
    if source.sealed_as_key is None:
        return None
    try:
        return unseal(secret, source.sealed_as_key, place=_place(source))
    except NotSealedHere:
        return None


def new_secret() -> str:
    return SECRET_PREFIX + token_urlsafe(32)


def _sealed(source: Source, as_key: str | None, secret: str) -> bytes | None:
    return None if as_key is None else seal(secret, as_key, place=_place(source))


def _place(source: Source) -> str:
    """The address is the source's own and never changes."""
    return f"source/{source.source_key}/as_key"


def require_fitting(kind: SourceKind, values: Mapping[str, Any]) -> None:
    """Rejected for settings that belong to another kind."""
    belongs = {"as_key": SourceKind.THINGPARK, "sigfox_template": SourceKind.SIGFOX}
    problems = tuple(
        FieldProblem(name, f"means nothing for {kind}", f"It is for sources of kind {owner}.")
        for name, owner in belongs.items()
        if values.get(name) is not None and kind is not owner
    )
    if problems:
        raise Rejected("Some settings do not fit the source's kind.", fields=problems)


def require_model(session: TenantSession, model: str | None, *, field: str) -> None:
    """Rejected unless a decoder or a profile of the tenant's reads it."""
    if model is None or find_family(model) is not None:
        return
    if key_of(model) not in {key_of(row.name) for row in session.scalars(source_queries.list_profiles(session))}:
        mend = f"It is one of {', '.join(list_models())}, or the name of a device profile."
        raise Rejected(f"Nothing reads the payload of {model}.", fields=(FieldProblem(field, "has neither a decoder nor a profile", mend),))


def create_profile(session: TenantSession, document: Mapping[str, Any]) -> DeviceProfile:
    """A new profile; Rejected names every field of it that has to be mended, Conflict if its name is taken."""
    profile = read_profile(document)
    _require_free(session, profile.name)
    row = DeviceProfile(name=profile.name, document=dump_profile(profile))
    session.add(row)
    session.flush()
    session.refresh(row)
    audit.record(session, "device_profile.created", row, after={"document": row.document})
    return row


def replace_profile(session: TenantSession, row: DeviceProfile, document: Mapping[str, Any]) -> None:
    """Another document of the same name; what devices send from now on is read by it."""
    profile = read_profile(document)
    if profile.name != row.name:
        problem = FieldProblem("document.name", f"is not {row.name}", "Devices know it by its name: create another profile instead.")
        raise Rejected("A profile keeps its name.", fields=(problem,))
    before, row.document = row.document, dump_profile(profile)
    session.flush()
    audit.record(session, "device_profile.changed", row, before={"document": before}, after={"document": row.document})


def delete_profile(session: TenantSession, row: DeviceProfile) -> None:
    """Conflict while a device or a source is read by it."""
    if key_of(row.name) in {key_of(name) for name in source_queries.names_that_devices_use(session)}:
        raise Conflict(f"Devices or sources are read by {row.name}. Give them another model first.")
    audit.record(session, "device_profile.deleted", row, before={"document": row.document})
    session.delete(row)
    session.flush()


def read_profile(document: Mapping[str, Any]) -> Profile:
    """The document as a profile; Rejected names every field that has to be mended."""
    try:
        return load_profile(document)
    except ProfileError as error:
        faults = (
            FieldProblem(f"document.{fault.field}" if fault.field else "document", fault.problem, fault.mend) for fault in error.faults
        )
        raise Rejected("The profile cannot be used.", fields=tuple(faults)) from error


def _require_free(session: TenantSession, name: str) -> None:
    if find_family(name) is not None:
        mend = FieldProblem("document.name", f"{name} is read by a decoder of ours", "Give the profile another name.")
        raise Rejected("There is a decoder of that name.", fields=(mend,))
    if key_of(name) in {key_of(row.name) for row in session.scalars(source_queries.list_profiles(session))}:
        raise Conflict(f"There is a profile '{name}' already.")
