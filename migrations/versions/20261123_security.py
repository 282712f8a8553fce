"""Row-level security, the app's grants, and the three functions that may look across tenants."""

from alembic import op

from migrations import security
from migrations.security import APP_ROLE, protect

revision = "20261123_security"
down_revision = "20261123_schema"
branch_labels = None
depends_on = None

EDITED = (
    "absence area_day container container_decision container_forecast container_model container_state crew depot facility forecast_run holiday"
    " model_artifact plan planning_job planning_policy round round_container route route_day route_run route_visit site vehicle"
    " waste_class_setting zone"
).split()
NEVER_REMOVED = "device weigh_ticket".split()
PEOPLE_AND_KEYS = "api_key user_account".split()
ONLY_ADDED = "driver_action measurement".split()
OWN_SETTINGS = "name, timezone, locale, currency, service_weekdays, map_name, row_version"


def upgrade() -> None:
    security.make_app_role()
    op.execute(security.CURRENT_TENANT)
    op.execute(security.WRITABLE_TENANT)
    op.execute(security.VISIBLE_TENANT)
    for table in EDITED:
        protect(table)
    for table in NEVER_REMOVED:
        protect(table, verbs="select, insert, update")
    for table in PEOPLE_AND_KEYS:
        protect(table, verbs="select, insert, update", seen_under_grant=False)
    for table in ONLY_ADDED:
        protect(table, verbs="select, insert")
    _protect_audit_entry()
    _protect_lift()
    _protect_read_grant()
    _protect_tenant()
    _share_what_belongs_to_nobody()
    _make_look_ups()


def _protect_audit_entry() -> None:
    """Who looks into a child writes that down on the own side, and the child sees it. No entry is ever changed or removed."""
    protect("audit_entry", verbs="select, insert", seen_under_grant=False)
    op.execute("create policy child_reads_looks on audit_entry for select using (looked_into_tenant_id = (select writable_tenant()))")
    op.execute("""create policy looks_under_a_grant on audit_entry as restrictive for insert
        with check (looked_into_tenant_id is null or looked_into_tenant_id in (select t.id from tenant t))""")


def _protect_lift() -> None:
    """What somebody reported stays. What only a sensor showed goes again when later readings prove it wrong."""
    protect("lift")
    op.execute("drop policy tenant_removes on lift")
    op.execute("""create policy sensors_withdraw on lift for delete
        using (tenant_id = (select writable_tenant()) and source = 'sensor')""")


def _protect_read_grant() -> None:
    """Both sides of a grant see it; only the child may give and change it (that it names the parent is a foreign key)."""
    protect("read_grant", verbs="select, insert, update")
    op.execute(f"revoke update on read_grant from {APP_ROLE}")
    op.execute(f"grant update (revoked_at, expires_at) on read_grant to {APP_ROLE}")
    op.execute("drop policy tenant_reads on read_grant")
    op.execute("""create policy both_sides_read on read_grant for select
        using (tenant_id = (select current_tenant()) or grantee_tenant_id = (select current_tenant()))""")


def _protect_tenant() -> None:
    """A tenant sees itself, and those that granted it a look. New tenants are made by the schema's owner."""
    op.execute("alter table tenant enable row level security")
    op.execute("alter table tenant force row level security")
    op.execute("""create policy own_and_granted on tenant for select using (
        id = (select current_tenant())
        or id in (select g.tenant_id from read_grant g where g.grantee_tenant_id = (select current_tenant())
                  and g.revoked_at is null and (g.expires_at is null or g.expires_at > now())))""")
    op.execute("create policy own on tenant for update using (id = (select writable_tenant())) with check (id = (select writable_tenant()))")
    op.execute("create policy owner_makes_tenants on tenant to current_user using (true) with check (true)")
    op.execute(f"grant select, update ({OWN_SETTINGS}) on tenant to {APP_ROLE}")


def _share_what_belongs_to_nobody() -> None:
    op.execute(f"grant select on street_map to {APP_ROLE}")
    op.execute(f"grant select, insert, delete on sign_in_attempt to {APP_ROLE}")
    op.execute(f"grant usage on sequence sign_in_attempt_id_seq to {APP_ROLE}")


def _make_look_ups() -> None:
    """Before a tenant is known: who signs in, whose key is this, which tenants' nights are due. Nothing else crosses tenants.

    They run with the owner's rights, so the search path is theirs, with `pg_temp` last: nobody's temporary table stands in for ours.
    """
    op.execute("create policy owner_looks_up on user_account for select to current_user using (true)")
    op.execute("create policy owner_looks_up on api_key for select to current_user using (true)")
    op.execute("""
        create function sign_in_candidates(sign_in_email text)
        returns table (tenant_id integer, tenant_slug text, user_id bigint, password_hash text, role text, session_version integer)
        language sql stable security definer set search_path = public, pg_temp as
        $$
            select u.tenant_id, t.slug, u.id, u.password_hash, u.role, u.session_version
            from user_account u join tenant t on t.id = u.tenant_id
            where u.email = lower(sign_in_email) and u.active
        $$""")
    op.execute("""
        create function api_key_holder(presented_hash text)
        returns table (tenant_id integer, key_id bigint, scopes text[], used_lately boolean)
        language sql stable security definer set search_path = public, pg_temp as
        $$
            select k.tenant_id, k.id, k.scopes::text[], coalesce(k.last_used_at > now() - interval '1 hour', false) from api_key k
            where k.key_hash = presented_hash and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
        $$""")
    op.execute("""
        create function scheduled_tenants()
        returns table (tenant_id integer, slug text, timezone text)
        language sql stable security definer set search_path = public, pg_temp as
        $$ select t.id, t.slug, t.timezone from tenant t order by t.id $$""")
    for signature in ("sign_in_candidates(text)", "api_key_holder(text)", "scheduled_tenants()"):
        op.execute(f"revoke all on function {signature} from public")
        op.execute(f"grant execute on function {signature} to {APP_ROLE}")


def downgrade() -> None:
    raise NotImplementedError("the first release has nothing to go back to: restore a backup")
