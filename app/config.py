"""Settings, read from the environment once, when the app or a command starts."""

import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """What an installation may choose. Everything has a default that works on one machine."""

    data_dir: Path
    database_url: str | None = None
    """The app's connection (any role that may `SET ROLE kerbside_app`); None starts the embedded server."""
    database_owner_url: str | None = None
    """The connection that migrates; the app's own when not given."""
    secret_key: str | None = None
    """Signs sessions and driver links; made and kept in `data_dir` when not given."""
    cluster_address: str | None = None
    """A Dask scheduler (`tcp://host:8786`) to fan out on; None uses local processes."""
    workers: int | None = None
    """Local processes to fan out on; None means one a core."""
    trusted_proxies: int = 0
    """How many proxies of ours stand in front: so many forwarded addresses are believed, and guessers are slowed one by one."""
    solver_cores: int | None = None
    """Cores of this machine that all searches may use together; None means all of them."""
    cores_a_night: int | None = None
    """The most of them for one night; whoever hands out several nights at once shares them out."""
    solver_memory_mb: int = 2_000
    """What one night's search may take; about 1,000 stops need 1,500, 6,000 stops 2,500 and more."""
    secure_cookies: bool = False
    """Set where the app is served over https: session cookies then travel on https only."""

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Settings":
        env = os.environ if env is None else env
        workers, cores = env.get("KERBSIDE_WORKERS"), env.get("KERBSIDE_SOLVER_CORES")
        return cls(
            data_dir=Path(env.get("KERBSIDE_DATA", "var")).absolute(),
            database_url=env.get("DATABASE_URL"),
            database_owner_url=env.get("DATABASE_OWNER_URL"),
            secret_key=env.get("KERBSIDE_SECRET_KEY"),
            cluster_address=env.get("KERBSIDE_CLUSTER"),
            workers=int(workers) if workers else None,
            trusted_proxies=int(env.get("KERBSIDE_TRUSTED_PROXIES", cls.trusted_proxies)),
            solver_cores=max(1, int(cores)) if cores else None,
            solver_memory_mb=int(env.get("KERBSIDE_SOLVER_MEMORY_MB", cls.solver_memory_mb)),
            secure_cookies=env.get("KERBSIDE_SECURE_COOKIES", "") not in ("", "0", "false"),
        )

    @property
    def cores(self) -> int:
        """Cores of this machine that searches may use."""
        return self.solver_cores or os.cpu_count() or 1

    def signing_key(self) -> str:
        """The key that signs sessions and links; the first call on a machine makes one that only its owner can read."""
        if self.secret_key:
            return self.secret_key
        path = self.data_dir / "secret_key"
        if not path.exists():
            _make_key(path)
        return path.read_text()


def _make_key(path: Path) -> None:
    """Written aside and linked into place, so that of several processes that start at once each reads one and the same whole key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=".secret_key-")  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        with suppress(FileExistsError):
            os.link(aside, path)
    finally:
        Path(aside).unlink()
