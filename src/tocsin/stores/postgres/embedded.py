"""An embedded PostgreSQL under our own supervisor: a direct child, gone when the node is gone.

What it promises: one supervisor for one folder; a start in tens of milliseconds; nothing listens
on the network; a node killed with SIGKILL takes its server with it (the kernel sends the server
SIGINT, a fast shutdown); the next start waits for a former server to leave and clears a stale
lock file, also when its process id belongs to another program by now.

The server is started *inside* its data folder and knows it as /proc/self/cwd. So the account it
runs as under root needs no right to walk through the parent folders, which may be as private as
they like (a checkout below /root, a test's temporary folder).
"""

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypedDict
from urllib.parse import quote

from tocsin.stores.postgres.binaries import (
    Account,
    EmbeddedPostgresError,
    Programs,
    find_programs,
    own_account,
    reachable,
    server_account,
)
from tocsin.stores.postgres.doors import NODE, READER
from tocsin.stores.postgres.processes import Recovery, pid_in, servers_in

DATABASE = "tocsin"
USER = "tocsin"
LOGINS = (USER, NODE, READER)  # one for each door
START_PATIENCE_S = 600.0  # recovery reads max_wal_size of journal, from whatever disk this is
FORMER_PATIENCE_S = 30.0  # a former server's last checkpoint writes at most shared_buffers
STOP_PATIENCE_S = 20.0
LOG_LIMIT_BYTES = 5_000_000  # kept twice: the log, and the one before it
SOCKET_PATH_LIMIT = 80  # of the kernel's 107 bytes for a socket's address; the rest is the name
_POLL_S = 0.002
_LOOK_EVERY_S = 0.5
_PR_SET_PDEATHSIG = 1
_READY = "ready"
_LIBC = ctypes.CDLL(None, use_errno=True)  # loaded here: nothing may be loaded after a fork

# For a laptop with two cores; every value can be overridden by `settings`.
DEFAULT_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "shared_buffers": "128MB",
        "max_connections": "40",
        "work_mem": "8MB",
        "maintenance_work_mem": "64MB",
        "wal_buffers": "8MB",
        "max_wal_size": "2GB",  # fewer checkpoints: each makes full pages dear again
        "wal_compression": "pglz",  # full pages are most of the journal; the cores are idle
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "max_wal_senders": "2",
        "random_page_cost": "1.1",  # solid-state disks
        "jit": "off",  # short statements: compiling costs more than it saves
        "max_parallel_workers_per_gather": "0",
        "io_method": "sync",  # three worker processes less; nothing here reads ahead much
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "warning",
        "logging_collector": "off",
        # Values and statements may be personal: an error names itself and nothing more.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_parameter_max_length_on_error": "0",
        "tocsin.logins": "on",  # each door is a login here: no password has to be kept
    }
)


