"""The embedded PostgreSQL: one supervisor, gone with its node, harmless leftovers, kept data."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from tocsin.stores.postgres import embedded
from tocsin.stores.postgres.binaries import (
    EmbeddedPostgresError,
    find_programs,
    reachable,
    server_account,
)
from tocsin.stores.postgres.embedded import EmbeddedPostgres
from tocsin.stores.postgres.processes import servers_in

PATIENCE_S = 30.0  # how long a test waits before it calls something stuck; not a measurement
IS_ROOT = os.geteuid() == 0
# A killed process loses nothing that the system has; only a power cut would. Spares the disk.
QUICK = {"fsync": "off"}


def ask(dsn: str, *statements: str) -> object:
    """Runs the statements and gives the first value of the last one."""

    async def talk() -> object:
        connection = await asyncpg.connect(dsn)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return asyncio.run(talk())


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def fork_node(work: Callable[[int], None]) -> tuple[int, int]:
    """A node of its own, as a process: runs `work(write_end)`; gives its pid and the read end."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(read_end)
            work(write_end)
            status = 0
        except BaseException:
            os.write(write_end, traceback.format_exc().encode())
        finally:
            os._exit(status)
    os.close(write_end)
    return child, read_end


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    one = EmbeddedPostgres(tmp_path / "node" / "postgres", settings=QUICK)
    one.start()
    yield one
    one.stop()


def test_data_survives_a_restart_and_nothing_listens_on_the_network(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "node" / "postgres")
    server.start()
    ask(
        server.dsn(),
        "CREATE TABLE kept (word text)",
        "INSERT INTO kept VALUES ('路灯') RETURNING 1",
    )
    assert ask(server.dsn(), "SHOW listen_addresses") == ""
    for promise in ("fsync", "synchronous_commit", "full_page_writes"):
        assert ask(server.dsn(), f"SHOW {promise}") == "on"
    assert ask(server.dsn(), "SHOW data_checksums") == "on"
    server.stop()
    assert not servers_in(server.cluster)
    assert not (server.folder / "socket").is_symlink()
    server.start()
    assert ask(server.dsn(), "SELECT word FROM kept") == "路灯"
    assert server.initdb_s > 0
    server.stop()


def test_words_of_every_script_have_trigrams(server: EmbeddedPostgres) -> None:
    likeness = ask(
        server.dsn(),
        "CREATE EXTENSION pg_trgm",
        "SELECT similarity('中山路路灯不亮', '中山路的路灯不亮了')",
    )
    assert isinstance(likeness, float)
    assert likeness > 0.3


def test_a_second_supervisor_is_refused_in_one_line(server: EmbeddedPostgres) -> None:
    second = EmbeddedPostgres(server.folder)
    with pytest.raises(EmbeddedPostgresError, match="another Tocsin") as refusal:
        second.start()
    assert str(os.getpid()) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    second.stop()
    assert ask(server.dsn(), "SELECT 1") == 1, "the first one is not disturbed"


def test_the_server_leaves_when_its_node_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "node" / "postgres"

    def node(write_end: int) -> None:
        one = EmbeddedPostgres(folder, settings=QUICK)
        one.start()
        ask(one.dsn(), "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7) RETURNING 1")
        os.write(write_end, b"ready")
        signal.pause()

    pid, read_end = fork_node(node)
    assert os.read(read_end, 4000) == b"ready"
    assert servers_in(folder / "cluster")
    leftover = (folder / "socket").readlink()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    wait_until(lambda: not servers_in(folder / "cluster"))
    heir = EmbeddedPostgres(folder, settings=QUICK)
    heir.start()
    assert ask(heir.dsn(), "SELECT n FROM kept") == 7
    assert not leftover.exists(), "the dead node's socket folder is tidied away"
    heir.stop()


