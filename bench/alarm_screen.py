"""Alarms in a real Chromium: from the press of a button, through a signed socket, to the screen and
to the list of units; and what a flood of alarms takes from the node to the pixel.

The browser shares the machine with the node, the database and the senders; an operator's would be
elsewhere. The load stands beside the figures.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from bench.harness import Figure, median, percentile
from bench.node import Running, node
from bench.people import PASSWORD, supervisor_cookie
from bench.screens import screen

SECRET = "a secret of the benches, long"
INTAKES = f"""
[[signed-json.sender]]
name = "bench"
secret = "{SECRET}"
[signed-json.sender.mapping]
items = "/alarms"
"""
PRESSES = 60
UNITS = 12
DEVICES = 2_000
KINDS = ("intrusion", "tamper")
RATE = 1_000
IN_MESSAGE = 20
SENDERS = 24

# What a press leads to: its alarm on the strip, then (opened at once, as by a hand that waits for
# it) the first unit that is recommended for its case. Unix milliseconds.
PRESSED = """(known) => new Promise((done, fail) => {
  const now = () => performance.timeOrigin + performance.now();
  const strip = document.querySelector('[data-alarms]');
  let seen = 0, opened = false;
  const late = setTimeout(() => fail(new Error('nothing was seen')), 20000);
  const look = () => {
    if (!seen && strip.dataset.newest !== known
        && document.querySelector(`[data-alarm="${strip.dataset.newest}"]`)) seen = now();
    const news = document.querySelector('.news.told button');
    if (seen && news && !opened) { opened = true; news.click(); }
    if (opened && document.querySelector('.side [data-candidate]')) {
      clearTimeout(late);
      done([seen, now(), strip.dataset.newest]);
    } else requestAnimationFrame(look);
  };
  look();
})"""
CLEARED = """() => {
  for (const each of document.querySelectorAll('.news.told button:last-of-type')) each.click();
  document.querySelector('.side .close')?.click();
}"""
# The strip counts what it has taken in; a count is on the screen at the frame that wrote it.
WATCH = """() => {
  window.seen = [];
  const strip = document.querySelector('[data-alarms]');
  window.before = Number(strip.dataset.open);
  let known = window.before;
  new MutationObserver(() => {
    const now = Number(strip.dataset.open), at = performance.timeOrigin + performance.now();
    for (; known < now; known++) window.seen.push(at);
  }).observe(strip, {attributes: true, attributeFilter: ['data-open']});
}"""


def bench() -> list[Figure]:
    """Needs the built console and Debian's Chromium."""
    if not Path("src/tocsin/_console/index.html").exists():
        raise SystemExit("bench alarm_screen: the screens are not built: run `make setup`")
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        data.mkdir()
        (data / "intakes.toml").touch(0o600)
        (data / "intakes.toml").write_text(INTAKES)
        with node(data) as running:
            cookie = supervisor_cookie(running, "dispatcher")
            town = _Town(running)
            town.settle()
            with screen(running, cookie) as shown:
                page = shown.page
                page.goto(f"{running.address}/console/board")
                page.locator("[data-live=up]").wait_for()
                page.locator("[data-alarms]").wait_for()
                page.wait_for_timeout(5_000)  # the map's first frames
                presses = [_press(town, page, number) for number in range(PRESSES)]
                page.evaluate(WATCH)
                town.flood()
                page.wait_for_timeout(3_000)
                seen = [float(each) for each in page.evaluate("() => window.seen")]
            raised = town.opened(cookie)
    return _figures(presses[5:], seen, raised)


def _figures(
    presses: list[tuple[float, float]], seen: list[float], raised: list[float]
) -> list[Figure]:
    load = f"load {os.getloadavg()[0]:.1f}"
    screens, lists = [a for a, _ in presses], [b for _, b in presses]
    total = len(KINDS) * DEVICES
    flood = sorted(raised)[-total:]
    waits = [max(0.0, at - was) for was, at in zip(flood, sorted(seen), strict=False)]
    rate = (len(flood) - 1) / ((flood[-1] - flood[0]) / 1_000)
    told = f"{len(seen)} of {total} seen, {load}"
    return [
        Figure("press to screen, median", median(screens), "ms", note=load),
        Figure("press to screen, p99", percentile(screens, 99), "ms", 500, "less", load),
        Figure("press to list of units, median", median(lists), "ms", note=load),
        Figure("press to list of units, p99", percentile(lists, 99), "ms", 500, "less", load),
        Figure("alarms in the flood", rate, "alarms/s", RATE, note=told),
        Figure("alarm to pixel in the flood, median", percentile(waits, 50), "ms", note=told),
        Figure("alarm to pixel in the flood, p99", percentile(waits, 99), "ms", 100, "less", told),
    ]


