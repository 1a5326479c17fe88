"""`tocsin log`, and dumps as text."""

from __future__ import annotations

import asyncio
import gzip
import json
import tarfile
from pathlib import Path

import pytest

from tests.conftest import create_database, drop_database
from tests.log.conftest import Sealed, verify
from tocsin.app.cli import main
from tocsin.stores.postgres.backup import backup
from tocsin.stores.postgres.embedded import EmbeddedPostgres


async def as_text(sealed: Sealed) -> Path:
    """The tables of the database as `pg_dump` writes them: COPY blocks with a line between."""
    source, _ = await backup(sealed.dsn, sealed.folder / "town.tar", at=sealed.town.at)
    target = sealed.folder / "town.sql"
    with tarfile.open(source) as tar, target.open("wb") as out:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        out.write(b"--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n")
        for each in json.load(manifest)["members"]:
            file = tar.extractfile(f"{each['schema']}.{each['name']}.copy.gz")
            assert file is not None
            columns = ", ".join(f'"{c}"' if c == "values" else c for c in each["columns"])
            name = '"values"' if each["name"] == "values" else each["name"]
            out.write(f"COPY {each['schema']}.{name} ({columns}) FROM stdin;\n".encode())
            out.write(gzip.decompress(file.read()) + b"\\.\n\n\n")
    return target


async def test_a_dump_as_text_is_checked(
    sealed: Sealed, capsys: pytest.CaptureFixture[str]
) -> None:
    await sealed.some_cases(5)
    await sealed.log.catch_up()
    text = await as_text(sealed)
    key = sealed.keys.public[0]
    assert verify(text, "--key", key, "--complete") == 0
    before, mark, journal = text.read_bytes().partition(b"COPY public.journal (")
    changed = journal.replace(b"2026-03-02 08:00:00+00", b"2026-03-02 08:00:01+00", 1)
    assert changed != journal
    (sealed.folder / "changed.sql").write_bytes(before + mark + changed)
    hashes = sealed.folder / "log" / "tiles.0"
    assert verify(sealed.folder / "changed.sql", "--key", key, "--hashes", hashes) == 1
    assert "entry 0 (case 1, " in capsys.readouterr().out
    text.write_text("-- nothing")
    assert verify(text, "--key", key) == 2


def test_export_rotate_and_restart(
    postgres_server: EmbeddedPostgres,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = asyncio.run(create_database(postgres_server))
    flags = ["--data", str(tmp_path)]
    monkeypatch.setenv("TOCSIN_DATABASE_URL", postgres_server.dsn(name))
    try:
        assert main(["log", "export", str(tmp_path / "one"), *flags]) == 0
        assert main(["log", "export", str(tmp_path / "one"), *flags]) == 2, "never over another"
        capsys.readouterr()
        assert main(["log", "key", *flags]) == 0
        (old,) = capsys.readouterr().out.split()
        assert main(["log", "rotate", *flags]) == 0
        assert main(["log", "export", str(tmp_path / "two"), *flags]) == 0
        assert verify(tmp_path / "two", "--key", old, "--complete") == 0
        assert main(["log", "restart", *flags]) == 2, "it wants a yes"
        assert main(["log", "restart", "--yes", *flags]) == 0
        assert main(["log", "export", str(tmp_path / "three"), *flags]) == 0
        assert verify(tmp_path / "three", "--key", old) == 1, "auditors see that it is another"
    finally:
        asyncio.run(drop_database(postgres_server, name))