def test_the_check_above_finds_a_server_that_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted bug: nobody told the kernel to end the server with its node."""
    folder = tmp_path / "node" / "postgres"

    def node(write_end: int) -> None:
        one = EmbeddedPostgres(folder, settings=QUICK)
        one.start()
        os.write(write_end, b"ready")
        signal.pause()

    monkeypatch.setattr(embedded, "_die_with", lambda _parent: None)
    pid, read_end = fork_node(node)
    assert os.read(read_end, 4000) == b"ready"
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    time.sleep(2.0)
    left = servers_in(folder / "cluster")
    for each in left:
        with contextlib.suppress(ProcessLookupError):  # the first to go takes the others along
            os.kill(each, signal.SIGQUIT)
    wait_until(lambda: not servers_in(folder / "cluster"))
    shutil.rmtree((folder / "socket").readlink(), ignore_errors=True)
    assert left


def test_a_half_made_cluster_is_made_anew_and_a_foreign_one_refused(tmp_path: Path) -> None:
    folder = tmp_path / "node" / "postgres"
    part = folder / "cluster.part"
    part.mkdir(parents=True)
    (part / "PG_VERSION").write_text("18")
    one = EmbeddedPostgres(folder, settings=QUICK)
    one.start()
    assert ask(one.dsn(), "SELECT 1") == 1
    one.stop()
    (one.cluster / "PG_VERSION").write_text("15\n")
    with pytest.raises(EmbeddedPostgresError, match="made by PostgreSQL 15"):
        one.start()
    assert not one.is_running
    (one.cluster / "PG_VERSION").write_text("18\n")
    one.start()
    one.stop()


def test_a_new_node_waits_for_the_former_server(tmp_path: Path) -> None:
    folder = tmp_path / "node" / "postgres"

    def node(write_end: int) -> None:
        one = EmbeddedPostgres(folder, settings=QUICK)
        one.start()
        ask(one.dsn(), "CREATE TABLE kept AS SELECT generate_series(1, 50000) AS n", "SELECT 1")
        os.write(write_end, b"ready")
        signal.pause()

    pid, read_end = fork_node(node)
    assert os.read(read_end, 4000) == b"ready"
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    heir = EmbeddedPostgres(folder, settings=QUICK)
    heir.start()
    assert ask(heir.dsn(), "SELECT count(*) FROM kept") == 50000
    heir.stop()


class Careless(EmbeddedPostgres):
    """The planted bug: does not look at what a former server left."""

    def _await_former(self) -> None:
        return


def test_a_stale_lock_file_whose_number_a_stranger_got_is_cleared(tmp_path: Path) -> None:
    account = server_account()
    folder = tmp_path / "node" / "postgres"
    one = EmbeddedPostgres(folder, settings=QUICK)
    one.start()
    pid_file = one.cluster / "postmaster.pid"
    stale = pid_file.read_text().splitlines()
    one.stop()
    identity = {"user": account.uid, "group": account.gid, "extra_groups": []} if IS_ROOT else {}
    stranger = subprocess.Popen(["/bin/sleep", "300"], cwd="/", **identity)
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *stale[1:]]) + "\n")
        os.chown(pid_file, account.uid, account.gid)
        with pytest.raises(EmbeddedPostgresError, match="did not start"):
            Careless(folder).start()
        one.start()
        assert ask(one.dsn(), "SELECT 1") == 1
    finally:
        stranger.kill()
        stranger.wait()
        one.stop()


def test_a_killed_server_is_started_again_with_what_it_acknowledged(
    server: EmbeddedPostgres,
) -> None:
    ask(server.dsn(), "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (1) RETURNING 1")
    assert not server.ensure_running()
    process = server._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not server.is_running
    assert server.ensure_running()
    assert ask(server.dsn(), "SELECT n FROM kept") == 1


def test_only_the_main_thread_may_start(tmp_path: Path) -> None:
    refusals: list[str] = []

    def start() -> None:
        try:
            EmbeddedPostgres(tmp_path / "postgres").start()
        except EmbeddedPostgresError as refusal:
            refusals.append(str(refusal))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert len(refusals) == 1


def test_a_long_and_private_path_is_no_obstacle(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    deep = private / ("long-name-" * 12) / ("and-longer-" * 12)
    one = EmbeddedPostgres(deep / "postgres", settings=QUICK)
    one.start()
    try:
        assert ask(one.dsn(), "SELECT 1") == 1
        assert private.stat().st_mode & 0o777 == 0o700, "no parent was opened to others"
        assert one.folder.stat().st_mode & 0o777 == 0o700
    finally:
        one.stop()


def test_values_and_statements_stay_out_of_the_server_log(server: EmbeddedPostgres) -> None:
    canary = "canary-7f3a"
    ask(server.dsn(), "CREATE TABLE one (word text PRIMARY KEY)", "SELECT 1")
    insert = f"INSERT INTO one VALUES ('{canary}') RETURNING 1"
    with pytest.raises(asyncpg.UniqueViolationError):
        ask(server.dsn(), insert, insert)
    log = server.log.read_text()
    assert "duplicate key" in log, "the error itself is logged"
    assert canary not in log


def test_an_ordinary_user_runs_it_too() -> None:
    """Under root a child process becomes another user for good; else this is the usual case."""
    account = server_account()
    folder = Path(tempfile.mkdtemp(prefix="tocsin-user-"))
    programs = find_programs(account)
    os.chown(folder, account.uid, account.gid)

    def node(write_end: int) -> None:
        if IS_ROOT:
            os.setgroups([])
            os.setgid(account.gid)
            os.setuid(account.uid)
        one = EmbeddedPostgres(folder / "node" / "postgres", settings=QUICK, programs=programs)
        one.start()
        answer = ask(one.dsn(), "SELECT current_user::text")
        one.stop()
        os.write(write_end, str(answer).encode())

    try:
        pid, read_end = fork_node(node)
        said = os.read(read_end, 4000).decode()
        _, status = os.waitpid(pid, 0)
        assert (said, os.waitstatus_to_exitcode(status)) == ("tocsin", 0)
    finally:
        shutil.rmtree(folder)


def test_programs_out_of_reach_are_copied_once_or_refused(tmp_path: Path) -> None:
    account = server_account()
    real = find_programs(account).folder.parent.parent
    closed = Path(tempfile.mkdtemp(prefix="tocsin-closed-"))
    cache = Path(tempfile.mkdtemp(prefix="tocsin-cache-"))
    try:
        (closed / real.name).symlink_to(real)
        (closed / f"{real.name}.libs").symlink_to(real.with_name(f"{real.name}.libs"))
        installed = closed / real.name / "pginstall" / "bin"
        closed.chmod(0o700 if IS_ROOT else 0o000)
        if not IS_ROOT:
            with pytest.raises((EmbeddedPostgresError, PermissionError)):
                find_programs(account, installed, (cache,))
            return
        assert not reachable(installed / "postgres", account)
        programs = find_programs(account, installed, (cache,))
        again = find_programs(account, installed, (cache,))
        assert again == programs
        version = subprocess.run(
            [programs.path("initdb"), "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=True,
        )
        assert "PostgreSQL" in version.stdout
        writable = Path(tempfile.mkdtemp(prefix="tocsin-open-"))
        writable.chmod(0o777)
        with pytest.raises(EmbeddedPostgresError, match="cannot reach"):
            find_programs(account, installed, (writable,))
        shutil.rmtree(writable)
    finally:
        closed.chmod(0o700)
        shutil.rmtree(closed)
        shutil.rmtree(cache)
