"""A sender without an API key may report, slowly; the machine's own programs are not held back."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from tocsin.app.node import keyless_wait
from tocsin.web.options import WebOptions
from tocsin.web.shell import Seen

OPTIONS = WebOptions(
    trusted_proxies=(ip_network("127.0.0.0/8"),), anonymous_per_minute=6, anonymous_burst=3
)


def request(address: str) -> dict[str, Any]:
    return {"type": "http", "state": {"tocsin": Seen(address, False, "r")}}


def test_a_burst_is_fine_and_then_each_address_waits_for_itself() -> None:
    wait_s = keyless_wait(OPTIONS)
    assert [wait_s(request("203.0.113.7")) for _ in range(3)] == [0, 0, 0]
    assert 0 < wait_s(request("203.0.113.7")) <= 11
    assert wait_s(request("203.0.113.8")) == 0


def test_the_machines_own_programs_are_not_held_back() -> None:
    wait_s = keyless_wait(OPTIONS)
    assert {wait_s(request("127.0.0.1")) for _ in range(50)} == {0}


def test_a_household_of_many_addresses_is_one_sender() -> None:
    wait_s = keyless_wait(OPTIONS)
    waits = [wait_s(request(f"2001:db8:1:2::{n:x}")) for n in range(1, 6)]
    assert waits[:3] == [0, 0, 0] and waits[3] > 0
