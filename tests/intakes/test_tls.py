"""What the listener for devices speaks when it speaks TLS: 1.2 and 1.3, and only ciphers with
forward secrecy that authenticate what they hide (RFC 9325, 4.2)."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from pathlib import Path

import pytest

from tests.end_to_end.slow_clients import HALF
from tests.intakes.alarm_desk import KeptDesk
from tests.intakes.mqtt_help import listening, until
from tests.intakes.test_mqtt_sockets import certificate

pytestmark = pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")

ANY = "ALL:@SECLEVEL=0"
OLD = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1)
NEW = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def shake(port: int, version: ssl.TLSVersion, ciphers: str = ANY) -> str | None:
    """The cipher agreed with a client that speaks this one version; None: there was none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(ciphers)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = version
    context.minimum_version = version
    with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
        try:
            with context.wrap_socket(raw) as made:
                found = made.cipher()
                return found[0] if found else None
        except (ssl.SSLError, OSError):
            return None


def is_good(cipher: str) -> bool:
    return cipher.startswith("TLS_") or (
        cipher.startswith("ECDHE-") and ("GCM" in cipher or "CHACHA20" in cipher)
    )


def taken_of(port: int) -> set[str]:
    """Every cipher of TLS 1.2 that is taken, asked for one by one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers(ANY)
    names = [str(each["name"]) for each in context.get_ciphers()]
    told = {
        name: shake(port, NEW[0], f"{name}:@SECLEVEL=0") for name in names if name[:4] != "TLS_"
    }
    return {each for each in told.values() if each}


async def test_the_listener_for_devices_speaks_nothing_old(tmp_path: Path) -> None:
    files = certificate(tmp_path)
    async with listening(KeptDesk(), tls_port=0, certificate=files[0], key=files[1]) as server:
        port = server.tls_port
        for version in OLD:
            assert await asyncio.to_thread(shake, port, version) is None
        for version in NEW:
            assert await asyncio.to_thread(shake, port, version) is not None
        taken = await asyncio.to_thread(taken_of, port)
        assert taken and all(map(is_good, taken)), taken


@pytest.mark.parametrize("version", OLD)
def test_a_listener_that_speaks_old_versions_is_found(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """The planted fault: such a listener, met by the same client."""
    files = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    context.set_ciphers(ANY)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            raw, _ = listener.accept()
            with context.wrap_socket(raw, server_side=True):
                pass

        thread = threading.Thread(target=serve)
        thread.start()
        agreed = shake(listener.getsockname()[1], version)
        thread.join()
    assert agreed is not None and not is_good(agreed)


BEGINNINGS = (b"", HALF[:1], HALF)


def unended(port: int, begins: bytes, patience_s: float) -> bool:
    """Whether a client that begins a handshake and never ends it is let go of."""
    with socket.create_connection(("127.0.0.1", port), timeout=patience_s) as raw:
        raw.sendall(begins)
        try:
            while raw.recv(4_096):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass  # reset: let go of as well
        return True


async def test_a_handshake_that_never_ends_is_let_go_of(tmp_path: Path) -> None:
    """By time: it is over when a device would have had to say who it is. Others come in meanwhile
    and after it, and nothing of it is left."""
    files = certificate(tmp_path)
    more = {"tls_port": 0, "certificate": files[0], "key": files[1], "connect_s": 1.0}
    async with listening(KeptDesk(), **more) as server:
        port = server.tls_port
        slow = [asyncio.to_thread(unended, port, each, 60.0) for each in BEGINNINGS * 3]
        waiting = asyncio.gather(*slow)
        assert await asyncio.to_thread(shake, port, NEW[1]) is not None
        assert await waiting == [True] * 9
        assert await asyncio.to_thread(shake, port, NEW[1]) is not None
        await until(lambda: not server.wires and not server.seats.addresses)


async def test_a_listener_that_waits_for_ever_is_found(tmp_path: Path) -> None:
    """The planted fault: no bound on the time of a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path))
    server = await asyncio.start_server(
        lambda reader, writer: None, "127.0.0.1", 0, ssl=context, ssl_handshake_timeout=3_600
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert not await asyncio.to_thread(unended, port, HALF, 2.0)
