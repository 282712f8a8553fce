"""The row-level policies, in words that migrations share.

A session says who it is (`app.tenant`) and, if it looks into another tenant under a grant, into whom (`app.view`).
`visible_tenant()` is the one tenant whose rows it may read, `writable_tenant()` the one whose rows it may write: while it looks into
another, nobody's.
"""

from alembic import op

APP_ROLE = "kerbside_app"

CURRENT_TENANT = """
create function current_tenant() returns integer language sql stable parallel safe as
$$ select nullif(current_setting('app.tenant', true), '')::integer $$"""

WRITABLE_TENANT = """
create function writable_tenant() returns integer language sql stable parallel safe as
$$ select case when nullif(current_setting('app.view', true), '') is null then current_tenant() end $$"""

VISIBLE_TENANT = """
create function visible_tenant() returns integer language sql stable parallel safe as
$$
    select case
        when nullif(current_setting('app.view', true), '') is null then current_tenant()
        else (
            select g.tenant_id from read_grant g
            where g.tenant_id = nullif(current_setting('app.view', true), '')::integer
              and g.grantee_tenant_id = current_tenant()
              and g.revoked_at is null and (g.expires_at is null or g.expires_at > now())
            limit 1)
    end
$$"""


def make_app_role() -> None:
    """The role that the app works as: owns nothing, bypasses nothing."""
    op.execute(f"""
        do $$ begin
            if not exists (select from pg_roles where rolname = '{APP_ROLE}') then create role {APP_ROLE} nologin; end if;
        end $$""")
    op.execute(f"""
        do $$ begin
            if not pg_has_role(current_user, '{APP_ROLE}', 'member') then grant {APP_ROLE} to current_user; end if;
        end $$""")
    op.execute(f"grant usage on schema public to {APP_ROLE}")


def protect(table: str, *, verbs: str = "select, insert, update, delete", seen_under_grant: bool = True) -> None:
    """Hide a tenant-owned table's rows from everybody but their tenant, even from the table's owner.

    `seen_under_grant` is false for what no grant opens: people, keys and the audit log.
    The sub-selects matter: PostgreSQL evaluates them once a query, a bare function call once a row.
    """
    reader = "visible_tenant()" if seen_under_grant else "writable_tenant()"
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy tenant_reads on {table} for select using (tenant_id = (select {reader}))")
    op.execute(f"create policy tenant_adds on {table} for insert with check (tenant_id = (select writable_tenant()))")
    op.execute(f"""create policy tenant_changes on {table} for update
        using (tenant_id = (select writable_tenant())) with check (tenant_id = (select writable_tenant()))""")
    op.execute(f"create policy tenant_removes on {table} for delete using (tenant_id = (select writable_tenant()))")
    op.execute(f"grant {verbs} on {table} to {APP_ROLE}")