class EmbeddedPostgres:
    """A PostgreSQL server of our own in `folder` (made when missing, kept private).

    `folder` holds `cluster/` (the data), `lock`, `postgres.log` and `socket` (a link to the
    folder of the Unix socket). `settings` override DEFAULT_SETTINGS; `programs` replace those of
    the wheel (a distribution's own, say).

    `start` must be called from the main thread: the kernel ends the server when the *thread*
    that started it ends. All methods block; none needs an event loop.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        programs: Programs | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.cluster = self.folder / "cluster"
        self.log = self.folder / "postgres.log"
        self.start_s = 0.0
        self.initdb_s = 0.0
        self._settings = {**DEFAULT_SETTINGS, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None
        self._socket_folder: Path | None = None
        self._account: Account | None = None
        self._programs = programs

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def programs(self) -> Programs:
        """The programs of this server, such as pg_dump; only after `start`."""
        assert self._programs is not None, "not started"
        return self._programs

    def dsn(self, database: str = DATABASE) -> str:
        """A connection string for asyncpg and libpq; only after `start`."""
        assert self._socket_folder is not None, "not started"
        return f"postgresql://{USER}@/{quote(database)}?host={quote(str(self._socket_folder))}"

    def start(self) -> None:
        """Starts the server and returns when it takes connections.

        The first start makes the cluster and the database. Raises EmbeddedPostgresError with one
        line for the operator: another node runs here, the disk is full, a foreign version.
        """
        if self.is_running:
            return
        if threading.current_thread() is not threading.main_thread():
            raise EmbeddedPostgresError("the embedded PostgreSQL is started by the main thread")
        self._account = server_account()
        self._programs = self._programs or find_programs(self._account)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take_lock()
        try:
            began = time.perf_counter()
            if not self.cluster.exists():
                self._make_cluster()
                self.initdb_s = time.perf_counter() - began
            self._check_version()
            self._await_former()
            self._make_socket_folder()
            self._write_access()
            began = time.perf_counter()
            self._launch()
            self.start_s = time.perf_counter() - began
        except BaseException:
            self.stop()
            raise

    def ensure_running(self) -> bool:
        """Starts the server again if it died; says whether it had to. Main thread only."""
        if self.is_running:
            return False
        self.restart()
        return True

    def restart(self) -> None:
        """Ends the server, without waiting for what it may be stuck in, and starts it again: what
        was acknowledged is recovered. Main thread only. Raises as `start` does."""
        self._end(signal.SIGQUIT, signal.SIGKILL)
        self.start()

    def stop(self) -> None:
        """A fast shutdown: sessions end, everything is on disk. Harmless when not running."""
        self._end(signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)

    def _end(self, *endings: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            for ending in endings:
                if process.poll() is None:
                    process.send_signal(ending)
                try:
                    process.wait(STOP_PATIENCE_S)
                    break
                except subprocess.TimeoutExpired:
                    continue  # a harder signal next; recovery makes even SIGKILL safe
        self._drop_socket_folder()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # ------------------------------------------------------------------ one supervisor

    def _take_lock(self) -> None:
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise EmbeddedPostgresError(
                f"another Tocsin (process {holder}) already runs on {self.folder}: "
                "stop it, or choose another --data folder"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        self._lock = descriptor

    def _await_former(self) -> None:
        """Waits for the server of a node that died, then clears the lock file it may have left."""
        deadline = time.monotonic() + FORMER_PATIENCE_S
        while former := servers_in(self.cluster):
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(
                    f"a former PostgreSQL (process {former[0]}) does not leave {self.cluster}"
                )
            time.sleep(0.01)
        pid_file = self.cluster / "postmaster.pid"
        pid = pid_in(pid_file)
        # A dead process's file is left to PostgreSQL, which also looks at its shared memory; one
        # whose number a stranger got would make it refuse for ever.
        if pid is not None and Path(f"/proc/{pid}").exists():
            pid_file.unlink()

    # ------------------------------------------------------------------ the cluster

    def _make_cluster(self) -> None:
        """initdb and CREATE DATABASE beside the final place; a crash half-way leaves nothing."""
        part = self.folder / "cluster.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        assert self._account is not None
        os.chown(part, self._account.uid, self._account.gid)
        flags = ["--no-sync"] if self._settings["fsync"] == "off" else []
        self._run(
            part,
            "initdb",
            f"--username={USER}",
            "--encoding=UTF8",
            f"--locale={_utf8_locale()}",
            # Sorted by code point and the same on every machine, whatever its C library.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--data-checksums",
            "--auth-local=peer",
            "--auth-host=reject",
            "--no-instructions",
            *flags,
        )
        sync = f"fsync={self._settings['fsync']}"
        statement = f"CREATE DATABASE {DATABASE} OWNER {USER}\n"
        self._run(part, "postgres", "--single", "-j", "-c", sync, "postgres", statement=statement)
        part.rename(self.cluster)
        _sync_folder(self.folder)

    def _run(self, cwd: Path, program: str, *arguments: str, statement: str = "") -> None:
        result = subprocess.run(
            [self.programs.path(program), *arguments],
            cwd=cwd,
            input=statement.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
            check=False,
            **self._identity(),
        )
        if result.returncode != 0:
            words = result.stdout.decode("utf-8", "replace").strip().splitlines() or ["no reason"]
            raise EmbeddedPostgresError(f"{program} failed in {cwd}: {' / '.join(words[-3:])}")

    def _check_version(self) -> None:
        stored = (self.cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        output = subprocess.run(
            [self.programs.path("postgres"), "--version"],
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
            **self._identity(),
        ).stdout
        served = output.split()[2].split(".")[0]
        if stored != served:
            raise EmbeddedPostgresError(
                f"{self.cluster} was made by PostgreSQL {stored}, this is {served}: "
                "restore a backup into a new --data folder"
            )

    # ------------------------------------------------------------------ the socket

    def _make_socket_folder(self) -> None:
        """A private folder with a short path; a link to it stays, so the next start can tidy."""
        self._drop_socket_folder()
        assert self._account is not None
        base = Path(tempfile.gettempdir())
        if len(str(base)) > SOCKET_PATH_LIMIT or not reachable(base, self._account):
            base = Path("/tmp")
        folder = Path(tempfile.mkdtemp(prefix="tocsin-", dir=base))
        os.chown(folder, self._account.uid, self._account.gid)
        (self.folder / "socket").symlink_to(folder)
        self._socket_folder = folder

    def _drop_socket_folder(self) -> None:
        link = self.folder / "socket"
        if not link.is_symlink() or self._lock is None:
            return
        folder = link.readlink()
        if folder.name.startswith("tocsin-") and folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)
        link.unlink()
        self._socket_folder = None

    def _write_access(self) -> None:
        """Only this node's account may connect, and only as LOGINS, over the private socket."""
        own = own_account()
        assert self._account is not None and own.name is not None
        files = {
            "pg_hba.conf": "local all all peer map=node\n",
            "pg_ident.conf": "".join(f'node "{own.name}" {each}\n' for each in LOGINS),
        }
        for name, text in files.items():
            path = self.cluster / name
            path.write_text(text, encoding="utf-8")
            os.chown(path, self._account.uid, self._account.gid)

    # ------------------------------------------------------------------ the server

    def _launch(self) -> None:
        settings = {
            **self._settings,
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket_folder),
            "unix_socket_permissions": "0700",
        }
        command = [str(self.programs.path("postgres")), "-D", "/proc/self/cwd"]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.cluster,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                start_new_session=True,  # a Ctrl-C on the terminal is the node's to handle
                preexec_fn=_die_with(os.getpid()),
                **self._identity(),
            )
        self._await_ready(self._process)

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_PATIENCE_S
        pid_file = self.cluster / "postmaster.pid"
        recovery = Recovery(self.cluster)
        looked = time.monotonic()
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise EmbeddedPostgresError(f"PostgreSQL did not start: {self._last_words()}")
            try:
                lines = pid_file.read_text(encoding="ascii").splitlines()
            except FileNotFoundError:
                lines = []
            # Line 1 is the process, line 8 the state: PostgreSQL's documented lock file.
            is_ours = len(lines) >= 8 and lines[0] == str(process.pid)
            if is_ours and lines[7].strip() == _READY:
                return
            if time.monotonic() - looked > _LOOK_EVERY_S:
                looked = time.monotonic()
                if recovery.is_stuck():
                    break
            time.sleep(_POLL_S)
        raise EmbeddedPostgresError(f"PostgreSQL was not ready in time: {self._last_words()}")

    def _last_words(self) -> str:
        lines = self.log.read_bytes()[-2000:].decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"see {self.log}"

    def _identity(self) -> "_Identity":
        """Arguments that make a child run as the server's account."""
        assert self._account is not None
        if os.geteuid() != 0:
            return {"user": None, "group": None, "extra_groups": None}
        return {"user": self._account.uid, "group": self._account.gid, "extra_groups": []}


