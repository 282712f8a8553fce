"""Who is asking: one shape for people, programs and jobs, and what each may do."""

from dataclasses import dataclass, replace

from app.errors import NotAllowed
from app.tenancy.models import Role, Scope

ROLE_SCOPES: dict[Role, frozenset[Scope]] = {
    Role.ADMIN: frozenset(Scope),
    Role.DISPATCHER: frozenset(
        {
            Scope.REGISTER_READ,
            Scope.REGISTER_WRITE,
            Scope.MEASUREMENTS_READ,
            Scope.PLANS_READ,
            Scope.PLANS_WRITE,
            Scope.DRIVE,
            Scope.KPIS_READ,
        }
    ),
    Role.DRIVER: frozenset({Scope.DRIVE}),
    Role.ANALYST: frozenset({Scope.REGISTER_READ, Scope.MEASUREMENTS_READ, Scope.PLANS_READ, Scope.KPIS_READ}),
    Role.SERVICE_DESK: frozenset({Scope.REGISTER_READ, Scope.PLANS_READ}),
}

READING = frozenset({Scope.REGISTER_READ, Scope.MEASUREMENTS_READ, Scope.PLANS_READ, Scope.KPIS_READ})
"""What a look into a child may use: people, keys and the audit log stay the child's own."""

READ_ONLY = "You are looking into another tenant under a grant, which is for reading only. Stop looking to go on."


@dataclass(frozen=True)
class Identity:
    """Somebody who has proved who they are, in one tenant."""

    tenant_id: int
    actor: str
    """As the audit log writes it: `user:12`, `key:3`, `route:77`, `job:night`."""
    scopes: frozenset[Scope]
    role: Role | None = None
    user_id: int | None = None
    route_id: int | None = None
    """Set for a driver's link: it opens this one route and nothing else."""
    view_tenant_id: int | None = None
    """The child tenant that is being looked into under a grant, read only."""

    def require(self, scope: Scope) -> None:
        """NotAllowed unless the credential reaches this far; while looking into a child, nothing but reading does."""
        if self.view_tenant_id is not None and scope not in READING:
            raise NotAllowed(READ_ONLY)
        if scope not in self.scopes:
            raise NotAllowed(f"This needs the scope '{scope}', which {self.actor} does not have.")

    def require_reader(self) -> None:
        """NotAllowed for those who could read nothing of a child either: they are not even told of it."""
        if not self.scopes & READING:
            raise NotAllowed("A look into another tenant is for those who may read more than their own route.")

    def looking_into(self, tenant_id: int) -> "Identity":
        """The same somebody, looking into a child."""
        return replace(self, view_tenant_id=tenant_id, scopes=self.scopes & READING)


def of_user(tenant_id: int, user_id: int, role: Role) -> Identity:
    return Identity(tenant_id, f"user:{user_id}", ROLE_SCOPES[role], role=role, user_id=user_id)
