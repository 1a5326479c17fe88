"""What the listener for devices speaks when it speaks TLS: 1.2 and 1.3, and only ciphers with
forward secrecy that authenticate what they hide (RFC 9325, 4.2)."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from pathlib import Path

import pytest

from tests.intakes.alarm_desk import KeptDesk
from tests.intakes.mqtt_help import listening
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
