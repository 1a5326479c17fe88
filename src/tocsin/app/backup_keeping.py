"""`tocsin backup` and `restore`: what an operator rehearses before it is needed."""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path

from tocsin.app.asking import settings_of
from tocsin.app.backup_verbs import PRUNE
from tocsin.app.clock import SteadyClock
from tocsin.app.keeping import with_database
from tocsin.app.node import Dsn
from tocsin.stores.log.notes import KEY_FILE
from tocsin.stores.postgres.backup import BackupError, Restored
from tocsin.stores.postgres.backup import backup as write_backup
from tocsin.stores.postgres.backup import restore as read_backup
from tocsin.stores.postgres.backup_keys import (
    KEYS_KEPT_DAYS,
    KEYS_KEPT_DAYS_MAX,
    keys_beside,
    read_keys,
)
from tocsin.stores.postgres.backup_keys import prune as prune_keys


def backup(asked: argparse.Namespace) -> int:
    """Writes both files; with the word `prune`, removes keys' files that had their day."""
    if asked.file == PRUNE:
        return prune(asked)
    if asked.folder is not None or asked.days is not None or asked.dry_run:
        raise BackupError("--folder, --days and --dry-run belong to `tocsin backup prune`")
    settings = settings_of(asked)
    key = settings.vault_key_file or settings.data / "vault.key"
    log_key = settings.data / KEY_FILE

    async def work(dsn: Dsn) -> int:
        where, manifest = await write_backup(
            dsn,
            Path(asked.file),
            at=SteadyClock().now(),
            keys=asked.keys,
            with_key=key if asked.with_key else None,
            with_log_key=log_key if asked.with_key and log_key.exists() else None,
        )
        print(f"{manifest.rows} rows of {len(manifest.members)} tables written to {where}")
        beside = keys_beside(where, asked.keys)
        print(f"The keys of what is sealed: {beside}")
        if masters := read_keys(beside).masters:
            print(f"To read them it takes master key {', '.join(map(str, masters))} of {key}.")
        print(f"Keep the data as long as you like, the keys {KEYS_KEPT_DAYS} days: backup prune")
        if not asked.with_key:
            print(f"The vault's key is not in it: keep a copy of {key} in another safe place.")
            if log_key.exists():
                print(f"Nor is the key of the log: keep a copy of {log_key} with it.")
        return 0

    return with_database(settings, work)


def prune(asked: argparse.Namespace) -> int:
    """Exit 0 when no keys past the horizon are left but the newest; 1 when there are files that
    somebody has to look at."""
    days = KEYS_KEPT_DAYS if asked.days is None else asked.days
    if not 0 <= days <= KEYS_KEPT_DAYS_MAX:
        raise BackupError(f"--days is from 0 to {KEYS_KEPT_DAYS_MAX}")
    if asked.folder is None or not asked.folder.is_dir():
        raise BackupError("name the folder of the keys' files: --folder FOLDER")
    kept = timedelta(days=days)
    found = prune_keys(asked.folder, now=SteadyClock().now(), kept=kept, is_rehearsal=asked.dry_run)
    for path in found.removed:
        print(f"{path}: {'would be ' if asked.dry_run else ''}removed")
    for path in found.overdue:
        print(f"{path}: older than {days} days, kept because it is the newest: make a backup")
    for path in found.unread:
        print(f"{path}: cannot be read, and may hold keys: look at it, and remove it yourself")
    for path in found.inside:
        print(f"{path}: has its keys inside (an earlier version): remove it when you can")
    verb = "would go" if asked.dry_run else "gone"
    print(f"{len(found.removed)} {verb}, {len(found.stays)} keys' files stay")
    return 1 if found.unread or found.inside else 0


def restore(asked: argparse.Namespace) -> int:
    """Fills an empty node; says from which keys, and what stayed away."""
    settings = settings_of(asked)
    settings.data.mkdir(parents=True, exist_ok=True)
    key = settings.vault_key_file or settings.data / "vault.key"
    log_key = settings.data / KEY_FILE

    async def work(dsn: Dsn) -> int:
        done = await read_backup(
            dsn, asked.file,
            key_file=key, log_key_file=log_key, keys=asked.keys,
            lost_at=SteadyClock().now() if asked.without_keys else None,
        )  # fmt: skip
        manifest = done.manifest
        print(f"{manifest.rows} rows of {len(manifest.members)} tables restored")
        for line in _of_keys(done, asked.without_keys):
            print(line)
        if not key.exists():
            print(f"Put the vault's key at {key}: without it no sealed value can be read.")
        if settings.seal_log and not log_key.exists():
            print(f"Put the log's key at {log_key}, or begin a new log: tocsin log restart")
        return 0

    return with_database(settings, work)


def _of_keys(done: Restored, are_lost: bool) -> list[str]:
    if are_lost:
        return [f"Without keys: {done.gone} sealed values are gone, each with a record."]
    if done.keys_file is None or done.keys_at is None:
        return ["The keys were inside: what was erased since this backup can be read again."]
    said = [f"Keys of {done.keys_at:%Y-%m-%d %H:%M} from {done.keys_file}"]
    if done.gone:
        said.append(f"{done.gone} sealed values that were erased since are erased again.")
    return said
