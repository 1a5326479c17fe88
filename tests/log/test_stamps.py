"""Time stamps from a real authority on this machine: `openssl ts` behind a real socket."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path

import pytest

from tests.log.conftest import Sealed, verify
from tests.log.test_sequencer import run
from tocsin.app.outgoing import Caller
from tocsin.app.sealing import StampRefused, ask_authority, stamp
from tocsin.runtime.outgoing import Rules

CALLER = Caller(Rules(networks=(ip_network("127.0.0.0/8"),)))
"""The authority of the test is on this machine, which the operator must allow."""
CONFIG = """
[tsa]
default_tsa = own
[own]
serial = {folder}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[signer]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
"""


def openssl(*words: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["openssl", *map(str, words)], capture_output=True, check=True, timeout=60
    )


@dataclass
class Authority:
    """Where it listens, its root, and what it does wrong."""

    folder: Path
    url: str = ""
    wrong: str = ""
    asked: list[bytes] = field(default_factory=list[bytes])

    @property
    def root(self) -> Path:
        return self.folder / "root.pem"

    def answer(self, query: bytes) -> bytes:
        self.asked.append(query)
        if self.wrong == "other":  # a stamp of something else
            query = self.asked[0]
        if self.wrong == "garbage":
            return b"hello"
        path = self.folder / "query"
        path.write_bytes(query)
        openssl(
            "ts", "-reply", "-config", self.folder / "tsa.cnf", "-queryfile", path,
            "-inkey", self.folder / "signer.key", "-signer", self.folder / "signer.pem",
            "-out", self.folder / "reply",
        )  # fmt: skip
        return (self.folder / "reply").read_bytes()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority")
    config = folder / "tsa.cnf"
    config.write_text(CONFIG.format(folder=folder))
    (folder / "serial").write_text("01\n")
    for name in ("root", "signer", "other"):
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-out", folder / f"{name}.key")  # fmt: skip
    for name in ("root", "other"):
        openssl("req", "-new", "-x509", "-key", folder / f"{name}.key", "-subj", f"/CN={name}",
                "-days", 30, "-out", folder / f"{name}.pem",
                "-addext", "keyUsage=critical,keyCertSign")  # fmt: skip
    openssl("req", "-new", "-key", folder / "signer.key", "-subj", "/CN=stamps", "-out",
            folder / "signer.csr")  # fmt: skip
    openssl("x509", "-req", "-in", folder / "signer.csr", "-CA", folder / "root.pem", "-CAkey",
            folder / "root.key", "-CAcreateserial", "-days", 30, "-extfile", config,
            "-extensions", "signer", "-out", folder / "signer.pem")  # fmt: skip
    return folder


@pytest.fixture
def authority(made: Path) -> Iterator[Authority]:
    there = Authority(made)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if there.wrong == "busy":
                self.send_error(503)
                return
            answer = there.answer(body)
            self.send_response(200)
            self.send_header("content-type", "application/timestamp-reply")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    there.url = f"http://127.0.0.1:{server.server_address[1]}/tsa"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield there
    server.shutdown()
    thread.join()
    server.server_close()


async def test_a_checkpoint_is_stamped_once_a_day_and_openssl_agrees(
    sealed: Sealed, authority: Authority
) -> None:
    assert await stamp(sealed.store.readers, CALLER, authority.url, authority.root) is None
    await sealed.some_cases(3)
    await sealed.log.catch_up()
    assert await stamp(sealed.store.readers, CALLER, authority.url, authority.root) == 9
    await sealed.some_cases(3, "later")
    await sealed.log.catch_up()
    assert await stamp(sealed.store.readers, CALLER, authority.url, authority.root) is None, (
        "not yet"
    )
    assert len(authority.asked) == 1
    await run(sealed.dsn, "UPDATE log.stamps SET at = at - interval '25 h'")
    assert await stamp(sealed.store.readers, CALLER, authority.url, None) == 18

    stamps = sealed.folder / "stamps"
    assert verify(await sealed.bundle(), "--complete", "--stamps", stamps) == 0
    for size in (9, 18):
        said = openssl(
            "ts", "-verify", "-data", stamps / f"{size}.checkpoint", "-in", stamps / f"{size}.tsr",
            "-CAfile", authority.root, "-untrusted", authority.folder / "signer.pem",
        )  # fmt: skip
        assert b"Verification: OK" in said.stdout
    (stamps / "9.checkpoint").write_text("another past")
    with pytest.raises(subprocess.CalledProcessError):
        openssl("ts", "-verify", "-data", stamps / "9.checkpoint", "-in", stamps / "9.tsr",
                "-CAfile", authority.root)  # fmt: skip


@pytest.mark.parametrize("wrong", ["other", "garbage", "busy"])
async def test_what_is_no_stamp_is_refused(authority: Authority, wrong: str) -> None:
    await ask_authority(CALLER, authority.url, b"first", None)
    authority.wrong = wrong
    with pytest.raises(StampRefused):
        await ask_authority(CALLER, authority.url, b"second", None)


async def test_a_stranger_s_stamp_is_refused(authority: Authority) -> None:
    await ask_authority(CALLER, authority.url, b"note", authority.root)
    with pytest.raises(StampRefused):
        await ask_authority(CALLER, authority.url, b"note", authority.folder / "other.pem")