def _press(town: _Town, page: Any, number: int) -> tuple[float, float]:
    """Milliseconds from before the press was written to a socket: to its row, to its units."""
    known = page.evaluate("() => document.querySelector('[data-alarms]').dataset.newest")
    page.evaluate(f"(known) => {{ window.pressed = ({PRESSED})(known) }}", known)
    began = time.time() * 1_000
    town.send([{"device": f"b{number}", "kind": "panic", "key": f"press-{number}"}])
    seen, listed, _ = page.evaluate("() => window.pressed")
    page.evaluate(CLEARED)
    page.wait_for_timeout(150)
    return seen - began, listed - began


class _Town:
    """Buttons, detectors and units of a node, and those who speak for them."""

    def __init__(self, running: Running) -> None:
        self.address = running.address
        body = {"login": "ada", "password": PASSWORD}
        self.me, self.cookie = self._ask("POST", "/api/login", body)
        self.county = self.me["grants"][0]["area"]

    def settle(self) -> None:
        """Registers everything."""
        head = "id,name,kind,area,lon,lat,wires"
        at = "24.9400,60.1700"
        lines = [head]
        for n in range(PRESSES):
            lines.append(f"b{n},Button {n},button,{self.county},{at},signed-json=bench/b{n}")
        for n in range(DEVICES):
            wire = f"signed-json=bench/d{n}"
            lines.append(f"d{n},Device {n},intrusion-detector,{self.county},{at},{wire}")
        told = self._ask("POST", "/api/assets.csv", "\r\n".join(lines).encode())[0]
        assert told["added"] == PRESSES + DEVICES, told
        self._ask("POST", "/api/login", {"login": "sam", "password": PASSWORD}, "sam")
        for n in range(UNITS):
            post = {"lon": 24.93 + n * 0.003, "lat": 60.17}
            unit = {
                "name": f"P{n}",
                "agency": f"police-command@{self.county}",
                "kind": "patrol-car",
            }
            more = {"area": self.county, "post": post}
            made = self._ask("POST", "/api/units", {**unit, **more})[0]
            self._ask("POST", f"/api/units/{made['id']}/start-duty", {}, "sam")

    def send(self, alarms: list[dict[str, Any]]) -> None:
        """One signed message over a connection of its own; returns once it is acknowledged."""
        body, stamp = json.dumps({"alarms": alarms}).encode(), str(int(time.time()))
        mark = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"X-Tocsin-Timestamp": stamp, "X-Tocsin-Signature": f"sha256={mark}"}
        address = f"{self.address}/intakes/signed/bench"
        with urlopen(Request(address, body, headers, method="POST"), timeout=60) as answer:
            assert answer.status == 204

    def flood(self) -> None:
        """Every device raises every kind, at an even pace where the node keeps it."""
        told = [
            {"device": f"d{n}", "kind": kind, "key": f"flood-{kind}-{n}"}
            for kind in KINDS
            for n in range(DEVICES)
        ]
        parts = [told[n : n + IN_MESSAGE] for n in range(0, len(told), IN_MESSAGE)]
        began = time.perf_counter()
        with ThreadPoolExecutor(SENDERS) as pool:
            for number, part in enumerate(parts):
                due = began + number * IN_MESSAGE / RATE
                time.sleep(max(0.0, due - time.perf_counter()))
                pool.submit(self.send, part)

    def opened(self, cookie: str) -> list[float]:
        """When the node opened each alarm, in Unix milliseconds."""
        found: list[float] = []
        after = ""
        while True:
            path = f"/api/alarms?limit=500{after}"
            request = Request(f"{self.address}{path}", headers={"Cookie": cookie})
            with urlopen(request, timeout=60) as answer:
                page = json.load(answer)
            found += [_ms(each["opened_at"]) for each in page["alarms"]]
            if page["next"] is None:
                return found
            after = f"&after={page['next']}"

    def _ask(self, method: str, path: str, body: Any = None, who: str = "ada") -> tuple[Any, str]:
        known = _SESSIONS.get((self.address, who), {})
        csv = isinstance(body, bytes)
        headers = {"Content-Type": "text/csv" if csv else "application/json", **known}
        headers["Origin"] = self.address
        data = body if csv or body is None else json.dumps(body).encode()
        try:
            answer = urlopen(Request(f"{self.address}{path}", data, headers, method=method))
        except HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.read()!r}") from error
        with answer:
            cookie = str(answer.headers.get("Set-Cookie") or "").split(";", 1)[0]
            said = json.load(answer)
        if path == "/api/login":
            _SESSIONS[self.address, who] = {"Cookie": cookie, "X-CSRF-Token": said["csrf"]}
        return said, cookie


_SESSIONS: dict[tuple[str, str], dict[str, str]] = {}


def _ms(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1_000