class _Identity(TypedDict):
    """What subprocess calls the account of a child; None keeps our own."""

    user: int | None
    group: int | None
    extra_groups: list[int] | None


def _environment() -> dict[str, str]:
    """Nothing of the caller's: PGDATA and friends would steer the server elsewhere."""
    return {"PATH": "/usr/bin:/bin", "PGDATA": "/proc/self/cwd", "TZ": "UTC"}


def _die_with(parent: int) -> Callable[[], None]:
    """A hook for the new child: a fast shutdown when the thread that started it ends."""

    def hook() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # the node died before the line above could promise anything

    return hook


def _utf8_locale() -> str:
    """A locale whose character classes know all of Unicode (pg_trgm needs them), else C."""
    _LIBC.newlocale.restype = ctypes.c_void_p
    every_category = 0x1FBF  # glibc's LC_ALL_MASK
    for name in ("C.UTF-8", "en_US.UTF-8"):
        if _LIBC.newlocale(every_category, name.encode(), None):
            return name
    return "C"


def _sync_folder(folder: Path) -> None:
    """Puts a rename inside `folder` on disk: what is acknowledged later must not lose its home."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def running_dsn(folder: Path, database: str = DATABASE) -> str | None:
    """Where the server of another process on this folder listens; None when none has since the
    folder was left in order. Only its own account may connect."""
    link = folder / "socket"
    if not link.is_symlink():
        return None
    return f"postgresql://{USER}@/{quote(database)}?host={quote(str(link.readlink()))}"
